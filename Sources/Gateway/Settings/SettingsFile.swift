// SettingsFile: reading the configuration file, and what paths in it mean. Nothing else of the
// configuration touches the disk.

import Glibc

/// The configuration file on disk.
enum SettingsFile {
    /// Largest file taken, in bytes: a hundred times a large configuration.
    static let sizeLimit = 1 << 20

    /// Reads the whole of `file`.
    ///
    /// - Throws: one fault, in words that name what to do.
    static func read(_ file: String) throws(SettingsError) -> [UInt8] {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw fault(file, errno) }
        defer { close(descriptor) }
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            throw fault(file, EISDIR)
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw fault(file, errno) }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= sizeLimit else {
                throw SettingsError(faults: [
                    SettingsFault(
                        source: file, problem: "the file is larger than 1 MiB",
                        advice: "is it a configuration?")
                ])
            }
        }
    }

    private static func fault(_ file: String, _ number: Int32) -> SettingsError {
        let (problem, advice): (String, String?) =
            switch number {
            case ENOENT: ("there is no such file", "name one with --config FILE")
            case EISDIR: ("this is a folder", "name the file in it")
            case EACCES: ("the file may not be read by this user", nil)
            default: (String(cString: strerror(number)), nil)
            }
        return SettingsError(faults: [
            SettingsFault(source: file, problem: problem, advice: advice)
        ])
    }

    /// What is wrong with `path` as the path of anything, or nil.
    static func problem(ofPath path: String) -> String? {
        if path.isEmpty { return "the path is empty" }
        return path.utf8.contains(0) ? "the path has a zero byte" : nil
    }

    /// The folder that `file` lies in, absolute.
    static func folder(of file: String) -> String {
        let absolute = absolute(file, in: workingDirectory())
        guard let slash = absolute.lastIndex(of: "/"), slash > absolute.startIndex else {
            return "/"
        }
        return String(absolute[..<slash])
    }

    /// `path` made absolute with `folder`; `.` segments vanish, `..` stays for the kernel, which
    /// alone knows where symbolic links lead.
    static func absolute(_ path: String, in folder: String) -> String {
        let joined = path.hasPrefix("/") ? path : "\(folder)/\(path)"
        let segments = joined.split(separator: "/").filter { $0 != "." }
        return "/" + segments.joined(separator: "/")
    }

    private static func workingDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }
}
