// SendQueue: what waits to be written to one peer.
//
//     front (own bytes, contiguous)  →  payloads (shared, by reference)  →  newest
//
// Small things are copied to the front, so that a healthy peer gets everything in one write from
// one place. Only when the front is long, i.e. the peer is slow, payloads are queued by reference:
// a thousand slow peers then share the bytes of an event. Not here: the write itself, and limits.

public import Glibc

/// Bytes waiting to be written, in order.
///
/// Loop-confined.
public struct SendQueue: ~Copyable {
    /// The front takes copies up to this size; above it payloads are queued by reference.
    public static let copyLimit = BufferPool.blockByteCount

    private var front = ByteBuffer()
    private var payloads: [Payload] = []
    private var first = 0  // index of the oldest payload not yet written
    private var firstOffset = 0  // bytes of it already written

    /// Number of bytes waiting.
    public private(set) var byteCount = 0

    /// Makes an empty queue that owns no memory.
    public init() {}

    /// Whether nothing waits.
    @inlinable public var isEmpty: Bool { byteCount == 0 }

    private var hasPayloads: Bool { first < payloads.count }

    /// Lets `write` compose bytes at the end of the queue.
    @inline(__always)
    public mutating func compose<Failure: Error>(
        _ pool: BufferPool, _ write: (inout ByteBuffer) throws(Failure) -> Void
    ) throws(Failure) {
        if !hasPayloads {
            pool.equip(&front)
            let before = front.count
            defer { byteCount += front.count - before }
            try write(&front)
        } else {
            var scratch = ByteBuffer()
            try write(&scratch)
            byteCount += scratch.count
            payloads.append(Payload(scratch.readable))
        }
    }

    /// Appends a copy of `bytes`.
    public mutating func append(_ bytes: UnsafeRawBufferPointer, _ pool: BufferPool) {
        compose(pool) { $0.append(bytes) }
    }

    /// Appends `payload`, by copy or by reference, whichever is cheaper.
    public mutating func append(_ payload: Payload, _ pool: BufferPool) {
        if !hasPayloads, front.count + payload.count <= Self.copyLimit {
            pool.equip(&front)
            front.append(payload.bytes)
        } else {
            payloads.append(payload)
        }
        byteCount += payload.count
    }

    /// The bytes that come next and lie together; empty if nothing waits.
    public var next: UnsafeRawBufferPointer {
        if !front.isEmpty { return front.readable }
        guard hasPayloads else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: payloads[first].bytes[firstOffset...])
    }

    /// Whether `next` is all that waits.
    public var isContiguous: Bool { next.count == byteCount }

    /// Fills `vectors` with what waits, oldest first; returns how many it filled.
    public func gather(into vectors: UnsafeMutableBufferPointer<iovec>) -> Int {
        var filled = 0
        if !front.isEmpty, vectors.count > 0 {
            vectors[0] = iovec(
                iov_base: UnsafeMutableRawPointer(mutating: front.readable.baseAddress),
                iov_len: front.count)
            filled = 1
        }
        var offset = firstOffset
        var index = first
        while index < payloads.count, filled < vectors.count {
            let bytes = payloads[index].bytes
            vectors[filled] = iovec(
                iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress).map { $0 + offset },
                iov_len: bytes.count - offset)
            filled += 1
            index += 1
            offset = 0
        }
        return filled
    }

    /// Takes `count` written bytes off the queue and gives emptied memory back to `pool`.
    public mutating func advance(_ count: Int, _ pool: BufferPool) {
        precondition(count >= 0 && count <= byteCount, "advance past the end")
        byteCount -= count
        let own = min(count, front.count)
        front.consume(own)
        if front.isEmpty { pool.reclaim(&front) }
        advancePayloads(count - own)
    }

    private mutating func advancePayloads(_ count: Int) {
        var rest = count
        while rest > 0, hasPayloads {
            let left = payloads[first].count - firstOffset
            guard rest >= left else {
                firstOffset += rest
                return
            }
            rest -= left
            first += 1
            firstOffset = 0
        }
        if first == payloads.count {
            if first > 0 { payloads = [] }
            first = 0
        } else if first >= 64, first * 2 >= payloads.count {
            // Written payloads are let go in batches: amortised one move each.
            payloads.removeFirst(first)
            first = 0
        }
    }

    /// Forgets everything that waits.
    public mutating func removeAll(_ pool: BufferPool) {
        front.removeAll()
        pool.reclaim(&front)
        payloads = []
        first = 0
        firstOffset = 0
        byteCount = 0
    }
}
