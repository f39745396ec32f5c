// HTTPVersion: the eight bytes `HTTP/1.1` that start and status lines share (RFC 9112 §2.3).

import Bytes

/// Parses the name and number of the protocol.
enum HTTPVersion {
    /// What the first bytes of a version turned out to be.
    enum Outcome: Equatable {
        /// All bytes so far fit, but not all have arrived.
        case needMore
        /// Not `HTTP/` digit `.` digit, in these capitals.
        case invalid
        /// A major version other than 1; the preface of HTTP/2 ends here as well.
        case unsupported
        /// 0 for HTTP/1.0, 1 for HTTP/1.1 and later: a higher minor version is treated as the
        /// highest one known (RFC 9110 §2.5).
        case minor(Int)
    }

    /// Looks at the first eight of `bytes`.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        let shape: StaticString = "HTTP/0.0"
        for index in 0..<min(bytes.count, 8) {
            let isRight =
                switch index {
                case 5, 7: ASCII.isDigit(bytes[index])
                default: bytes[index] == shape.utf8Start[index]
                }
            guard isRight else { return .invalid }
        }
        guard bytes.count >= 8 else { return .needMore }
        guard bytes[5] == UInt8(ascii: "1") else { return .unsupported }
        return .minor(bytes[7] == UInt8(ascii: "0") ? 0 : 1)
    }
}
