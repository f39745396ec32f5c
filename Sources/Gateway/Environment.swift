// Environment: the variables of this process.

internal import Glibc

/// The environment of this process.
public enum Environment {
    /// The value of a variable.
    public static func value(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// The path of `file` without links and `..`, as a person in this folder would write it; nil if
    /// there is no such file, or it may not be read.
    static func shortPath(_ file: String) -> String? {
        guard access(file, R_OK) == 0, let real = realpath(file, nil) else { return nil }
        defer { free(real) }
        let path = String(cString: real)
        guard let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        let prefix = String(cString: folder) + "/"
        return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
    }

    /// All variables.
    public static var all: [String: String] {
        var result: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return result
    }
}
