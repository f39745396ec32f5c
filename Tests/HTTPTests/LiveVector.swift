// LiveVector: bytes for a live connection and what must come of them. Behind the bytes of a vector
// goes a second request, so that a connection which lost its place in the stream shows.

import Testing

/// One row of the table.
struct LiveVector: Sendable, CustomTestStringConvertible {
    /// What becomes of the connection.
    enum Fate: Sendable {
        /// It lives on and answers the request behind.
        case stays
        /// It ends; the request behind gets no answer.
        case closes
    }

    let name: String
    let bytes: String
    let statuses: [Int]
    let fate: Fate
    let heads: Set<Int>

    var testDescription: String { name }

    /// The request behind.
    static let next = "GET /now HTTP/1.1\r\nHost: next\r\n\r\n"

    init(
        _ name: String, _ bytes: String, _ statuses: Int..., fate: Fate = .stays,
        heads: Set<Int> = []
    ) {
        self.name = name
        self.bytes = bytes
        self.statuses = statuses
        self.fate = fate
        self.heads = heads
    }

    /// All that is sent.
    var sent: [UInt8] { Array((bytes + Self.next).utf8) }

    /// All that must be answered.
    var expected: [Int] { fate == .stays ? statuses + [200] : statuses }

    /// A request without body.
    static func get(
        _ path: String = "/now", _ fields: String = "", method: String = "GET",
        version: String = "HTTP/1.1"
    ) -> String {
        "\(method) \(path) \(version)\r\nHost: a\r\n\(fields)\r\n"
    }

    /// A request with `body` behind its head, whatever the head says.
    static func post(
        _ path: String, _ fields: String, _ body: String = "", version: String = "HTTP/1.1"
    ) -> String {
        "POST \(path) \(version)\r\nHost: a\r\n\(fields)\r\n\(body)"
    }

    /// A request with its body's length.
    static func sized(_ path: String, _ body: String, _ fields: String = "") -> String {
        post(path, "Content-Length: \(body.utf8.count)\r\n\(fields)", body)
    }

    /// A request with chunks, framing included.
    static func chunked(_ path: String, _ chunks: String, _ fields: String = "") -> String {
        post(path, "Transfer-Encoding: chunked\r\n\(fields)", chunks)
    }

    /// `text` as one chunk and the end.
    static func chunk(_ text: String) -> String {
        "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n0\r\n\r\n"
    }
}

extension LiveVector {
    /// The table.
    static let all = valid + heads + framings + chunkings + persistence + refusedBodies

    private static let valid = [
        LiveVector("one request", get(), 200),
        LiveVector("two requests", get() + get(), 200, 200),
        LiveVector("an empty line between requests", get() + "\r\n" + get(), 200, 200),
        LiveVector("HEAD", get(method: "HEAD"), 200, heads: [0]),
        LiveVector("HEAD of nothing", get("/none", method: "HEAD"), 404, heads: [0]),
        LiveVector("an absolute target", get("http://a/now"), 200),
        LiveVector("a body", sized("/echo", "abc"), 200),
        LiveVector("a body of length zero", sized("/echo", ""), 200),
        LiveVector("a POST without body", post("/echo", ""), 200),
        LiveVector("a chunked body", chunked("/echo", chunk("abc")), 200),
        LiveVector("a body on GET", get("/now", "Content-Length: 3\r\n") + "abc", 200),
        LiveVector(
            "Expect, and the body at once", sized("/echo", "abc", "Expect: 100-continue\r\n"), 200),
        LiveVector("Expect without body", get("/now", "Expect: 100-continue\r\n"), 200),
        LiveVector(
            "an Upgrade that is ignored",
            sized("/echo", "abc", "Connection: upgrade\r\nUpgrade: h2c\r\n"), 200),
    ]

