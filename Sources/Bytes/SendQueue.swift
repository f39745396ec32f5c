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
    @inlinable public static var copyLimit: Int { BufferPool.blockByteCount }

    @usableFromInline var front = ByteBuffer()
    @usableFromInline var payloads: [Payload] = []
    @usableFromInline var first = 0  // index of the oldest payload not yet written
    @usableFromInline var firstOffset = 0  // bytes of it already written

    /// Number of bytes waiting.
    public var byteCount: Int {
        @inlinable get { waiting }
    }

    @usableFromInline var waiting = 0

    /// Makes an empty queue that owns no memory.
    public init() {}

    /// Whether nothing waits.
    @inlinable public var isEmpty: Bool { byteCount == 0 }

    @inlinable var hasPayloads: Bool { first < payloads.count }

    /// Lets `write` compose bytes at the end of the queue.
    @inlinable @inline(__always)
    public mutating func compose<Failure: Error>(
        _ pool: BufferPool, _ write: (inout ByteBuffer) throws(Failure) -> Void
    ) throws(Failure) {
        if !hasPayloads {
            pool.equip(&front)
            let before = front.count
            defer { waiting += front.count - before }
            try write(&front)
        } else {
            var scratch = ByteBuffer()
            try write(&scratch)
            appendCopy(scratch)
        }
    }

    @usableFromInline
    mutating func appendCopy(_ scratch: borrowing ByteBuffer) {
        waiting += scratch.count
        payloads.append(Payload(scratch.readable))
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
        waiting += payload.count
    }

    /// The bytes that come next and lie together; empty if nothing waits.
    @inlinable public var next: UnsafeRawBufferPointer {
        if !front.isEmpty { return front.readable }
        return nextPayload
    }

    @usableFromInline var nextPayload: UnsafeRawBufferPointer {
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
    @inlinable
    public mutating func advance(_ count: Int, _ pool: BufferPool) {
        precondition(count >= 0 && count <= byteCount, "advance past the end")
        waiting -= count
        let own = min(count, front.count)
        front.consume(own)
        if front.isEmpty { pool.reclaim(&front) }
        if count > own || first > 0 { advancePayloads(count - own) }
    }

    @usableFromInline
    mutating func advancePayloads(_ count: Int) {
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
        waiting = 0
    }
}
