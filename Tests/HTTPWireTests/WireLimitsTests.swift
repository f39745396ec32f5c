import HTTPWire
import Testing

@Suite struct WireLimitsTests {
    @Test func `limits outside the countable are moved to its edge`() {
        let least = WireLimits(
            headBytes: Int.min, targetBytes: 0, methodBytes: -1, fieldCount: 0, fieldNameBytes: 0,
            leadingLineCount: -1, chunkLineBytes: 0, chunkExtensionBytes: -1, trailerBytes: 0
        ).clamped
        #expect(least.headBytes == 64 && least.targetBytes == 1 && least.fieldCount == 1)
        #expect(least.leadingLineCount == 0 && least.chunkLineBytes == 18)
        let most = WireLimits(
            headBytes: Int.max, targetBytes: Int.max, methodBytes: Int.max, fieldCount: Int.max,
            fieldNameBytes: Int.max, leadingLineCount: Int.max, chunkLineBytes: Int.max,
            chunkExtensionBytes: Int.max, trailerBytes: Int.max
        ).clamped
        #expect(most.headBytes == 1 << 24 && most.fieldCount == 1 << 15)
        #expect(most.fieldNameBytes <= Int(UInt16.max))
        #expect(most.chunkExtensionBytes <= Int(Int32.max) && most.trailerBytes <= Int(Int32.max))
    }

    @Test func `sound limits stay as they are`() {
        #expect(WireLimits().clamped == WireLimits())
    }

    @Test func `parsers survive limits that nobody can count in`() throws {
        var limits = WireLimits()
        limits.headBytes = Int.max
        limits.trailerBytes = Int.max
        var head = RequestHead(fieldCapacity: 0)
        let text = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        let outcome = try RequestParser(limits: limits).parse(text.span, into: &head)
        #expect(outcome == .complete(27))
        #expect(!ChunkedDecoder(limits: limits).isComplete)
    }
}
