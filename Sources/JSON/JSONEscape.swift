// JSONEscape: any bytes as the inside of a JSON string. Plain stretches are found by JSONBytes'
// word test and copied whole.

import Bytes

/// Escaping of string contents (RFC 8259 §7).
enum JSONEscape {
    /// Appends `utf8` escaped, without quotes; broken UTF-8 is replaced by U+FFFD.
    static func append(_ utf8: UnsafeRawBufferPointer, to output: inout ByteBuffer) {
        let bytes = JSONBytes(utf8)
        var start = 0
        var at = 0
        while true {
            at = bytes.plainEnd(at)
            guard at < bytes.end else { break }
            let byte = bytes.base[at]
            if byte >= 0x80 {
                let length = UTF8Sequence.length(bytes.base, at, bytes.end)
                if length > 0 {
                    at &+= length
                    continue
                }
            }
            output.append(UnsafeRawBufferPointer(rebasing: utf8[start..<at]))
            if byte >= 0x80 {
                output.append("\u{FFFD}")
                at &+= UTF8Sequence.brokenLength(bytes.base, at, bytes.end)
            } else {
                append(escaped: byte, to: &output)
                at &+= 1
            }
            start = at
        }
        output.append(UnsafeRawBufferPointer(rebasing: utf8[start..<bytes.end]))
    }

    private static func append(escaped byte: UInt8, to output: inout ByteBuffer) {
        output.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(byte)
        case 0x08: output.append(UInt8(ascii: "b"))
        case 0x09: output.append(UInt8(ascii: "t"))
        case 0x0A: output.append(UInt8(ascii: "n"))
        case 0x0C: output.append(UInt8(ascii: "f"))
        case 0x0D: output.append(UInt8(ascii: "r"))
        default:
            output.append("u00")
            output.append(ASCII.hexDigit(Int(byte >> 4)))
            output.append(ASCII.hexDigit(Int(byte)))
        }
    }
}
