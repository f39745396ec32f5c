// LineFraming: cuts a stream of bytes into lines. Sans-IO.
//
//     chunk:  ...tail of a line LF | whole line LF | whole line CR LF | head of a line
//
// Whole lines are handed out where they lie in the chunk; only a line that spans chunks is copied.

package import Bytes
internal import Glibc

/// Cuts chunks into lines of limited length.
///
/// Loop-confined.
package struct LineFraming: ~Copyable {
    /// What was found; the bytes are valid during the call of the sink.
    package enum Found {
        /// A complete line without its LF or CRLF.
        case line(UnsafeRawBufferPointer)
        /// The bytes behind the last line end when the stream ended.
        case partial(UnsafeRawBufferPointer)
        /// The beginning of a line that is longer than the limit.
        case overlong(UnsafeRawBufferPointer)
        /// More of that line, in order; whether it ends with this.
        case skipped(UnsafeRawBufferPointer, isLast: Bool)
    }

    private let maxLength: Int
    // INVARIANT: at most maxLength + 1 bytes, and the last of maxLength + 1 is CR.
    private var head = ByteBuffer()
    private var isSkipping = false

    /// Lines may have up to `maxLength` bytes, the line end not counted.
    package init(maxLength: Int) {
        self.maxLength = max(maxLength, 0)
    }

    /// Hands what `chunk` completes to `sink`, which returns whether to go on.
    ///
    /// - Returns: false if `sink` did not want more; the rest of the chunk is lost then.
    package mutating func feed(
        _ chunk: UnsafeRawBufferPointer, _ pool: BufferPool, _ sink: (Found) -> Bool
    ) -> Bool {
        guard var at = chunk.baseAddress else { return true }
        let end = at + chunk.count
        while at < end {
            // SAFETY: `at ..< end` lies inside the chunk; memchr returns nil or a place in there.
            guard let hit = memchr(at, 0x0A, end - at) else {
                return keep(UnsafeRawBufferPointer(start: at, count: end - at), pool, sink)
            }
            let length = UnsafeRawPointer(hit) - at
            let piece = UnsafeRawBufferPointer(start: at, count: length)
            at += length + 1
            guard complete(piece, pool, sink) else { return false }
        }
        return true
    }

    /// Hands an unfinished line to `sink` and gives the memory back.
    package mutating func finish(_ pool: BufferPool, _ sink: (Found) -> Bool) {
        if !head.isEmpty { _ = sink(.partial(head.readable)) }
        forgetHead(pool)
        isSkipping = false
    }

    private mutating func complete(
        _ piece: UnsafeRawBufferPointer, _ pool: BufferPool, _ sink: (Found) -> Bool
    ) -> Bool {
        if isSkipping {
            isSkipping = false
            return sink(.skipped(piece, isLast: true))
        }
        if head.isEmpty { return deliver(piece, sink) }
        defer { forgetHead(pool) }
        guard head.count + piece.count <= maxLength + 1 else {
            return refuse(head.readable, sink, isLast: false)
                && sink(.skipped(piece, isLast: true))
        }
        head.append(piece)
        return deliver(head.readable, sink)
    }

    private func deliver(_ raw: UnsafeRawBufferPointer, _ sink: (Found) -> Bool) -> Bool {
        var line = raw
        if let last = raw.last, last == 0x0D {
            line = UnsafeRawBufferPointer(rebasing: raw.dropLast())
        }
        return line.count <= maxLength ? sink(.line(line)) : refuse(line, sink, isLast: true)
    }

    /// Hands out what lies together of a line that is too long.
    private func refuse(
        _ known: UnsafeRawBufferPointer, _ sink: (Found) -> Bool, isLast: Bool
    ) -> Bool {
        let start = known.prefix(maxLength)
        let rest = known.dropFirst(maxLength)
        return sink(.overlong(UnsafeRawBufferPointer(rebasing: start)))
            && sink(.skipped(UnsafeRawBufferPointer(rebasing: rest), isLast: isLast))
    }

    private mutating func keep(
        _ tail: UnsafeRawBufferPointer, _ pool: BufferPool, _ sink: (Found) -> Bool
    ) -> Bool {
        if isSkipping { return sink(.skipped(tail, isLast: false)) }
        // One byte over the limit may still be the CR of a line end.
        let count = head.count + tail.count
        guard count <= maxLength || (count == maxLength + 1 && tail.last == 0x0D) else {
            isSkipping = true
            defer { forgetHead(pool) }
            if head.isEmpty { return refuse(tail, sink, isLast: false) }
            return refuse(head.readable, sink, isLast: false) && sink(.skipped(tail, isLast: false))
        }
        pool.equip(&head)
        head.append(tail)
        return true
    }

    private mutating func forgetHead(_ pool: BufferPool) {
        head.removeAll()
        pool.reclaim(&head)
    }
}
