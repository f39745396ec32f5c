// Inflater: gzip or zlib format in, bytes out, never more of them than the limit. The limit holds
// while bytes come out, so that a small bomb costs no more than the limit in memory or time.

package import Bytes
internal import CZlib

/// A decompressor for one stream of bytes.
///
/// Loop-confined.
package final class Inflater {
    // SAFETY: as in Deflater: zlib keeps the address, so the stream has memory of its own.
    private let stream: UnsafeMutablePointer<z_stream>
    private let coding: ContentCoding

    /// Greatest number of bytes that may come out in total.
    package let outputLimit: Int

    /// Number of bytes that have come out.
    package private(set) var outputCount = 0

    /// Whether the compressed data has ended properly.
    ///
    /// Of gzip another member may follow.
    package private(set) var isFinished = false

    /// Makes a decompressor for data in `coding` that must not become longer than `outputLimit` bytes.
    ///
    /// - Throws: `CompressionError.outOfMemory`.
    package init(_ coding: ContentCoding, outputLimit: Int) throws(CompressionError) {
        self.coding = coding
        self.outputLimit = max(outputLimit, 0)
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard czlib_inflate_init(stream, coding.windowBits(15)) == Z_OK else {
            throw .outOfMemory
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Decompresses `input` and appends what comes out to `output`.
    ///
    /// Gzip members one behind the other are one stream (RFC 1952 §2.2). On failure `output` may
    /// have got some bytes, but no more than the limit; the decompressor is of no use afterwards.
    package func append(
        _ input: UnsafeRawBufferPointer, to output: inout ByteBuffer
    ) throws(CompressionError) {
        var rest = input
        while !rest.isEmpty {
            if isFinished {
                guard coding == .gzip else { throw .trailingData }
                inflateReset(stream)
                isFinished = false
            }
            // zlib counts in 32 bits.
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Int(UInt32.max)))
            let taken = try run(part, &output)
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(taken))
        }
    }

    /// Says that no input follows.
    ///
    /// - Throws: `CompressionError.truncated` if the compressed data has not ended.
    package func finish() throws(CompressionError) {
        guard isFinished else { throw .truncated }
    }

    /// Runs zlib until `input` is used up or the data ends; returns how much of it was taken.
    private func run(
        _ input: UnsafeRawBufferPointer, _ output: inout ByteBuffer
    ) throws(CompressionError) -> Int {
        // SAFETY: zlib does not write through `next_in`; the pointers are dropped on the way out.
        let bytes = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes)
        stream.pointee.avail_in = UInt32(truncatingIfNeeded: input.count)
        defer {
            stream.pointee.next_in = nil
            stream.pointee.avail_in = 0
            stream.pointee.next_out = nil
            stream.pointee.avail_out = 0
        }
        var status = Z_OK
        repeat {
            // One byte beyond the limit tells "too large" from "ends exactly here".
            let allowed = min(outputLimit - outputCount, 1 << 20) + 1
            let written = output.fill(atLeast: min(allowed, max(input.count, 1024), 65536)) {
                free in
                let count = min(free.count, allowed)
                stream.pointee.next_out = free.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(truncatingIfNeeded: count)
                status = inflate(stream, Z_NO_FLUSH)
                return count - Int(stream.pointee.avail_out)
            }
            outputCount += written
            if outputCount > outputLimit {
                output.dropLast(outputCount - outputLimit)
                outputCount = outputLimit
                throw .tooLarge(limit: outputLimit)
            }
            switch status {
            case Z_OK: break
            // Nothing was left to do; only possible without input (zlib.h, inflate).
            case Z_BUF_ERROR where stream.pointee.avail_in == 0: break
            case Z_STREAM_END:
                isFinished = true
                return input.count - Int(stream.pointee.avail_in)
            case Z_MEM_ERROR: throw .outOfMemory
            default: throw .corrupt
            }
            // A full output means that there may be more, even without further input.
        } while stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0
        return input.count
    }
}
