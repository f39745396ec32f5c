// Terminal: what the command says to a person: answers on stdout, complaints on stderr.

internal import Glibc

/// Writes to the standard streams.
enum Terminal {
    /// Prints a line; returns whether somebody is there to read it.
    @discardableResult
    static func print(_ text: String) -> Bool { write(1, text) }

    /// Prints a complaint.
    static func error(_ text: String) { write(2, text) }

    /// `text` without control characters: what others have written must not steer the terminal.
    ///
    /// - Parameter isLine: line breaks are replaced, too.
    static func plain(_ text: String, asLine isLine: Bool = false) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control
            let isBreak = scalar == "\n" || scalar == "\t"
            result.append(isControl && (isLine || !isBreak) ? "\u{FFFD}" : scalar)
        }
        return String(result)
    }

    /// Prints why nothing goes on, and ends the program.
    static func fail(_ text: String, _ status: Int32 = ExitStatus.failed) -> Never {
        error("signalbox: \(text)")
        exit(status)
    }

    @discardableResult
    private static func write(_ descriptor: Int32, _ text: String) -> Bool {
        var line = text.hasSuffix("\n") ? text : text + "\n"
        return line.withUTF8 { bytes in
            var sent = 0
            while sent < bytes.count {
                let rest = UnsafeBufferPointer(rebasing: bytes[sent...])
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                guard count > 0 || errno == EINTR else { return false }
                sent += max(count, 0)
            }
            return true
        }
    }
}
