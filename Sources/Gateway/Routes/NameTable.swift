// NameTable: from the bytes of a name to its index, without making a String: open addressing over
// an FNV-1a hash, at most half full.

/// Indices by name.
///
/// Built once. Loop-confined.
struct NameTable {
    private let names: [[UInt8]]
    private var slots: [Int32]

    /// Makes the table of `names`; the first of two equal ones counts.
    init(_ names: [String]) {
        self.names = names.map { Array($0.utf8) }
        var size = 8
        while size < names.count * 2 { size *= 2 }
        slots = Array(repeating: -1, count: size)
        for (index, name) in self.names.enumerated() {
            var place = name.withUnsafeBytes(Self.hash) & (size - 1)
            while slots[place] >= 0, self.names[Int(slots[place])] != name {
                place = (place + 1) & (size - 1)
            }
            if slots[place] < 0 { slots[place] = Int32(truncatingIfNeeded: index) }
        }
    }

    /// The index of `name`.
    func find(_ name: UnsafeRawBufferPointer) -> Int? {
        var place = Self.hash(name) & (slots.count - 1)
        while slots[place] >= 0 {
            let index = Int(slots[place])
            if names[index].count == name.count, names[index].elementsEqual(name) { return index }
            place = (place + 1) & (slots.count - 1)
        }
        return nil
    }

    private static func hash(_ bytes: UnsafeRawBufferPointer) -> Int {
        var hash: UInt32 = 2_166_136_261
        for byte in bytes { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return Int(hash & 0x7FFF_FFFF)
    }
}
