// FileTrouble: why a file cannot be read, and what to do about it, in words.

internal import Glibc

/// Why the file of a source is not read at the moment.
///
/// Any thread.
enum FileTrouble: Error, Sendable, Equatable {
    /// Nothing is there.
    case missing
    /// The folder that it should be in is not there.
    case noFolder(String)
    /// There is a folder.
    case folder
    /// There is something that cannot be read twice: a pipe, a socket, a device.
    case special(String)
    /// It may not be read.
    case denied
    /// Something else, as the system has it.
    case system(call: String, code: Int32)

    /// What is wrong with `path` as far as can be seen from outside; nil if nothing is.
    ///
    /// To open what is no regular file may have effects of its own. Blocks.
    static func before(opening path: String) -> FileTrouble? {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return after("stat", errno, path) }
        return of(kind: facts.st_mode)
    }

    /// What is wrong with a file of that `st_mode`.
    static func of(kind: mode_t) -> FileTrouble? {
        switch kind & S_IFMT {
        case S_IFREG: nil
        case S_IFDIR: .folder
        case S_IFIFO: .special("a pipe")
        case S_IFSOCK: .special("a socket")
        default: .special("a device")
        }
    }

    /// What the failure of `call` with `code` means for `path`.
    static func after(_ call: String, _ code: Int32, _ path: String) -> FileTrouble {
        switch code {
        case ENOENT, ENOTDIR:
            let folder = parent(of: path)
            var facts = stat()
            let isThere = stat(folder, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
            return isThere ? .missing : .noFolder(folder)
        case EACCES, EPERM: return .denied
        default: return .system(call: call, code: code)
        }
    }

    /// The folder that `path`, which is absolute, lies in.
    static func parent(of path: String) -> String {
        let folder = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
        return folder.isEmpty ? "/" : String(folder)
    }

    /// Whether somebody should look into it: a file that is not there may well come.
    var isGrave: Bool { self != .missing }

    /// What is wrong with `path`, and what ends that.
    func sentence(_ path: String) -> String {
        switch self {
        case .missing: "there is no file \(path); it will be read from its beginning when it comes"
        case .noFolder(let folder):
            "there is no folder \(folder); make it, or name another file"
        case .folder: "\(path) is a folder; name a file in it"
        case .special(let kind):
            "\(path) is \(kind), and only regular files are followed; "
                + "let what writes to it write to a file, or to a source with unix or udp"
        case .denied:
            "\(path) may not be read; give the user whom the gateway runs as the right to read the "
                + "file and to enter its folders"
        case .system(let call, let code):
            "\(path) cannot be read: \(call): \(String(cString: strerror(code)))"
        }
    }
}
