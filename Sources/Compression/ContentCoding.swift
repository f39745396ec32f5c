// ContentCoding: the two codings that HTTP peers agree on. Choosing one by Accept-Encoding is
// negotiation and belongs to HTTPWire.

/// A content coding of RFC 9110 §8.4.1 that zlib knows.
package enum ContentCoding: Sendable {
    /// The gzip file format (RFC 1952).
    case gzip
    /// The zlib format (RFC 1950), which HTTP calls "deflate". Bare deflate data is refused.
    case deflate

    /// zlib's window size argument for a window of `2^bits` bytes in this format.
    func windowBits(_ bits: Int32) -> Int32 {
        switch self {
        case .gzip: bits + 16
        case .deflate: bits
        }
    }
}
