// Percent: percent-encoding of URL parts (RFC 3986 §2.1), both directions.
//
// Decoding is strict: a `%` without two hexadecimal digits is refused, never passed through. What
// the decoded bytes mean (separators, dot segments, UTF-8) is for the caller to judge.

/// Percent-encoding of URL parts.
public enum Percent {
    /// Whether `byte` is `unreserved` (RFC 3986 §2.3) and so never needs an escape.
    @inlinable @inline(__always)
    public static func isUnreserved(_ byte: UInt8) -> Bool {
        // - . 0-9 in the low word; A-Z _ a-z ~ in the high one.
        let low: UInt64 = 0x03FF_6000_0000_0000
        let high: UInt64 = 0x47FF_FFFE_87FF_FFFE
        guard byte < 128 else { return false }
        return ((byte < 64 ? low : high) >> UInt64(byte & 63)) & 1 == 1
    }

    /// The byte that the escape at `index` of `bytes` stands for, or nil if it is none.
    @inlinable
    public static func escapedByte(_ bytes: UnsafeRawBufferPointer, at index: Int) -> UInt8? {
        guard index >= 0, bytes.count - index >= 3, bytes[index] == UInt8(ascii: "%"),
            let high = ASCII.hexValue(bytes[index + 1]), let low = ASCII.hexValue(bytes[index + 2])
        else { return nil }
        return high << 4 | low
    }

    /// Appends `bytes` to `output`, escapes resolved and, in form data, `+` turned into a space.
    ///
    /// - Returns: Whether every escape was valid; if not, `output` is as before.
    public static func decode(
        _ bytes: UnsafeRawBufferPointer, into output: inout ByteBuffer, plusIsSpace: Bool = false
    ) -> Bool {
        let before = output.count
        // An escape shrinks, so the input's length is room enough.
        output.reserve(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%") {
                guard let decoded = escapedByte(bytes, at: index) else {
                    output.dropLast(output.count - before)
                    return false
                }
                output.append(decoded)
                index += 3
            } else {
                output.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
                index += 1
            }
        }
        return true
    }

    /// Appends `bytes` to `output`, with all but unreserved ones written as `%XX`.
    ///
    /// The result is safe in any part of a URL, in upper-case digits (RFC 3986 §2.1).
    public static func encode(_ bytes: UnsafeRawBufferPointer, into output: inout ByteBuffer) {
        encode(bytes, keeping: [], into: &output)
    }

    /// Appends `bytes`, a decoded path, to `output` as a URL has it: all but slashes and what may
    /// stand in a segment (RFC 3986 §3.3) written as `%XX`.
    public static func encodePath(
        _ bytes: UnsafeRawBufferPointer, into output: inout ByteBuffer
    ) {
        encode(bytes, keeping: pathExtras, into: &output)
    }

    private static func encode(
        _ bytes: UnsafeRawBufferPointer, keeping extras: [UInt8], into output: inout ByteBuffer
    ) {
        for byte in bytes {
            guard !isUnreserved(byte), !extras.contains(byte) else {
                output.append(byte)
                continue
            }
            output.append(UInt8(ascii: "%"))
            output.append(upperDigit(byte >> 4))
            output.append(upperDigit(byte & 0xF))
        }
    }

    /// The slash, and what a segment may have beside unreserved bytes.
    private static let pathExtras = [UInt8]("/!$&'()*+,;=:@".utf8)

    private static func upperDigit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? nibble &+ 48 : nibble &+ 55
    }
}
