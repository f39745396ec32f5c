// ChunkedEncoder: writes a body in chunked coding (RFC 9112 §7.1), without extensions or trailers.
//
// Either whole chunks, or header and end around data that travels on its own, so that a large or
// shared payload need not be copied.

package import Bytes

/// Writes the chunked coding.
package enum ChunkedEncoder {
    /// Appends `data` as one chunk; nothing if it is empty, because an empty chunk ends the body.
    package static func append(_ data: UnsafeRawBufferPointer, to output: inout ByteBuffer) {
        guard data.count > 0 else { return }
        output.reserve(data.count + maximumOverhead)
        appendHeader(byteCount: data.count, to: &output)
        output.append(data)
        appendEnd(to: &output)
    }

    /// Appends what comes before `byteCount` bytes of data, which must be more than 0.
    package static func appendHeader(byteCount: Int, to output: inout ByteBuffer) {
        precondition(byteCount > 0, "an empty chunk would end the body")
        output.append(hexadecimal: byteCount)
        output.append("\r\n")
    }

    /// Appends what comes after the data of a chunk.
    package static func appendEnd(to output: inout ByteBuffer) {
        output.append("\r\n")
    }

    /// Appends the last chunk and an empty trailer section, which end the body.
    package static func appendLast(to output: inout ByteBuffer) {
        output.append("0\r\n\r\n")
    }

    /// Most bytes that a chunk adds to its data: 16 digits and two line ends.
    package static var maximumOverhead: Int { 20 }
}
