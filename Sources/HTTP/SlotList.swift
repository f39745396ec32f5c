// SlotList: slots of connections, in order of arrival, without references: nothing is retained, and
// forgetting all of them is one store.

/// A growable list of small numbers.
struct SlotList: ~Copyable {
    private var slots = UnsafeMutableBufferPointer<Int32>.allocate(capacity: 64)

    /// Number of entries.
    private(set) var count = 0

    init() {}

    deinit { slots.deallocate() }

    /// The slot at `index`, which is below `count`.
    @inline(__always)
    subscript(index: Int) -> Int { Int(slots[index]) }

    /// Adds a slot at the end.
    @inline(__always)
    mutating func append(_ slot: Int) {
        if count == slots.count { grow() }
        slots[count] = Int32(truncatingIfNeeded: slot)
        count &+= 1
    }

    /// Forgets all entries and keeps the memory.
    @inline(__always)
    mutating func removeAll() { count = 0 }

    private mutating func grow() {
        let larger = UnsafeMutableBufferPointer<Int32>.allocate(capacity: slots.count * 2)
        _ = larger.update(fromContentsOf: slots)
        slots.deallocate()
        slots = larger
    }
}
