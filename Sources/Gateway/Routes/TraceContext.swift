// TraceContext: the `traceparent` field of W3C Trace Context: what is passed on must be one, and who
// brings none gets one, so that the lines of one request find each other.

internal import Bytes

/// Checks and makes values of `traceparent`.
enum TraceContext {
    /// Bytes of a value of version 00.
    static let byteCount = 55

    /// Whether `value` is a valid one of version 00, or begins like one in a later version.
    static func isValid(_ value: UnsafeRawBufferPointer) -> Bool {
        guard value.count >= byteCount, value.count <= 256 else { return false }
        for (index, byte) in value.prefix(byteCount).enumerated() {
            let isSeparator = index == 2 || index == 35 || index == 52
            guard isSeparator ? byte == 0x2D : isDigit(byte) else { return false }
        }
        let isVersionZero = value[0] == 0x30 && value[1] == 0x30
        guard !(value[0] == 0x66 && value[1] == 0x66) else { return false }
        if value.count > byteCount {
            guard !isVersionZero, value[byteCount] == 0x2D,
                value[byteCount...].allSatisfy({ $0 > 0x20 && $0 < 0x7F })
            else { return false }
        }
        // Ids of nothing but zeros are none (§3.2.2.3 and §3.2.2.4).
        return value[3..<35].contains { $0 != 0x30 } && value[36..<52].contains { $0 != 0x30 }
    }

    // Capitals are not allowed (§3.2.1).
    private static func isDigit(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || byte &- 97 < 6
    }

    /// Appends a new value that asks nobody to record anything.
    static func append(_ high: UInt64, _ low: UInt64, _ parent: UInt64, to out: inout ByteBuffer) {
        out.append("00-")
        append(high | 1, to: &out)
        append(low, to: &out)
        out.append(UInt8(ascii: "-"))
        append(parent | 1, to: &out)
        out.append("-00")
    }

    private static func append(_ word: UInt64, to out: inout ByteBuffer) {
        out.fill(atLeast: 16) { room in
            for index in 0..<16 {
                let digit = Int(truncatingIfNeeded: word &>> UInt64(60 - index * 4)) & 0xF
                room[index] = ASCII.hexDigit(digit)
            }
            return 16
        }
    }
}
