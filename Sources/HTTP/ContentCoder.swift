// ContentCoder: gzip and deflate of whole bodies, both directions, with the bounds that keep a loop
// responsive and a compression bomb harmless.

internal import Bytes
internal import Compression
internal import HTTPWire

/// Compresses answers and decompresses requests of one loop.
///
/// Loop-confined.
final class ContentCoder {
    /// Smaller bodies are sent as they are: they fit one packet either way.
    static let leastBytes = 1024

    /// Larger bodies are sent as they are: compressing them would hold the loop for over 5 ms.
    static let mostBytes = 256 * 1024

    private var gzip: Deflater?
    private var deflate: Deflater?
    private var output = ByteBuffer()

    /// Whether a body of that type and size is worth compressing.
    static func isWorthwhile(_ type: StaticString, _ count: Int) -> Bool {
        guard count > leastBytes, count <= mostBytes else { return false }
        let name = UnsafeRawBufferPointer(start: type.utf8Start, count: type.utf8CodeUnitCount)
        return name.starts(with: "application/json".utf8) || name.starts(with: "text/".utf8)
            || name.starts(with: "application/problem+json".utf8)
    }

    /// The compressed `body`, readable until the next call; nil if it did not become smaller.
    func compress(
        _ body: UnsafeRawBufferPointer, _ coding: HTTPWire.ContentCoding
    ) -> UnsafeRawBufferPointer? {
        guard let deflater = deflater(coding) else { return nil }
        deflater.reset()
        output.removeAll()
        deflater.append(body, to: &output, flush: .finish)
        return output.count < body.count ? output.readable : nil
    }

    private func deflater(_ coding: HTTPWire.ContentCoding) -> Deflater? {
        switch coding {
        case .identity: return nil
        case .gzip:
            if gzip == nil { gzip = try? Deflater(.gzip, level: 1) }
            return gzip
        case .deflate:
            if deflate == nil { deflate = try? Deflater(.deflate, level: 1) }
            return deflate
        }
    }

    /// Decompresses the body of a request.
    ///
    /// - Throws: `Refusal`: 415 for a coding that is not known, 413 for a body that becomes larger
    ///   than `limit`, 400 for data that is not what its coding says.
    static func decompress(
        _ body: UnsafeRawBufferPointer, _ field: UnsafeRawBufferPointer, limit: Int,
        into output: inout ByteBuffer
    ) throws(Refusal) {
        let coding: Compression.ContentCoding
        switch HTTPWire.ContentCoding(field) {
        case .gzip: coding = .gzip
        case .deflate: coding = .deflate
        case .identity:
            output.append(body)
            return
        case nil: throw .unknownCoding
        }
        do throws(CompressionError) {
            let inflater = try Inflater(coding, outputLimit: limit)
            try inflater.append(body, to: &output)
            try inflater.finish()
        } catch {
            if case .tooLarge = error { throw .bodyTooLarge(limit: limit) }
            throw .badCoding("\(error)")
        }
    }
}
