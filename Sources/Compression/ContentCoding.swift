// ContentCoding and CompressionError: the two codings that HTTP peers agree on, and what can go
// wrong with them. Choosing one by Accept-Encoding is negotiation and belongs to HTTPWire.

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

/// Why data could not be compressed or decompressed.
package enum CompressionError: Error, Equatable, Sendable {
    /// The input is not what its coding says, or its checksum is wrong.
    case corrupt
    /// The input ends in the middle.
    case truncated
    /// Something follows the end of the compressed data.
    case trailingData
    /// The output would be longer than the limit, in bytes.
    case tooLarge(limit: Int)
    /// zlib got no memory.
    case outOfMemory
}

extension CompressionError: CustomStringConvertible {
    /// The reason in words.
    package var description: String {
        switch self {
        case .corrupt: "compressed data is corrupt"
        case .truncated: "compressed data ends too early"
        case .trailingData: "data follows the compressed data"
        case .tooLarge(let limit): "data is longer than \(limit) bytes when decompressed"
        case .outOfMemory: "no memory for compression"
        }
    }
}
