// JSONText: strings as JSON, for log lines and for JSON kept from the configuration. It escapes more
// than RFC 8259 §7 asks, so that what it writes stays on one line and shows as it is, wherever it is
// read. Validating and reading JSON is the business of the JSON target.

import Bytes

extension ByteBuffer {
    /// Appends `text` as a JSON string, quotes included.
    mutating func append(jsonString text: String) {
        var copy = text
        copy.withUTF8 { append(jsonString: UnsafeRawBufferPointer($0)) }
    }

    /// Appends `bytes` as a JSON string, quotes included; `bytes` are UTF-8.
    mutating func append(jsonString bytes: UnsafeRawBufferPointer) {
        append(UInt8(ascii: "\""))
        var start = 0
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            let mark = LogText.invisible(bytes, at: index)
            guard byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || mark != nil else {
                index += 1
                continue
            }
            append(UnsafeRawBufferPointer(rebasing: bytes[start..<index]))
            append(UInt8(ascii: "\\"))
            if let mark {
                append(escaped: mark.scalar)
                index += mark.byteCount
            } else {
                append(byte)
                index += 1
            }
            start = index
        }
        append(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        append(UInt8(ascii: "\""))
    }

    /// Appends what stands behind the backslash of an invisible character: `n`, `r`, `t` or `uXXXX`.
    mutating func append(escaped scalar: Int) {
        switch scalar {
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0D: append(UInt8(ascii: "r"))
        case 0x09: append(UInt8(ascii: "t"))
        default:
            append(UInt8(ascii: "u"))
            for shift in [12, 8, 4, 0] { append(ASCII.hexDigit(scalar >> shift)) }
        }
    }
}
