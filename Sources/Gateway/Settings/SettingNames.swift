// SettingNames: which names modules, commands, signals and timers may have. They become parts of
// URLs, of event streams and of log lines, so they are plain words.

import Bytes

/// The grammar of names in the configuration.
///
/// Each function says what is wrong, or nil.
enum SettingNames {
    /// Longest name or segment.
    static let lengthLimit = 64

    /// Longest signal name or pattern.
    static let signalLengthLimit = 256

    /// First segment of the gateway's own signals.
    static let reserved = "signalbox"

    /// Judges the name of a module or a timer: `[a-z0-9_-]+`, one segment.
    static func problem(ofName name: String) -> String? {
        if name == reserved { return "the name \(reserved) is the gateway's own" }
        return isSegment(name, mixedCase: false)
            ? nil : "names are 1 to \(lengthLimit) of a-z, 0-9, _ and -"
    }

    /// Judges the name of a command: `[A-Za-z0-9_-]+`, segments with dots between them.
    ///
    /// Capitals are allowed because programs bring their own names; `rpc.` is JSON-RPC's.
    static func problem(ofCommand name: String) -> String? {
        let segments = name.split(separator: ".", omittingEmptySubsequences: false)
        if segments.first == "rpc" { return "commands beginning with rpc. belong to JSON-RPC" }
        return segments.count <= 8 && segments.allSatisfy { isSegment($0, mixedCase: true) }
            ? nil : "commands are words of A-Z, a-z, 0-9, _ and -, with dots between them"
    }

    /// Judges the name of a signal that is emitted: `[a-z0-9_-]+`, segments with dots between them.
    static func problem(ofSignal name: String) -> String? {
        let segments = name.split(separator: ".", omittingEmptySubsequences: false)
        if segments.first == reserved[...] {
            return "signals below \(reserved). are the gateway's own"
        }
        return name.utf8.count <= signalLengthLimit
            && segments.allSatisfy { isSegment($0, mixedCase: false) }
            ? nil : "signals are words of a-z, 0-9, _ and -, with dots between them"
    }

    /// Judges a pattern of signals: as a name, but `*` stands for one segment, and `**` at the end
    /// for all that follow.
    static func problem(ofSignalPattern pattern: String) -> String? {
        let segments = pattern.split(separator: ".", omittingEmptySubsequences: false)
        if segments.first == reserved[...] {
            return "signals below \(reserved). are the gateway's own"
        }
        if segments.dropLast().contains("**") { return "** stands at the end of a pattern" }
        return pattern.utf8.count <= signalLengthLimit
            && segments.allSatisfy { $0 == "*" || $0 == "**" || isSegment($0, mixedCase: false) }
            ? nil : "patterns are words of a-z, 0-9, _ and -, or *, with dots between them"
    }

    private static func isSegment(_ text: some StringProtocol, mixedCase: Bool) -> Bool {
        let bytes = text.utf8
        return !bytes.isEmpty && bytes.count <= lengthLimit
            && bytes.allSatisfy { byte in
                ASCII.isDigit(byte) || byte &- 97 < 26 || (mixedCase && byte &- 65 < 26)
                    || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            }
    }
}
