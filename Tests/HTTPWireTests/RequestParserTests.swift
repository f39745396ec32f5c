// The vectors of Vectors/, and what needs no bytes to be read: limits by default and reuse.

import Bytes
import HTTPWire
import Testing

@Suite struct RequestParserTests {
    @Test(arguments: Vector.load("requests"))
    func `a sound request is read the same in every cut`(_ vector: Vector) {
        vector.check(RequestReader.init)
    }

    @Test(arguments: Vector.load("request-lines"))
    func `a broken request line is refused the same in every cut`(_ vector: Vector) {
        vector.check(RequestReader.init)
    }

    @Test(arguments: Vector.load("fields"))
    func `a broken header line is refused the same in every cut`(_ vector: Vector) {
        vector.check(RequestReader.init)
    }

    @Test(arguments: Vector.load("smuggling"))
    func `nothing is smuggled in any cut`(_ vector: Vector) {
        vector.check(RequestReader.init)
    }

    @Test(arguments: Vector.load("limits"))
    func `limits strike at the same byte in every cut`(_ vector: Vector) {
        vector.check(RequestReader.init)
    }

    @Test func `there are as many vectors as promised`() {
        let requests = ["requests", "request-lines", "fields", "smuggling", "limits"]
        #expect(requests.reduce(0) { $0 + Vector.load($1).count } >= 150)
        #expect(Vector.load("responses").count >= 60)
    }

    @Test func `the default limits hold while bytes arrive`() {
        func outcome(_ text: String) -> String {
            var head = RequestHead()
            do throws(WireError) {
                return "\(try RequestParser().parse(Array(text.utf8).span, into: &head))"
            } catch {
                return describe(error)
            }
        }
        let line = "GET / HTTP/1.1\r\nHost: a\r\n"
        #expect(outcome("GET /" + String(repeating: "a", count: 8191)) == "needMore")
        #expect(
            outcome("GET /" + String(repeating: "a", count: 8192))
                == "error targetTooLong 414 close")
        let filler = "X: " + String(repeating: "a", count: 16_384 - line.utf8.count - 3)
        #expect(outcome(line + filler.dropLast()) == "needMore")
        #expect(outcome(line + filler) == "error headTooLarge 431 close")
        let fields = (1...99).map { "X\($0): y\r\n" }.joined()
        #expect(outcome(line + fields) == "needMore")
        #expect(outcome(line + fields + "\r\n") == "complete(\((line + fields).utf8.count + 2))")
        #expect(outcome(line + fields + "X") == "error fieldsTooMany 431 close")
    }

    @Test func `a head that is used again forgets what it held`() throws {
        var head = RequestHead()
        let first =
            "POST http://b/%41?q HTTP/1.1\r\nHost: a\r\nHOST-x: 1\r\nAccept: b\r\n"
            + "Expect: 100-continue\r\nConnection: upgrade, close\r\nUpgrade: x\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n"
        _ = try RequestParser().parse(Array(first.utf8).span, into: &head)
        #expect(!head.keepAlive && head.hasUpgrade && head.expectsContinue)
        _ = try RequestParser().parse(Array("GET / HTTP/1.0\r\n\r\n".utf8).span, into: &head)
        #expect(head.method == .get && head.form == .origin && head.query == nil)
        #expect(head.authority.isEmpty && head.pathIsPlain && head.fieldCount == 0)
        #expect(head.framing == .none && !head.hasUpgrade && !head.expectsContinue)
        #expect(KnownField.allCases.allSatisfy { head.first($0) == nil && !head.isRepeated($0) })
    }

    @Test func `a host that differs in one byte from the one before is judged anew`() throws {
        var head = RequestHead()
        func accepts(_ host: [UInt8]) -> Bool {
            let text = Array("GET / HTTP/1.1\r\nHost: ".utf8) + host + Array("\r\n\r\n".utf8)
            return (try? RequestParser().parse(text.span, into: &head)) != nil
        }
        for count in 1...24 {
            let host = Array("localhost.example.org.fr".utf8.prefix(count))
            for index in host.indices {
                #expect(accepts(host))
                var other = host
                other[index] = UInt8(ascii: "/")
                #expect(!accepts(other), "\(String(decoding: other, as: UTF8.self))")
                #expect(accepts(host))
                other[index] = UInt8(ascii: "x")
                #expect(accepts(other))
                let range = head.authority
                #expect(Int(range.end - range.start) == count)
            }
        }
    }

    @Test func `a head with less room than the limit refuses what does not fit`() throws {
        var head = RequestHead(fieldCapacity: 2)
        let text = "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n"
        #expect(throws: WireError.peer(.fieldsTooMany, suggestedStatus: 431)) {
            try RequestParser().parse(Array(text.utf8).span, into: &head)
        }
    }

    @Test func `repeated fields are known to be repeated`() throws {
        var head = RequestHead()
        let text = "GET / HTTP/1.1\r\nHost: a\r\nCookie: a\r\nCookie: b\r\nAccept: c\r\n\r\n"
        _ = try RequestParser().parse(Array(text.utf8).span, into: &head)
        #expect(head.isRepeated(.cookie) && !head.isRepeated(.accept) && !head.isRepeated(.host))
        #expect(head.first(.accept) == head.field(at: 3).value)
    }
    @Test func `the lines of a list are joined in their order`() throws {
        var head = RequestHead()
        for (lines, joined) in [
            ("Accept: a\r\nVia: x\r\naccept: b;q=0\r\nAccept:\r\n", "a, b;q=0, "),
            ("Accept: a, b\r\n", "a, b"), ("Via: x\r\n", nil),
        ] as [(String, String?)] {
            let text = Array("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n".utf8)
            _ = try RequestParser().parse(text.span, into: &head)
            try text.withUnsafeBytes { bytes in
                let base = try #require(bytes.baseAddress)
                let list = head.list(.accept, base).map { String(decoding: $0, as: UTF8.self) }
                #expect(list == joined)
                // What was asked for first stays as it is.
                let host = head.list(.host, base).map { String(decoding: $0, as: UTF8.self) }
                #expect(host == "a" && list == joined)
            }
        }
    }
}
