// Base64: RFC 4648 encoding and strict decoding, in the standard and the URL-safe alphabet.
//
// Strict means: no blanks or line breaks, padding exactly where the alphabet asks for it, unused
// bits zero. So every byte string has one encoding, and a token cannot be spelt in two ways.

/// Base64 encoding and strict decoding (RFC 4648).
public enum Base64 {
    /// The two alphabets; they differ in two characters and in padding.
    public enum Alphabet: Sendable {
        /// `+` and `/`, padded with `=` (RFC 4648 §4).
        case standard
        /// `-` and `_`, not padded (RFC 4648 §5), as in tokens.
        case urlSafe
    }

    /// Appends the encoding of `bytes` to `output`.
    public static func encode(
        _ bytes: UnsafeRawBufferPointer, into output: inout ByteBuffer,
        alphabet: Alphabet = .standard
    ) {
        output.reserve((bytes.count / 3 + 1) * 4)
        var index = 0
        while bytes.count - index >= 3 {
            let group =
                UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8
                | UInt32(bytes[index + 2])
            append(group, digits: 4, to: &output, alphabet)
            index += 3
        }
        switch bytes.count - index {
        case 1:
            append(UInt32(bytes[index]) << 16, digits: 2, to: &output, alphabet)
            if alphabet == .standard { output.append("==") }
        case 2:
            let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8
            append(group, digits: 3, to: &output, alphabet)
            if alphabet == .standard { output.append("=") }
        default:
            break
        }
    }

    /// Appends the bytes that `text` encodes to `output`.
    ///
    /// - Returns: Whether `text` was valid; if not, `output` is as before.
    public static func decode(
        _ text: UnsafeRawBufferPointer, into output: inout ByteBuffer,
        alphabet: Alphabet = .standard
    ) -> Bool {
        guard let digitCount = digitCount(text, alphabet) else { return false }
        let before = output.count
        var bits: UInt32 = 0
        var bitCount = 0
        for index in 0..<digitCount {
            guard let value = value(of: text[index], alphabet) else {
                output.dropLast(output.count - before)
                return false
            }
            bits = (bits << 6 | value) & 0xFFFF
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                output.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
            }
        }
        guard bits & (1 << UInt32(bitCount) - 1) == 0 else {
            output.dropLast(output.count - before)
            return false
        }
        return true
    }

    /// The number of digits in front of the padding, or nil if length or padding are wrong.
    private static func digitCount(_ text: UnsafeRawBufferPointer, _ alphabet: Alphabet) -> Int? {
        switch alphabet {
        case .urlSafe:
            return text.count % 4 == 1 ? nil : text.count
        case .standard:
            guard text.count % 4 == 0 else { return nil }
            guard text.count > 0, text[text.count - 1] == UInt8(ascii: "=") else {
                return text.count
            }
            return text[text.count - 2] == UInt8(ascii: "=") ? text.count - 2 : text.count - 1
        }
    }

    private static func append(
        _ group: UInt32, digits: Int, to output: inout ByteBuffer, _ alphabet: Alphabet
    ) {
        for index in 0..<digits {
            output.append(
                digit(UInt8(truncatingIfNeeded: group >> UInt32(18 - 6 * index)) & 63, alphabet))
        }
    }

    private static func digit(_ value: UInt8, _ alphabet: Alphabet) -> UInt8 {
        switch value {
        case 0..<26: value &+ 65
        case 26..<52: value &+ 71
        case 52..<62: value &- 4
        case 62: alphabet == .standard ? UInt8(ascii: "+") : UInt8(ascii: "-")
        default: alphabet == .standard ? UInt8(ascii: "/") : UInt8(ascii: "_")
        }
    }

    private static func value(of digit: UInt8, _ alphabet: Alphabet) -> UInt32? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit &- 65)
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit &- 71)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit &+ 4)
        case UInt8(ascii: "+"): alphabet == .standard ? 62 : nil
        case UInt8(ascii: "/"): alphabet == .standard ? 63 : nil
        case UInt8(ascii: "-"): alphabet == .urlSafe ? 62 : nil
        case UInt8(ascii: "_"): alphabet == .urlSafe ? 63 : nil
        default: nil
        }
    }
}
