// ByteBuffer: one growable, uniquely owned run of bytes, read at the front and written at the back.
//
//     base            start            end          capacity
//      |  consumed     |   readable     |   free       |
//
// It serves as input buffer (what a peer sent and nobody has taken yet) and as output buffer (what
// a writer composes). Memory comes from malloc and is given back by `deinit`; an empty buffer owns
// none. Not here: queues of several buffers (SendQueue) and shared immutable bytes (Payload).

public import Glibc

/// A growable, uniquely owned run of bytes with a read cursor.
///
/// Any writer method grows the buffer; the caller enforces its limits before it writes.
public struct ByteBuffer: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<UInt8>?
    @usableFromInline var start = 0
    @usableFromInline var end = 0

    /// Number of bytes the present allocation can hold.
    public internal(set) var capacity: Int {
        @inlinable get { size }
        @inlinable set { size = newValue }
    }

    @usableFromInline var size = 0

    /// Makes an empty buffer that owns no memory.
    @inlinable public init() {}

    /// Makes an empty buffer with room for `capacity` bytes.
    public init(capacity: Int) {
        reserve(capacity)
    }

    /// Takes over `block`, which came from malloc and holds `capacity` bytes.
    @inlinable
    init(adopting block: UnsafeMutablePointer<UInt8>, capacity: Int) {
        base = block
        self.capacity = capacity
    }

    deinit { free(base) }

    /// Gives the memory away and leaves the buffer empty without any.
    @inlinable
    mutating func surrender() -> UnsafeMutablePointer<UInt8>? {
        defer {
            base = nil
            capacity = 0
            removeAll()
        }
        return base
    }

    /// Frees a block that `surrender()` gave away.
    @inlinable
    static func deallocate(_ block: UnsafeMutablePointer<UInt8>) { free(block) }

    /// Number of readable bytes.
    @inlinable public var count: Int { end - start }

    /// Whether nothing is readable.
    @inlinable public var isEmpty: Bool { start == end }

    /// The readable bytes; valid until the buffer is next changed.
    @inlinable public var readable: UnsafeRawBufferPointer {
        guard let base else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: base + start, count: end - start)
    }

    /// Calls `body` with the readable bytes.
    @inlinable
    public func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(Span(_unsafeElements: readable.assumingMemoryBound(to: UInt8.self)))
    }

    /// Makes room for `more` bytes behind the readable ones, moving or growing as needed.
    @inlinable
    public mutating func reserve(_ more: Int) {
        if capacity - end < more { makeRoom(more) }
    }

    @usableFromInline
    mutating func makeRoom(_ more: Int) {
        let count = end - start
        if start > 0, capacity - count >= more, let base {
            memmove(base, base + start, count)
        } else {
            // Doubling keeps appending linear; 64 is the smallest block worth asking malloc for.
            let wanted = max(count + more, capacity + capacity, 64)
            guard let block = malloc(wanted) else { preconditionFailure("out of memory") }
            let fresh = block.assumingMemoryBound(to: UInt8.self)
            if let base {
                memcpy(fresh, base + start, count)
                free(base)
            }
            base = fresh
            capacity = wanted
        }
        start = 0
        end = count
    }

    /// Takes `count` bytes off the front; an emptied buffer starts again at its base.
    @inlinable
    public mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= end - start, "consume past the end")
        start += count
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Drops the last `count` readable bytes.
    @inlinable
    public mutating func dropLast(_ count: Int) {
        precondition(count >= 0 && count <= end - start, "dropLast past the start")
        end -= count
    }

    /// Forgets all bytes and keeps the memory.
    @inlinable
    public mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Forgets all bytes and gives the memory back.
    public mutating func release() {
        free(base)
        base = nil
        capacity = 0
        start = 0
        end = 0
    }

    /// Lets `fill` write into at least `room` free bytes; it returns how many it wrote.
    @inlinable
    @discardableResult
    public mutating func fill<Failure: Error>(
        atLeast room: Int,
        _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) -> Int {
        reserve(max(room, 1))
        guard let base else { return 0 }
        let free = UnsafeMutableRawBufferPointer(start: base + end, count: capacity - end)
        let written = try fill(free)
        precondition(written >= 0 && written <= free.count, "fill wrote past its room")
        end += written
        return written
    }
}

// MARK: - Writing

extension ByteBuffer {
    /// Appends one byte.
    @inlinable
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        base?[end] = byte
        end += 1
    }

    /// Appends a literal.
    @inlinable
    public mutating func append(_ literal: StaticString) {
        append(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    /// Appends a copy of `bytes`.
    @inlinable
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        guard let base else { return }
        memcpy(base + end, source, bytes.count)
        end += bytes.count
    }

    /// Appends a copy of `bytes`.
    @inlinable
    public mutating func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// Appends a copy of `bytes`.
    @inlinable
    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// Appends the UTF-8 of `text`.
    ///
    /// Not for the hot path.
    public mutating func append(text: some StringProtocol) {
        var copy = String(text)
        copy.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Appends `value` in decimal digits; a negative one with its sign.
    @inlinable
    public mutating func append(decimal value: Int) {
        reserve(20)  // the longest: -9223372036854775808
        guard let base else { return }
        if value < 0 {
            base[end] = UInt8(ascii: "-")
            end += 1
        }
        let start = UnsafeMutableRawPointer(base + end)
        end += Decimal.write(value.magnitude, to: start) - start
    }

    /// Appends `value` in lower-case hexadecimal without leading zeros (RFC 9112 §7.1 chunk-size).
    @inlinable
    public mutating func append(hexadecimal value: Int) {
        precondition(value >= 0, "only sizes are written in hexadecimal")
        var shift = 60
        while shift > 0, (value >> shift) & 0xF == 0 { shift -= 4 }
        while shift >= 0 {
            append(ASCII.hexDigit((value >> shift) & 0xF))
            shift -= 4
        }
    }

    /// A copy of the readable bytes as an array.
    ///
    /// Not for the hot path.
    public func array() -> [UInt8] { [UInt8](readable) }

    /// The readable bytes as text, invalid UTF-8 replaced.
    ///
    /// Not for the hot path.
    public func text() -> String { String(decoding: readable, as: UTF8.self) }
}
