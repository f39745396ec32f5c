// PathNormaliser: the one spelling of a path that routes and permissions are compared with.
//
// What goes in may be spelt in many ways; what comes out is decoded, without dot segments, valid
// UTF-8 and free of control characters, and must not be decoded again. Three choices, each the one
// that leaves a proxy in front and a module behind no other reading:
//   - An encoded slash is refused. Decoded it would move segment borders, kept it could not be told
//     from an encoded percent sign and `2F`; and no route of ours takes a slash inside a segment.
//   - An empty segment (`//`) is kept, not merged: it matches no route, where a merging proxy and a
//     server that does not merge would disagree about who may pass.
//   - A path that climbs above the root is refused, where RFC 3986 §5.2.4 would stop at the root.

package import Bytes

/// Normalises request paths.
package enum PathNormaliser {
    /// Appends the decoded and normalised form of `path` to `output`.
    ///
    /// An empty path stands for `/` (RFC 9110 §4.2.3).
    ///
    /// - Throws: `WireError.peer` with the status 400, and leaves `output` as before; such a fault
    ///   does not concern the framing, so the connection may live on.
    package static func normalise(
        _ path: UnsafeRawBufferPointer, into output: inout ByteBuffer
    ) throws(WireError) {
        let before = output.count
        do throws(WireFault) {
            try appendSegments(path, to: &output, root: before)
        } catch {
            output.dropLast(output.count - before)
            throw .request(error)
        }
    }

    private static func appendSegments(
        _ path: UnsafeRawBufferPointer, to output: inout ByteBuffer, root: Int
    ) throws(WireFault) {
        guard path.count > 0 else { return output.append("/") }
        guard path[0] == UInt8(ascii: "/") else { throw .pathNotAbsolute }
        // The decoded path is never longer than the encoded one.
        output.reserve(path.count)
        var position = 0
        while position < path.count {
            // INVARIANT: `position` is at a slash; `output` ends with the segments before it.
            let segmentStart = output.count
            output.append("/")
            let end = try decodeSegment(path, from: position + 1, to: &output)
            let isLast = end == path.count
            switch dots(output.readable, from: segmentStart + 1) {
            case 1:
                output.dropLast(isLast ? 1 : 2)
            case 2:
                output.dropLast(3)
                guard let parent = lastSlash(output.readable, from: root) else {
                    throw .pathAboveRoot
                }
                output.dropLast(output.count - parent - (isLast ? 1 : 0))
            default:
                break
            }
            position = end
        }
    }

    /// Decodes the segment that begins at `start` and returns its end.
    private static func decodeSegment(
        _ path: UnsafeRawBufferPointer, from start: Int, to output: inout ByteBuffer
    ) throws(WireFault) -> Int {
        let before = output.count
        var hasNonASCII = false
        var position = start
        while position < path.count, path[position] != UInt8(ascii: "/") {
            let byte = path[position]
            switch byte {
            case UInt8(ascii: "%"):
                guard let decoded = Percent.escapedByte(path, at: position) else {
                    throw .pathEscapeInvalid
                }
                if decoded == UInt8(ascii: "/") { throw .pathEncodedSlash }
                if decoded < 0x20 || decoded == 0x7F { throw .pathControl }
                hasNonASCII = hasNonASCII || decoded >= 0x80
                output.append(decoded)
                position += 3
            case UInt8(ascii: "\\"):
                // No URL has one (RFC 3986 §3.3), and some programs take it for a slash.
                throw .pathBackslash
            case 0x21..<0x7F:
                output.append(byte)
                position += 1
            default:
                throw .pathControl
            }
        }
        if hasNonASCII, !isUTF8(output.readable, from: before) { throw .pathNotUTF8 }
        return position
    }

    /// 1 or 2 if the bytes from `start` on are that many dots and nothing else, otherwise 0.
    private static func dots(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        let count = bytes.count - start
        guard count == 1 || count == 2, bytes[start] == UInt8(ascii: "."),
            bytes[bytes.count - 1] == UInt8(ascii: ".")
        else { return 0 }
        return count
    }

    private static func lastSlash(_ bytes: UnsafeRawBufferPointer, from root: Int) -> Int? {
        var index = bytes.count
        while index > root {
            index -= 1
            if bytes[index] == UInt8(ascii: "/") { return index }
        }
        return nil
    }

    private static func isUTF8(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Bool {
        var codec = UTF8()
        var iterator = UnsafeRawBufferPointer(rebasing: bytes[start...]).makeIterator()
        while true {
            switch codec.decode(&iterator) {
            case .scalarValue: continue
            case .emptyInput: return true
            case .error: return false
            }
        }
    }
}
