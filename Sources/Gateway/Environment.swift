// Environment: the variables of this process.

internal import Glibc

/// The environment of this process.
public enum Environment {
    /// The value of a variable.
    public static func value(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// Whether this process may read `file`.
    static func isReadable(_ file: String) -> Bool { access(file, R_OK) == 0 }

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
