import Bytes
import Testing

/// Calls `body` with `bytes`.
private func withBytes<Result>(
    _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) -> Result
) -> Result {
    bytes.withUnsafeBytes(body)
}

/// Calls `body` with the UTF-8 of `text`.
private func withBytes<Result>(
    _ text: String, _ body: (UnsafeRawBufferPointer) -> Result
) -> Result {
    withBytes(Array(text.utf8), body)
}

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

    @Test(arguments: 0..<8)
    func `no control character is missed, and no harmless word is marked`(_ index: Int) {
        for byte in UInt8.min...UInt8.max {
            let isControl = byte < 0x20 || byte == 0x7F
            let marks = Words.controls(word(byte, at: index, behind: 0x61))
            #expect(isControl ? Words.first(marks) <= index && marks != 0 : marks == 0)
            let behindHigh = Words.controls(word(byte, at: index, behind: 0xFF))
            #expect(!isControl || Words.first(behindHigh) <= index && behindHigh != 0)
        }
    }

    @Test(arguments: 1..<8)
    func `nothing notable in a path is missed`(_ index: Int) {
        let always = Set("#%?\\".utf8)
        for byte in UInt8.min...UInt8.max {
            for before in [UInt8(ascii: "a"), UInt8(ascii: "/"), 0xFF] {
                var bytes = [UInt8](repeating: 0x61, count: 9)
                bytes[index] = before
                bytes[index + 1] = byte
                let marks = bytes.withUnsafeBytes { bytes in
                    bytes.baseAddress.map {
                        Words.notableInPath(Words.load($0, 1), Words.load($0, 0))
                    } ?? 0
                }
                let isSegment = byte == UInt8(ascii: "/") || byte == UInt8(ascii: ".")
                let isNotable =
                    byte <= 0x20 || byte >= 0x7F || always.contains(byte)
                    || before == UInt8(ascii: "/") && isSegment
                #expect(!isNotable || marks != 0 && Words.first(marks) <= index)
            }
        }
        #expect(Words.notableInPath(Words.load("odules/i"), Words.load("modules/")) == 0)
    }

    @Test(arguments: 0..<8)
    func `a host name is made of letters, digits, dots and hyphens`(_ index: Int) {
        let letters = "abcdefghijklmnopqrstuvwxyz"
        let expected = Set((letters + letters.uppercased() + "0123456789.-").utf8)
        for byte in UInt8.min...UInt8.max {
            for fill in "aZ09.-".utf8 {
                var bytes = [UInt8](repeating: fill, count: 8)
                bytes[index] = byte
                let isHost = bytes.withUnsafeBytes { bytes in
                    bytes.baseAddress.map { Words.isHostName(Words.load($0, 0)) } ?? false
                }
                #expect(isHost == expected.contains(byte))
            }
        }
    }

    @Test func `a word is spelt in every case and in no other way`() {
        let literals: [StaticString] = [
            "close", "chunked", "upgrade", "keep-alive", "100-continue",
        ]
        for literal in literals {
            let name = Array(literal.description.utf8)
            #expect(withBytes(name) { Words.spell($0, literal) })
            #expect(withBytes(literal.description.uppercased()) { Words.spell($0, literal) })
            #expect(!withBytes(name + name) { Words.spell($0, literal) })
            #expect(!withBytes(Array(name.dropLast())) { Words.spell($0, literal) })
            for index in name.indices {
                for bit in 0..<8 {
                    var changed = name
                    changed[index] ^= 1 << UInt8(bit)
                    let isOtherCase = bit == 5 && name[index] >= UInt8(ascii: "a")
                    #expect(withBytes(changed) { Words.spell($0, literal) } == isOtherCase)
                }
            }
        }
    }

    @Test func `a short word has its bytes lowest and zeros above`() {
        let bytes = (1...12).map { UInt8($0) }
        withBytes(bytes) { all in
            guard let base = all.baseAddress else { return }
            for offset in 0..<4 {
                for count in 0...8 {
                    var expected: UInt64 = 0
                    for index in 0..<count {
                        expected |= UInt64(bytes[offset + index]) << UInt64(8 * index)
                    }
                    #expect(Words.load(base, offset, count: count) == expected)
                }
                #expect(Words.load(base, offset, count: 9) == Words.load(base, offset))
            }
        }
    }

    @Test(arguments: 0..<40)
    func `a byte is found where it first stands, and nowhere else`(_ place: Int) {
        for length in 0..<40 {
            var bytes = [UInt8](repeating: 0x61, count: length + 16)
            for index in min(place, bytes.count)..<bytes.count { bytes[index] = 0x2F }
            withBytes(bytes) { all in
                guard let base = all.baseAddress else { return }
                for start in 0...length {
                    let expected = min(max(place, start), length)
                    #expect(Words.find(0x2F, base, from: start, to: length) == expected)
                }
            }
        }
    }
}
