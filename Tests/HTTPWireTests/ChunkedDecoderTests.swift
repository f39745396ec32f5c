import Bytes
import HTTPWire
import Testing

@Suite struct ChunkedDecoderTests {
    @Test(arguments: Vector.load("chunked"))
    func `a chunked body is read or refused the same in every cut`(_ vector: Vector) {
        vector.check { ChunkedReader($0) }
    }

    @Test(arguments: Vector.load("chunked"), [1, 3])
    func `little room changes nothing`(_ vector: Vector, _ room: Int) {
        vector.check { ChunkedReader($0, maxOutput: room) }
    }

    private func decode(
        _ text: String, _ decoder: inout ChunkedDecoder, maxOutput: Int
    ) throws(WireError) -> (consumed: Int, isComplete: Bool, output: String) {
        var output = ByteBuffer()
        let result = try withBytes(text) { (bytes) throws(WireError) in
            try decoder.decode(bytes, into: &output, maxOutput: maxOutput)
        }
        return (result.consumed, result.isComplete, output.text())
    }

    @Test func `data without room is left to the caller`() throws {
        var decoder = ChunkedDecoder()
        let first = try decode("5\r\nhello\r\n0\r\n\r\n", &decoder, maxOutput: 2)
        #expect(first == (5, false, "he"))
        let none = try decode("llo\r\n0\r\n\r\n", &decoder, maxOutput: 0)
        #expect(none == (0, false, ""))
        let rest = try decode("llo\r\n0\r\n\r\n", &decoder, maxOutput: 3)
        #expect(rest == (10, true, "llo"))
    }

    @Test func `framing needs no room`() throws {
        var decoder = ChunkedDecoder()
        let all = try decode("1\r\nx\r\n0\r\n\r\n", &decoder, maxOutput: 1)
        #expect(all == (11, true, "x"))
        #expect(decoder.isComplete)
    }

    @Test func `a complete body consumes nothing more`() throws {
        var decoder = ChunkedDecoder()
        _ = try decode("0\r\n\r\n", &decoder, maxOutput: 9)
        let more = try decode("5\r\nhello", &decoder, maxOutput: 9)
        #expect(more == (0, true, ""))
    }

    @Test func `what the encoder writes is read back`() throws {
        var encoded = ByteBuffer()
        for text in ["hello", "", String(repeating: "x", count: 300), "\r\n0\r\n\r\n"] {
            withBytes(text) { ChunkedEncoder.append($0, to: &encoded) }
        }
        ChunkedEncoder.appendLast(to: &encoded)
        var decoder = ChunkedDecoder()
        let read = try decode(encoded.text(), &decoder, maxOutput: 1000)
        #expect(read.output == "hello" + String(repeating: "x", count: 300) + "\r\n0\r\n\r\n")
        #expect(read.isComplete && read.consumed == encoded.count)
    }
}
