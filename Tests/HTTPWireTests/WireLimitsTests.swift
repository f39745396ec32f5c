import HTTPWire
import Testing

@Suite struct WireLimitsTests {
    @Test func `limits outside the countable are moved to its edge`() {
        let least = WireLimits(
            headBytes: Int.min, targetBytes: 0, methodBytes: -1, fieldCount: 0, fieldNameBytes: 0,
            leadingLineCount: -1, chunkLineBytes: 0, chunkExtensionBytes: -1, trailerBytes: 0)
        #expect(least.headBytes == 64 && least.targetBytes == 1 && least.fieldCount == 1)
        #expect(least.leadingLineCount == 0 && least.chunkLineBytes == 18)
        let most = WireLimits(
            headBytes: Int.max, targetBytes: Int.max, methodBytes: Int.max, fieldCount: Int.max,
            fieldNameBytes: Int.max, leadingLineCount: Int.max, chunkLineBytes: Int.max,
            chunkExtensionBytes: Int.max, trailerBytes: Int.max)
        #expect(most.headBytes == 1 << 24 && most.fieldCount == 1 << 15)
        #expect(most.fieldNameBytes <= Int(UInt16.max))
        #expect(most.chunkExtensionBytes <= Int(Int32.max) && most.trailerBytes <= Int(Int32.max))
    }
}
