// NameTable: from the bytes of a name to its index, without making a String.
//
//     slots:  [ hash of 64 bits | length | index | place in `text` ] x 2^n
//
// Open addressing, at most half full. Names are hashed and compared eight bytes at a time.

internal import Bytes

/// Indices by name.
///
/// Built once. Loop-confined.
final class NameTable {
    private struct Slot {
        var hash: UInt64 = 0
        var count: Int32 = 0
        var index: Int32 = -1
        var start: Int = 0
    }

    private let slots: UnsafeMutableBufferPointer<Slot>
    private let text: UnsafeMutableRawPointer

    /// Makes the table of `names`; the first of two equal ones counts.
    init(_ names: [String]) {
        var size = 8
        while size < names.count * 2 { size *= 2 }
        slots = .allocate(capacity: size)
        slots.initialize(repeating: Slot())
        let byteCount = names.reduce(1) { $0 + $1.utf8.count }
        text = .allocate(byteCount: byteCount, alignment: 1)
        var start = 0
        for (index, name) in names.enumerated() {
            let room = UnsafeMutableRawBufferPointer(start: text + start, count: name.utf8.count)
            room.copyBytes(from: name.utf8)
            let hash = Self.hash(text + start, room.count)
            let place = place(text + start, room.count, hash)
            guard slots[place].index < 0 else { continue }
            slots[place] = Slot(
                hash: hash, count: Int32(truncatingIfNeeded: room.count),
                index: Int32(truncatingIfNeeded: index), start: start)
            start += room.count
        }
    }

    deinit {
        slots.deallocate()
        text.deallocate()
    }

    /// The index of `name`.
    func find(_ name: UnsafeRawBufferPointer) -> Int? {
        guard let base = name.baseAddress else { return nil }
        let index = slots[place(base, name.count, Self.hash(base, name.count))].index
        return index < 0 ? nil : Int(index)
    }

    /// The slot of a name, or the one where it would be.
    @inline(__always)
    private func place(_ name: UnsafeRawPointer, _ count: Int, _ hash: UInt64) -> Int {
        let mask = slots.count &- 1
        // The upper bits depend on all of the name.
        var place = Int(truncatingIfNeeded: hash &>> 32) & mask
        while slots[place].index >= 0 {
            if slots[place].hash == hash, Int(slots[place].count) == count,
                isEqual(text + slots[place].start, name, count)
            {
                break
            }
            place = (place &+ 1) & mask
        }
        return place
    }

    @inline(__always)
    private static func hash(_ name: UnsafeRawPointer, _ count: Int) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: count)
        var offset = 0
        while offset &+ 8 <= count {
            hash = mix(hash ^ Words.load(name, offset))
            offset &+= 8
        }
        return mix(hash ^ Words.load(name, offset, count: count &- offset))
    }

    @inline(__always)
    private static func mix(_ word: UInt64) -> UInt64 {
        let product = word &* 0x9E37_79B9_7F4A_7C15
        return product ^ product &>> 29
    }

    @inline(__always)
    private func isEqual(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int) -> Bool {
        var offset = 0
        while offset &+ 8 <= count {
            guard Words.load(a, offset) == Words.load(b, offset) else { return false }
            offset &+= 8
        }
        let left = count &- offset
        return Words.load(a, offset, count: left) == Words.load(b, offset, count: left)
    }
}
