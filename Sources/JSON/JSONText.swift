// JSONText: what the inside of a JSON string means. Input is the raw bytes between the quotes as
// the scanner found them; output is UTF-8. Writing strings is JSONWriter's.

package import Bytes

/// Decoding and comparison of raw JSON string contents.
///
/// Made for contents that were scanned; on any other bytes it is safe, and leaves a malformed escape
/// as it stands.
package enum JSONText {
    /// What becomes of a `\uD800`…`\uDFFF` escape without its other half.
    enum LoneSurrogates {
        /// U+FFFD, so that the result is UTF-8.
        case replace
        /// Three bytes as if it were a character (WTF-8), so that different keys stay different.
        case keep
    }

    /// The text of the string whose content between the quotes is `raw`.
    ///
    /// Half a surrogate pair becomes U+FFFD.
    package static func string(_ raw: UnsafeRawBufferPointer) -> String {
        guard raw.contains(UInt8(ascii: "\\")) else { return String(decoding: raw, as: UTF8.self) }
        var buffer = ByteBuffer(capacity: raw.count)
        decode(raw, into: &buffer)
        return buffer.text()
    }

    /// Appends the UTF-8 of the string whose content between the quotes is `raw`.
    ///
    /// Half a surrogate pair becomes U+FFFD. The result is never longer than `raw`.
    package static func decode(_ raw: UnsafeRawBufferPointer, into output: inout ByteBuffer) {
        decode(raw, .replace, into: &output)
    }

    /// Whether the string whose content between the quotes is `raw` reads `text`.
    package static func equals(_ raw: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        if ASCII.isExactly(raw, text) { return true }
        // An escape sequence is at most six times as long as what it stands for.
        let isPossible = raw.count / 6 <= text.utf8CodeUnitCount
        guard isPossible, raw.contains(UInt8(ascii: "\\")) else { return false }
        var buffer = ByteBuffer(capacity: raw.count)
        decode(raw, .keep, into: &buffer)
        return ASCII.isExactly(buffer.readable, text)
    }

    /// The code points of the string whose content between the quotes is `raw`, in UTF-8.
    ///
    /// Half surrogate pairs are kept as three bytes each, as if they were characters, so that different
    /// strings stay different.
    package static func codePoints(_ raw: UnsafeRawBufferPointer) -> [UInt8] {
        var buffer = ByteBuffer(capacity: raw.count)
        decode(raw, .keep, into: &buffer)
        return buffer.array()
    }

    /// Whether the string whose content between the quotes is `raw` has these `codePoints`.
    ///
    /// Needs memory only if there are escapes, and what is before the first one is the same.
    package static func equals(_ raw: UnsafeRawBufferPointer, codePoints: [UInt8]) -> Bool {
        guard let escape = raw.firstIndex(of: UInt8(ascii: "\\")) else {
            return raw.elementsEqual(codePoints)
        }
        // What an escape sequence stands for is never longer, and at most six times as short.
        guard codePoints.count <= raw.count, raw.count <= codePoints.count * 6,
            raw[..<escape].elementsEqual(codePoints.prefix(escape))
        else { return false }
        var buffer = ByteBuffer(capacity: raw.count)
        decode(raw, .keep, into: &buffer)
        return buffer.readable.elementsEqual(codePoints)
    }

    /// Appends the decoded content `raw`, half surrogate pairs treated as `policy` says.
    static func decode(
        _ raw: UnsafeRawBufferPointer, _ policy: LoneSurrogates, into output: inout ByteBuffer
    ) {
        output.reserve(raw.count)
        var start = 0
        var at = 0
        while at < raw.count {
            guard raw[at] == UInt8(ascii: "\\"), at + 1 < raw.count else {
                at += 1
                continue
            }
            let escape = raw[at + 1]
            if escape == UInt8(ascii: "u") {
                guard let unit = codeUnit(raw, at + 2) else {
                    at += 2
                    continue
                }
                output.append(UnsafeRawBufferPointer(rebasing: raw[start..<at]))
                at += 6
                var scalar = UInt32(unit)
                if unit & 0xFC00 == 0xD800, at + 1 < raw.count, raw[at] == UInt8(ascii: "\\"),
                    raw[at + 1] == UInt8(ascii: "u"), let low = codeUnit(raw, at + 2),
                    low & 0xFC00 == 0xDC00
                {
                    scalar = 0x10000 &+ ((scalar & 0x3FF) &<< 10 | UInt32(low & 0x3FF))
                    at += 6
                }
                if scalar & 0xFFFF_F800 == 0xD800, policy == .replace { scalar = 0xFFFD }
                append(scalar, to: &output)
            } else {
                output.append(UnsafeRawBufferPointer(rebasing: raw[start..<at]))
                output.append(character(of: escape))
                at += 2
            }
            start = at
        }
        output.append(UnsafeRawBufferPointer(rebasing: raw[start..<raw.count]))
    }

    /// The character that a backslash followed by `escape` stands for (RFC 8259 §7).
    private static func character(of escape: UInt8) -> UInt8 {
        switch escape {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: escape
        }
    }

    /// The value of the four hexadecimal digits at `start`, or nil.
    private static func codeUnit(_ raw: UnsafeRawBufferPointer, _ start: Int) -> UInt16? {
        guard start + 4 <= raw.count else { return nil }
        var unit: UInt16 = 0
        for at in start..<(start + 4) {
            guard let digit = ASCII.hexValue(raw[at]) else { return nil }
            unit = unit &<< 4 | UInt16(digit)
        }
        return unit
    }

    /// Appends `scalar` in UTF-8, and surrogates the same way.
    private static func append(_ scalar: UInt32, to output: inout ByteBuffer) {
        func tail(_ shift: UInt32) -> UInt8 {
            UInt8(truncatingIfNeeded: scalar &>> shift) & 0x3F | 0x80
        }
        if scalar < 0x80 {
            output.append(UInt8(truncatingIfNeeded: scalar))
        } else if scalar < 0x800 {
            output.append(UInt8(truncatingIfNeeded: scalar &>> 6) | 0xC0)
            output.append(tail(0))
        } else if scalar < 0x10000 {
            output.append(UInt8(truncatingIfNeeded: scalar &>> 12) | 0xE0)
            output.append(tail(6))
            output.append(tail(0))
        } else {
            output.append(UInt8(truncatingIfNeeded: scalar &>> 18) | 0xF0)
            output.append(tail(12))
            output.append(tail(6))
            output.append(tail(0))
        }
    }
}
