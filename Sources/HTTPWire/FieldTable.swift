// FieldTable: where the fields of one head lie, in order and with duplicates kept.
//
//     slots    [ name, value, known ] x count     one per field line, in order of arrival
//     firsts   [ slot number ] x 64               per known field; valid if its bit is in `present`
//
// The storage is allocated once and reused for every head of a loop. Starting a new head resets
// three words; what slots and index held before is dead, not cleared.

/// The field lines of one head.
struct FieldTable: ~Copyable {
    struct Slot {
        var nameStart: UInt32
        var valueStart: UInt32
        var valueEnd: UInt32
        var nameLength: UInt16
        var known: KnownField
    }

    /// Most field lines the table can hold.
    let capacity: Int

    private let slots: UnsafeMutablePointer<Slot>
    private let firsts: UnsafeMutablePointer<UInt16>

    /// Number of field lines; never above `capacity`.
    private(set) var count = 0

    // INVARIANT: bit n of `present` is set if and only if `firsts[n]` was written for this head.
    private var present: UInt64 = 0
    private var repeated: UInt64 = 0

    /// Makes a table for up to `capacity` field lines, 1 to 32,768.
    init(capacity: Int) {
        // Line numbers are kept in 16 bits.
        let capacity = min(max(capacity, 1), 1 << 15)
        self.capacity = capacity
        slots = .allocate(capacity: capacity)
        firsts = .allocate(capacity: 64)
    }

    deinit {
        slots.deallocate()
        firsts.deallocate()
    }

    /// Forgets all fields.
    @inline(__always)
    mutating func reset() {
        count = 0
        present = 0
        repeated = 0
    }

    /// Notes the name of a field line; the caller has checked `count < capacity`.
    ///
    /// The line counts only once `finish` has added its value: in between it is dead storage.
    @inline(__always)
    mutating func begin(nameStart: Int, nameLength: Int, known: KnownField) {
        // SAFETY: a slot is trivial, so its parts can be written before it was initialised.
        let slot = slots.advanced(by: count)
        slot.pointee.nameStart = UInt32(truncatingIfNeeded: nameStart)
        slot.pointee.nameLength = UInt16(truncatingIfNeeded: nameLength)
        slot.pointee.known = known
    }

    /// Adds the value of the field line that `begin` noted.
    @inline(__always)
    mutating func finish(valueStart: Int, valueEnd: Int) {
        // SAFETY: a raw value is below 64 (`KnownField` has fewer cases), and count < capacity.
        let slot = slots.advanced(by: count)
        slot.pointee.valueStart = UInt32(truncatingIfNeeded: valueStart)
        slot.pointee.valueEnd = UInt32(truncatingIfNeeded: valueEnd)
        let known = slot.pointee.known.rawValue
        let bit: UInt64 = 1 &<< UInt64(known)
        if present & bit == 0 {
            firsts[Int(known)] = UInt16(truncatingIfNeeded: count)
            present |= bit
        } else {
            repeated |= bit
        }
        count &+= 1
    }

    /// Whether at least one field line is `known`.
    @inline(__always)
    func contains(_ known: KnownField) -> Bool { present &>> UInt64(known.rawValue) & 1 == 1 }

    /// Whether more than one field line is `known`.
    @inline(__always)
    func isRepeated(_ known: KnownField) -> Bool { repeated &>> UInt64(known.rawValue) & 1 == 1 }

    /// The value of the first field line that is `known`.
    @inline(__always)
    func first(_ known: KnownField) -> ByteRange? {
        guard contains(known) else { return nil }
        let slot = slots[Int(firsts[Int(known.rawValue)])]
        return ByteRange(start: slot.valueStart, end: slot.valueEnd)
    }

    /// Number of the first field line that is `known`, or `count` if there is none.
    @inline(__always)
    func firstIndex(_ known: KnownField) -> Int {
        contains(known) ? Int(firsts[Int(known.rawValue)]) : count
    }

    /// The field line number `index`.
    @inline(__always)
    func field(at index: Int) -> (name: ByteRange, value: ByteRange, known: KnownField) {
        precondition(index >= 0 && index < count, "no such field")
        let slot = slots[index]
        let nameEnd = slot.nameStart &+ UInt32(slot.nameLength)
        return (
            ByteRange(start: slot.nameStart, end: nameEnd),
            ByteRange(start: slot.valueStart, end: slot.valueEnd), slot.known
        )
    }
}
