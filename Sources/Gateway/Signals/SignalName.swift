// SignalName and SignalPattern: `host.disk.full`, and what a stream asks for: `host.*`, `host.**`.

internal import Bytes

/// The grammar of signal names.
enum SignalName {
    /// Longest name in bytes: longer ones would not fit a table row in any console.
    static let byteLimit = 128

    /// Names under this prefix belong to the gateway.
    static let reservedPrefix: StaticString = "signalbox."

    /// Whether `bytes` are a name: segments of letters, digits, `-` and `_`, joined by dots.
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count > 0, bytes.count <= byteLimit else { return false }
        var segment = 0
        for byte in bytes {
            if byte == UInt8(ascii: ".") {
                guard segment > 0 else { return false }
                segment = 0
            } else {
                guard isNameByte(byte) else { return false }
                segment += 1
            }
        }
        return segment > 0
    }

    /// Why nobody but the gateway can emit a signal of some name.
    enum Fault {
        /// It is no name.
        case malformed
        /// It lies under the gateway's own prefix.
        case reserved

        /// The HTTP status.
        var status: Int { self == .malformed ? 400 : 403 }

        /// A stable name for programs.
        var code: StaticString { self == .malformed ? "bad_signal_name" : "reserved_signal" }

        /// What is wrong, in a sentence.
        var detail: String {
            switch self {
            case .malformed:
                "A signal's name is segments of letters, digits, - and _, joined by dots, and has "
                    + "at most \(SignalName.byteLimit) bytes."
            case .reserved: "Signals under signalbox. are emitted by the gateway only."
            }
        }
    }

    /// Why a signal called `bytes` cannot be emitted; nil if it can.
    static func fault(of bytes: UnsafeRawBufferPointer) -> Fault? {
        guard isValid(bytes) else { return .malformed }
        return isReserved(bytes) ? .reserved : nil
    }

    /// Whether `bytes` lie under the gateway's own prefix.
    static func isReserved(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let prefix = reservedPrefix
        guard bytes.count >= prefix.utf8CodeUnitCount else { return false }
        return ASCII.isExactly(
            UnsafeRawBufferPointer(rebasing: bytes[..<prefix.utf8CodeUnitCount]), prefix)
    }

    @inline(__always)
    static func isNameByte(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: "_")
    }
}

/// One pattern: a name, of which the last segment may be `*` (any one segment) or `**` (one or more).
struct SignalPattern: Hashable, Sendable {
    /// What may follow the prefix.
    enum Tail: Hashable, Sendable {
        /// Nothing.
        case exact
        /// One segment.
        case one
        /// One segment or more.
        case rest
    }

    /// What may follow the prefix.
    let tail: Tail

    /// What the names that it means begin with: up to the star, or all of it.
    let prefix: [UInt8]

    /// The pattern as it was written.
    let text: String

    /// Whether it is a name, meaning just that signal.
    var isExact: Bool { tail == .exact }

    /// Reads a pattern; nil if it is none.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        self.text = text
        var stem = bytes
        if bytes.suffix(2) == [UInt8(ascii: "*"), UInt8(ascii: "*")] {
            tail = .rest
            stem.removeLast(2)
        } else if bytes.last == UInt8(ascii: "*") {
            tail = .one
            stem.removeLast()
        } else {
            tail = .exact
        }
        prefix = stem
        if tail != .exact {
            if stem.isEmpty { return }
            guard stem.popLast() == UInt8(ascii: ".") else { return nil }
        }
        guard stem.withUnsafeBytes({ SignalName.isValid($0) }) else { return nil }
    }

    /// Whether every signal that `other` means is meant as well.
    func covers(_ other: SignalPattern) -> Bool {
        switch (tail, other.tail) {
        case (_, .exact): return other.prefix.withUnsafeBytes { matches($0) }
        case (.exact, _): return false
        case (.one, .one): return prefix == other.prefix
        case (.one, .rest): return false
        case (.rest, .one), (.rest, .rest): return other.prefix.starts(with: prefix)
        }
    }

    /// Whether the signal `name` is meant.
    func matches(_ name: UnsafeRawBufferPointer) -> Bool {
        guard name.count >= prefix.count else { return false }
        for index in 0..<prefix.count where name[index] != prefix[index] { return false }
        switch tail {
        case .exact: return name.count == prefix.count
        case .rest: return name.count > prefix.count
        case .one:
            guard name.count > prefix.count else { return false }
            for index in prefix.count..<name.count where name[index] == UInt8(ascii: ".") {
                return false
            }
            return true
        }
    }
}
