// BufferPool: a few spare blocks of memory for the buffers of one loop, so that a connection owns
// memory only while it has something to hold, and the hot path never calls malloc. What nobody has
// needed for a while is given back: `trim`, now and then.

/// Spare blocks for `ByteBuffer`s.
///
/// Loop-confined.
public final class BufferPool {
    /// Size of each block in bytes: one TLS record, and sixty-odd small answers.
    @inlinable public static var blockByteCount: Int { 16 * 1024 }

    /// Spare blocks kept at most: what one turn's worth of ready connections can use at once.
    @inlinable public static var limit: Int { 512 }

    /// Spare blocks that are kept however long nobody needs them: a few connections' worth.
    @inlinable public static var idleLimit: Int { 16 }

    @usableFromInline let spare = UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>.allocate(
        capacity: limit)
    @usableFromInline @exclusivity(unchecked) var spareCount = 0

    /// The fewest spare blocks since the last `trim`: so many were not needed.
    @usableFromInline @exclusivity(unchecked) var leastSpareCount = 0

    /// Makes an empty pool.
    public init() {}

    deinit {
        for index in 0..<spareCount { ByteBuffer.deallocate(spare[index]) }
        spare.deallocate()
    }

    /// Gives `buffer` a block if it has no memory yet.
    @inlinable @inline(__always)
    public func equip(_ buffer: inout ByteBuffer) {
        if buffer.capacity == 0 { lend(to: &buffer) }
    }

    @inlinable
    func lend(to buffer: inout ByteBuffer) {
        if spareCount > 0 {
            spareCount &-= 1
            if spareCount < leastSpareCount { leastSpareCount = spareCount }
            buffer = ByteBuffer(adopting: spare[spareCount], capacity: Self.blockByteCount)
        } else {
            buffer = ByteBuffer(capacity: Self.blockByteCount)
        }
    }

    /// Takes the memory of an empty `buffer` back; a block that has grown is freed instead.
    @inlinable
    public func reclaim(_ buffer: inout ByteBuffer) {
        guard buffer.isEmpty, buffer.capacity > 0 else { return }
        if buffer.capacity == Self.blockByteCount, spareCount < Self.limit,
            let block = buffer.surrender()
        {
            spare[spareCount] = block
            spareCount &+= 1
        } else {
            buffer.release()
        }
    }

    /// Frees the blocks that nobody has needed since the last call, but for the first few; a load
    /// that goes on keeps its own.
    ///
    /// - Returns: whether there are more than a pool keeps, so that another call may free them.
    @discardableResult
    public func trim() -> Bool {
        let kept = max(spareCount - leastSpareCount, Self.idleLimit)
        while spareCount > kept {
            spareCount -= 1
            ByteBuffer.deallocate(spare[spareCount])
        }
        leastSpareCount = spareCount
        return spareCount > Self.idleLimit
    }

    /// Number of spare blocks.
    public var spareBlockCount: Int { spareCount }
}
