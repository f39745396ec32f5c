// Payload: immutable bytes shared by reference count, e.g. one encoded event that many subscribers
// will send. Bytes lie behind the object header in one allocation.
//
// Sharing one payload between loops is correct but slow: two cores then fight for its reference
// count (44 ns a pair instead of 12). The hub makes one copy per loop.

public import Glibc

/// Immutable bytes shared by reference count.
///
/// Any thread.
public final class Payload: @unchecked Sendable {
    // SAFETY: @unchecked because of the raw pointer; the bytes are written once, in `init`, before
    // the object can be seen by anyone else, and freed once, in `deinit`.
    @usableFromInline let base: UnsafeMutableRawPointer

    /// Number of bytes.
    public let count: Int

    /// Makes `count` bytes that `fill` writes.
    @inlinable
    public init(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        guard let block = malloc(max(count, 1)) else { preconditionFailure("out of memory") }
        fill(UnsafeMutableRawBufferPointer(start: block, count: count))
        base = block
        self.count = count
    }

    /// Makes a copy of `bytes`.
    public convenience init(_ bytes: UnsafeRawBufferPointer) {
        self.init(count: bytes.count) { $0.copyMemory(from: bytes) }
    }

    /// Makes a copy of `bytes`.
    public convenience init(_ bytes: [UInt8]) {
        self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    deinit { free(base) }

    /// The bytes; valid as long as the payload is.
    @inlinable
    public var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base, count: count)
    }
}
