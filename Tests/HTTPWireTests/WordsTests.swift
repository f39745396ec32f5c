import Testing

@testable import HTTPWire

@Suite struct WordsTests {
    /// Eight bytes with `byte` at `index` and harmless letters elsewhere.
    private func word(_ byte: UInt8, at index: Int, behind: UInt8) -> UInt64 {
        var bytes = [UInt8](repeating: 0x61, count: 8)
        for later in index..<8 { bytes[later] = behind }
        bytes[index] = byte
        return bytes.withUnsafeBytes { bytes in
            bytes.baseAddress.map { Words.load($0, 0) } ?? 0
        }
    }

    @Test(arguments: 0..<8, [UInt8(0x61), 0x00, 0x01, 0x80, 0xFF])
    func `the first match is exact for every byte`(_ index: Int, _ behind: UInt8) {
        for byte in UInt8.min...UInt8.max {
            let word = word(byte, at: index, behind: behind)
            func first(_ mask: UInt64) -> Int? { mask == 0 ? nil : Words.first(mask) }
            func expected(_ matches: (UInt8) -> Bool) -> Int? {
                if matches(byte) { return index }
                return matches(behind) && index < 7 ? index + 1 : nil
            }
            #expect(first(Words.equal(word, 0x3A)) == expected { $0 == 0x3A })
            #expect(first(Words.equal(word, 0x00)) == expected { $0 == 0 })
            #expect(first(Words.below(word, 0x20)) == expected { $0 < 0x20 })
            #expect(first(Words.below(word, 0x21)) == expected { $0 < 0x21 })
            #expect(first(Words.beyondVisible(word)) == expected { $0 >= 0x7F })
        }
    }
}
