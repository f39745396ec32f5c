import Bytes
import HTTPWire
import Testing

@Suite struct HeadWriterTests {
    @Test func `a whole head is written in order`() throws {
        let head = try written { (output) throws(WireError) in
            try output.appendStatusLine(200)
            output.appendField("Content-Type", "text/plain")
            output.appendContentLength(12)
            output.appendField("Age", decimal: 3)
            output.appendConnection(keepAlive: false, versionMinor: 1)
            output.appendHeadEnd()
        }
        let expected =
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n"
            + "Age: 3\r\nConnection: close\r\n\r\n"
        #expect(head == expected)
    }

    @Test(arguments: [
        (200, "HTTP/1.1 200 OK\r\n"), (431, "HTTP/1.1 431 Request Header Fields Too Large\r\n"),
        (299, "HTTP/1.1 299 \r\n"), (599, "HTTP/1.1 599 \r\n"),
    ])
    func `a status line has its phrase, or none`(_ code: Int, _ line: String) throws {
        let text = try written { (output) throws(WireError) in try output.appendStatusLine(code) }
        #expect(text == line)
    }

    @Test(arguments: [-1, 0, 99, 600, 1000, Int.max])
    func `a number that is no status is refused`(_ code: Int) {
        #expect(throws: WireError.misuse(.statusInvalid)) {
            _ = try written { (output) throws(WireError) in try output.appendStatusLine(code) }
        }
    }

    @Test func `every known code has a line that reads back`() throws {
        for code in 100..<600 {
            guard let line = StatusCode.line(code) else { continue }
            var head = ResponseHead()
            let bytes = Array((line.description + "\r\n").utf8)
            _ = try ResponseParser().parse(bytes.span, to: .get, into: &head)
            #expect(head.status == code)
            let reason = Array(StatusCode.reason(code))
            #expect(bytes.withUnsafeBytes { Array($0[head.reason]) } == reason)
            #expect(!reason.isEmpty)
        }
        #expect(Array(StatusCode.reason(499)) == Array("Bad Request".utf8))
        #expect(StatusCode.reason(199).isEmpty)
    }

    @Test(arguments: [
        ("X", "a\r\nSet-Cookie: b", WireMisuse.fieldValueInvalid),
        ("X", "a\nb", .fieldValueInvalid),
        ("X", "a\rb", .fieldValueInvalid), ("X", "a\0b", .fieldValueInvalid),
        ("X", "\u{1B}[0m", .fieldValueInvalid), ("X", "\u{7F}", .fieldValueInvalid),
        ("", "a", .fieldNameInvalid), ("X Y", "a", .fieldNameInvalid),
        ("X:", "a", .fieldNameInvalid),
        ("X\r\n", "a", .fieldNameInvalid), ("Ä", "a", .fieldNameInvalid),
    ])
    func `nothing that could end the line is written`(
        _ name: String, _ value: String, _ misuse: WireMisuse
    ) {
        var output = ByteBuffer()
        #expect(throws: WireError.misuse(misuse)) {
            try withBytes(name) { (name) throws(WireError) in
                try withBytes(value) { (value) throws(WireError) in
                    try output.appendField(name: name, value: value)
                }
            }
        }
        let count = output.count
        #expect(count == 0)
    }

    @Test func `sound names and values are written`() throws {
        let text = try written { (output) throws(WireError) in
            try withBytes("a\té") { (value) throws(WireError) in
                try output.appendField("X", value: value)
                try withBytes("Y") { (name) throws(WireError) in
                    try output.appendField(name: name, value: value)
                }
            }
            withBytes("Sun, 06 Nov 1994 08:49:37 GMT") { output.appendDate($0) }
            output.appendChunkedCoding()
        }
        let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        #expect(text == "X: a\té\r\nY: a\té\r\n" + date + "Transfer-Encoding: chunked\r\n")
    }

    @Test(arguments: [
        (true, 1, ""), (false, 1, "Connection: close\r\n"), (true, 0, "Connection: keep-alive\r\n"),
        (false, 0, "Connection: close\r\n"),
    ])
    func `connection is said only where it is news`(
        _ keepAlive: Bool, _ versionMinor: Int, _ line: String
    ) {
        let text = written { $0.appendConnection(keepAlive: keepAlive, versionMinor: versionMinor) }
        #expect(text == line)
    }

    @Test(arguments: [
        ("GET", "/a?b", "GET /a?b HTTP/1.1\r\n"), ("M-SEARCH", "*", "M-SEARCH * HTTP/1.1\r\n"),
        ("GET", "", nil), ("", "/", nil), ("G T", "/", nil), ("GET", "/ HTTP/1.1\r\nX: y", nil),
        ("GET", "/a b", nil), ("GET", "/é", nil), ("GET", "/\0", nil),
    ])
    func `a request line cannot be split`(_ method: String, _ target: String, _ line: String?) {
        let text = try? written { (output) throws(WireError) in
            try withBytes(method) { (method) throws(WireError) in
                try withBytes(target) { (target) throws(WireError) in
                    try output.appendRequestLine(method: method, target: target)
                }
            }
        }
        #expect(text == line)
    }
}