    private static let heads = [
        LiveVector("no Host", "GET /now HTTP/1.1\r\n\r\n", 400, fate: .closes),
        LiveVector("two equal Hosts", get("/now", "Host: a\r\n"), 400, fate: .closes),
        LiveVector("bare LF in the head", "GET /now HTTP/1.1\nHost: a\n\n", 400, fate: .closes),
        LiveVector("bare CR in the head", get("/now", "X: a\rb\r\n"), 400, fate: .closes),
        LiveVector("NUL in a value", get("/now", "X: \0\r\n"), 400, fate: .closes),
        LiveVector("an invalid byte in a name", get("/now", "X\0: a\r\n"), 400, fate: .closes),
        LiveVector("a folded line", get("/now", "X: a\r\n b\r\n"), 400, fate: .closes),
        LiveVector("a blank before the colon", get("/now", "X : a\r\n"), 400, fate: .closes),
        LiveVector("garbage", "\u{16}\u{3}\u{1}", 400, fate: .closes),
        LiveVector("HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, fate: .closes),
        LiveVector("HTTP/0.9", "GET /now\r\n\r\n", 400, fate: .closes),
        LiveVector("good, then garbage", get() + "\n", 200, 400, fate: .closes),
        LiveVector(
            "later, then garbage", get() + get() + "x\r\n\r\n", 200, 200, 400, fate: .closes),
        LiveVector(
            "an unknown expectation", sized("/echo", "abc", "Expect: x\r\n"), 417, fate: .closes),
        LiveVector(
            "a HEAD that is refused", get("/now", "Expect: x\r\n", method: "HEAD"), 417,
            fate: .closes, heads: [0]),
    ]

    private static let framings = [
        LiveVector(
            "length and coding", chunked("/echo", chunk("abc"), "Content-Length: 3\r\n"), 400,
            fate: .closes),
        LiveVector(
            "coding and length",
            post("/echo", "Content-Length: 13\r\nTransfer-Encoding: chunked\r\n", chunk("abc")),
            400,
            fate: .closes),
        LiveVector(
            "coding in HTTP/1.0",
            post("/echo", "Transfer-Encoding: chunked\r\n", chunk("abc"), version: "HTTP/1.0"), 400,
            fate: .closes),
        LiveVector(
            "another coding", post("/echo", "Transfer-Encoding: gzip\r\n"), 501, fate: .closes),
        LiveVector(
            "chunked not last", post("/echo", "Transfer-Encoding: chunked, gzip\r\n"), 400,
            fate: .closes),
        LiveVector(
            "chunked with a comma", post("/echo", "Transfer-Encoding: chunked,\r\n", chunk("a")),
            400, fate: .closes),
        LiveVector(
            "a length with a sign", post("/echo", "Content-Length: +3\r\n", "abc"), 400,
            fate: .closes),
        LiveVector(
            "a list of lengths", post("/echo", "Content-Length: 3, 3\r\n", "abc"), 400,
            fate: .closes),
        LiveVector(
            "two lengths", sized("/echo", "abc", "Content-Length: 4\r\n"), 400, fate: .closes),
        LiveVector(
            "a length that overflows",
            post("/echo", "Content-Length: 18446744073709551619\r\n", "abc"),
            400, fate: .closes),
    ]

    private static let chunkings = [
        LiveVector(
            "bare LF behind a size", chunked("/echo", "3\nabc\r\n0\r\n\r\n"), 400, fate: .closes),
        LiveVector(
            "bare LF behind data", chunked("/echo", "3\r\nabc\n0\r\n\r\n"), 400, fate: .closes),
        LiveVector(
            "two wrong bytes behind data", chunked("/echo", "3\r\nabcXY0\r\n\r\n"), 400,
            fate: .closes),
        LiveVector(
            "bare LF behind the last chunk", chunked("/echo", "3\r\nabc\r\n0\n\r\n"), 400,
            fate: .closes),
        LiveVector(
            "bare LF at the end", chunked("/echo", "3\r\nabc\r\n0\r\n\n"), 400, fate: .closes),
        LiveVector(
            "a size with 0x", chunked("/echo", "0x3\r\nabc\r\n0\r\n\r\n"), 400, fate: .closes),
        LiveVector(
            "a size that overflows", chunked("/echo", "ffffffffffffffff\r\n"), 400, fate: .closes),
        LiveVector("a trailer", chunked("/echo", "3\r\nabc\r\n0\r\nX: y\r\n\r\n"), 200),
        LiveVector(
            "a length as trailer", chunked("/echo", "3\r\nabc\r\n0\r\nContent-Length: 1\r\n\r\n"),
            400,
            fate: .closes),
        LiveVector("a request instead of chunks", chunked("/echo", next), 400, fate: .closes),
    ]

    private static let persistence = [
        LiveVector("close", get("/now", "Connection: close\r\n"), 200, fate: .closes),
        LiveVector("close in a list", get("/now", "Connection: x, Close\r\n"), 200, fate: .closes),
        LiveVector(
            "close in a second line",
            get("/now", "Connection: keep-alive\r\nConnection: close\r\n"), 200, fate: .closes),
        LiveVector(
            "close, then garbage", get("/now", "Connection: close\r\n") + "\n\0", 200, fate: .closes
        ),
        LiveVector("HTTP/1.0", get(version: "HTTP/1.0"), 200, fate: .closes),
        LiveVector(
            "HTTP/1.0 with keep-alive",
            get("/now", "Connection: keep-alive\r\n", version: "HTTP/1.0"),
            200),
        LiveVector(
            "Expect of HTTP/1.0",
            post(
                "/echo", "Expect: 100-continue\r\nContent-Length: 3\r\n", "abc", version: "HTTP/1.0"
            ),
            200, fate: .closes),
    ]

    private static let refusedBodies = [
        LiveVector("404 with a request as body", sized("/none", next), 404),
        LiveVector("404 with a chunked body", chunked("/none", chunk(next)), 404),
        LiveVector("404 with broken chunks", chunked("/none", next), 404, fate: .closes),
        LiveVector(
            "404 with Expect", sized("/none", "abc", "Expect: 100-continue\r\n"), 404, fate: .closes
        ),
        LiveVector(
            "404 with a large body", post("/none", "Content-Length: 70000\r\n", next), 404,
            fate: .closes),
        LiveVector(
            "413 from the length", post("/echo", "Content-Length: 100001\r\n", next), 413,
            fate: .closes),
        LiveVector(
            "413 from a chunk",
            chunked("/echo", "186a1\r\n" + String(repeating: "x", count: 100_001)),
            413, fate: .closes),
    ]
}
