// Terminal: what the command says to a person: answers on stdout, complaints on stderr.

internal import Glibc

/// Writes to the standard streams.
enum Terminal {
    /// Prints a line.
    static func print(_ text: String) { write(1, text) }

    /// Prints a complaint.
    static func error(_ text: String) { write(2, text) }

    /// Prints why nothing goes on, and ends the program.
    static func fail(_ text: String, _ status: Int32 = ExitStatus.failed) -> Never {
        error("signalbox: \(text)")
        exit(status)
    }

    private static func write(_ descriptor: Int32, _ text: String) {
        var line = text.hasSuffix("\n") ? text : text + "\n"
        line.withUTF8 { bytes in
            var sent = 0
            while sent < bytes.count {
                let rest = UnsafeBufferPointer(rebasing: bytes[sent...])
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                guard count > 0 else { return }
                sent += count
            }
        }
    }
}
