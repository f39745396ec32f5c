import HTTPWire
import Testing

@Suite struct KnownFieldTests {
    private static let named = KnownField.allCases.filter { $0 != .other }

    private func recognise(_ bytes: [UInt8]) -> KnownField {
        withBytes(bytes) { KnownField.recognise($0) }
    }

    @Test(arguments: named)
    func `a name is known in every case`(_ field: KnownField) throws {
        let name = try #require(field.name?.description)
        #expect(recognise(Array(name.utf8)) == field)
        #expect(recognise(Array(name.lowercased().utf8)) == field)
        #expect(recognise(Array(name.uppercased().utf8)) == field)
    }

    @Test(arguments: named)
    func `a name with one bit changed is not known, but for the case of a letter`(
        _ field: KnownField
    ) throws {
        let name = Array(try #require(field.name?.description).lowercased().utf8)
        for index in name.indices {
            for bit in 0..<8 {
                var changed = name
                changed[index] ^= 1 << UInt8(bit)
                let isLetter = name[index] >= UInt8(ascii: "a")
                #expect(recognise(changed) == (isLetter && bit == 5 ? field : .other))
            }
        }
    }

    @Test(arguments: named)
    func `a name with a byte more or less is not known`(_ field: KnownField) throws {
        let name = Array(try #require(field.name?.description).utf8)
        #expect(recognise(name + [UInt8(ascii: "s")]) == .other)
        #expect(recognise(Array(name.dropLast())) == .other)
        #expect(recognise(Array(name.dropFirst())) == .other)
    }

    @Test func `numbers fit the bit set of a head`() {
        #expect(KnownField.allCases.count <= 64)
        #expect(KnownField.other.name == nil)
        #expect(recognise([]) == .other)
        #expect(recognise(Array(repeating: UInt8(ascii: "a"), count: 300)) == .other)
    }
}
