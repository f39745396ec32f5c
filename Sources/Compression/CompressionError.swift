// CompressionError: what can go wrong with compressed data.

internal import Bytes

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
        case .tooLarge(let limit): "data is longer than \(Quantity.bytes(limit)) when decompressed"
        case .outOfMemory: "no memory for compression"
        }
    }
}
