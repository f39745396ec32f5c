import Bytes
import HTTPWire
import Testing

@Suite struct ChunkedEncoderTests {
    @Test func `a chunk has its size in lower-case hexadecimal`() {
        let data = String(repeating: "a", count: 26)
        let chunk = written { output in withBytes(data) { ChunkedEncoder.append($0, to: &output) } }
        #expect(chunk == "1a\r\n" + data + "\r\n")
    }

    @Test func `an empty chunk is not written, because it would end the body`() {
        let chunk = written { output in withBytes("") { ChunkedEncoder.append($0, to: &output) } }
        #expect(chunk == "")
    }

    @Test func `header and end go around data that travels alone`() {
        let text = written { output in
            ChunkedEncoder.appendHeader(byteCount: 4096, to: &output)
            ChunkedEncoder.appendEnd(to: &output)
            ChunkedEncoder.appendLast(to: &output)
        }
        #expect(text == "1000\r\n\r\n0\r\n\r\n")
    }

    @Test func `no chunk adds more than the stated overhead`() {
        let header = written { ChunkedEncoder.appendHeader(byteCount: Int.max, to: &$0) }
        let end = written { ChunkedEncoder.appendEnd(to: &$0) }
        #expect(header.utf8.count + end.utf8.count == ChunkedEncoder.maximumOverhead)
    }
}
