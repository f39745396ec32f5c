// StateFolder: whether a folder can hold the state, said before anything is made or written in it.
// What the file in it is, StateIdentity.swift tells.

internal import Glibc

/// Looks at the folder of the state.
///
/// Any thread; it blocks.
enum StateFolder {
    /// The database in `folder`.
    static func file(in folder: String) -> String { folder + "/state.sqlite3" }

    /// Whether there is anything at `path`.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Checks that the state can be kept in `folder`, or that the folder can be made.
    ///
    /// - Throws: `StateError.unusable`.
    static func check(_ folder: String) throws(StateError) {
        guard let kind = try kind(of: folder) else {
            try checkParent(of: folder)
            return
        }
        guard kind == S_IFDIR else {
            throw .unusable(
                path: folder, reason: "this is no folder; name another one in `state`")
        }
        try checkAccess(folder, R_OK | W_OK | X_OK)
        let file = file(in: folder)
        guard let kind = try Self.kind(of: file) else { return }
        guard kind == S_IFREG else {
            throw .unusable(path: file, reason: "this is no file; move it away")
        }
        try checkAccess(file, R_OK | W_OK)
    }

    /// Makes `folder` unless it is there, so that only the gateway's user may look into it.
    static func make(_ folder: String) throws(StateError) {
        guard mkdir(folder, 0o700) != 0, errno != EEXIST else { return }
        throw .unusable(path: folder, reason: "the folder cannot be made: \(errnoText())")
    }

    /// Brings the entries of `folder`, and its own in its parent, to the disk.
    static func sync(_ folder: String) {
        for path in [folder, parent(of: folder)] {
            let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            // A file system that cannot do this has nothing that could be done instead.
            _ = fsync(descriptor)
            Glibc.close(descriptor)
        }
    }

    private static func checkParent(of folder: String) throws(StateError) {
        let parent = parent(of: folder)
        guard let kind = try kind(of: parent) else {
            throw .unusable(
                path: folder,
                reason: "the folder cannot be made, as there is no \(parent); make that first")
        }
        guard kind == S_IFDIR else {
            throw .unusable(
                path: folder, reason: "the folder cannot be made, as \(parent) is no folder")
        }
        guard access(parent, W_OK | X_OK) != 0 else { return }
        throw .unusable(
            path: folder,
            reason: "the folder cannot be made in \(parent): \(errnoText()) (user \(geteuid())); "
                + "make it, and give it to that user")
    }

    private static func checkAccess(_ path: String, _ mode: Int32) throws(StateError) {
        guard access(path, mode) != 0 else { return }
        let reason = errnoText()
        throw .unusable(
            path: path,
            reason: "the gateway cannot read and write this: \(reason) (user \(geteuid())); "
                + "give it to that user, or name another folder in `state`")
    }

    /// The kind of what is at `path`, as `S_IFMT` masks it; nil if there is nothing.
    private static func kind(of path: String) throws(StateError) -> mode_t? {
        var facts = stat()
        if stat(path, &facts) == 0 { return facts.st_mode & S_IFMT }
        guard errno == ENOENT else {
            throw .unusable(
                path: path,
                reason: "the gateway cannot reach this: \(errnoText()) (user \(geteuid())); "
                    + "name another folder in `state`, or open those above it to that user")
        }
        guard lstat(path, &facts) != 0 else {
            throw .unusable(path: path, reason: "this is a link to what is not there")
        }
        return nil
    }

    private static func parent(of folder: String) -> String {
        var rest = folder[...]
        while rest.count > 1, rest.last == "/" { rest = rest.dropLast() }
        guard let slash = rest.lastIndex(of: "/") else { return "." }
        return slash == rest.startIndex ? "/" : String(rest[..<slash])
    }

    private static func errnoText() -> String { String(cString: strerror(errno)) }
}

/// Which file is at a path.
///
/// Any thread.
struct FileIdentity: Sendable, Equatable {
    private let device: dev_t
    private let number: ino_t

    /// The file at `path`; nil if there is none.
    init?(_ path: String) {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return nil }
        device = facts.st_dev
        number = facts.st_ino
    }
}
