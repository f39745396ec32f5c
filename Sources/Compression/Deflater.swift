// Deflater: bytes in, gzip or zlib format out, as a stream that can be flushed at any point so that
// the peer sees every byte so far (an event stream flushes after each event).

package import Bytes
internal import CZlib

/// A compressor for one stream of bytes.
///
/// Loop-confined.
package final class Deflater {
    /// What to do after the input.
    package enum Flush: Sendable {
        /// Keep what compresses better together with what follows.
        case none
        /// Write everything out, so that the peer can decompress all input so far; costs 4 bytes or
        /// so and some compression.
        case sync
        /// Write everything out and end the stream.
        case finish
    }

    /// How much memory a compressor may take.
    package enum Memory: Sendable {
        /// 256 KiB: the best compression, for bodies that come and go.
        case full
        /// 32 KiB: for the many streams that stay open.
        case small

        var windowBits: Int32 { self == .full ? 15 : 12 }
        var level: Int32 { self == .full ? 8 : 5 }
    }

    // SAFETY: zlib keeps the address of the stream, so it lives in memory of its own that does not
    // move; allocated in `init`, freed in `deinit`, touched by one thread.
    private let stream: UnsafeMutablePointer<z_stream>

    /// Whether the stream has ended; `reset` starts another.
    package private(set) var isFinished = false

    /// Makes a compressor; `level` is 1 (fast) to 9 (small), anything else zlib's default of 6.
    ///
    /// - Throws: `CompressionError.outOfMemory`.
    package init(
        _ coding: ContentCoding, level: Int = 6, memory: Memory = .full
    ) throws(CompressionError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let level = (1...9).contains(level) ? Int32(level) : Z_DEFAULT_COMPRESSION
        let status = czlib_deflate_init(
            stream, level, coding.windowBits(memory.windowBits), memory.level)
        guard status == Z_OK else { throw .outOfMemory }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Compresses `input` and appends what comes out to `output`.
    ///
    /// - Precondition: the stream has not been finished.
    package func append(
        _ input: UnsafeRawBufferPointer, to output: inout ByteBuffer, flush: Flush = .none
    ) {
        precondition(!isFinished, "the stream has ended")
        var rest = input
        // zlib counts in 32 bits.
        while rest.count > Int(UInt32.max) {
            let part = UnsafeRawBufferPointer(rebasing: rest[..<Int(UInt32.max)])
            run(part, Z_NO_FLUSH, &output)
            rest = UnsafeRawBufferPointer(rebasing: rest[part.count...])
        }
        switch flush {
        case .none: run(rest, Z_NO_FLUSH, &output)
        case .sync: run(rest, Z_SYNC_FLUSH, &output)
        case .finish:
            run(rest, Z_FINISH, &output)
            isFinished = true
        }
    }

    /// Ends the stream without further input.
    package func finish(_ output: inout ByteBuffer) {
        append(UnsafeRawBufferPointer(start: nil, count: 0), to: &output, flush: .finish)
    }

    /// Starts a new stream with the same settings and the same memory.
    package func reset() {
        deflateReset(stream)
        isFinished = false
    }

    private func run(
        _ input: UnsafeRawBufferPointer, _ flush: Int32, _ output: inout ByteBuffer
    ) {
        // SAFETY: zlib reads through `next_in` and never writes, whatever its type says; the pointers
        // are dropped before the buffers they point into go away.
        let bytes = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes)
        stream.pointee.avail_in = UInt32(truncatingIfNeeded: input.count)
        defer {
            stream.pointee.next_in = nil
            stream.pointee.avail_in = 0
            stream.pointee.next_out = nil
            stream.pointee.avail_out = 0
        }
        let room =
            flush == Z_NO_FLUSH ? 512 : min(Int(deflateBound(stream, UInt(input.count))), 65536)
        repeat {
            // A full output means that there may be more (zlib.h, deflate). Errors cannot occur: the
            // stream is ours, and Z_BUF_ERROR only says that there was nothing left to do.
            output.fill(atLeast: room) { free in
                let count = min(free.count, Int(UInt32.max))
                stream.pointee.next_out = free.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(truncatingIfNeeded: count)
                deflate(stream, flush)
                return count - Int(stream.pointee.avail_out)
            }
        } while stream.pointee.avail_out == 0
    }
}
