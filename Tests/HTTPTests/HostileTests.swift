// Twenty things that well-known servers get wrong, one test each, plain and over TLS, mostly with a
// further request behind the bad one, so that a lost place in the stream shows. What belongs to
// other floors (certificates, event streams, children) is tested there; here is what connections
// have to do with it.

import TLS
import Testing

@testable import HTTP

@Suite struct HostileTests {
    private typealias Vector = LiveVector

    /// Sends `text` with a request behind it; returns the status codes and whether the server ended
    /// the connection.
    private func play(_ text: String, _ isTLS: Bool) throws -> (statuses: [Int], isAtEnd: Bool) {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect()
        peer.send(text + Vector.next)
        stage.settle()
        #expect(!peer.wasReset)
        return (try peer.statuses(), peer.isAtEnd)
    }

    /// Expects that `text` is refused with `status` and the connection ends.
    private func expectRefused(_ text: String, _ isTLS: Bool, status: Int = 400) throws {
        let outcome = try play(text, isTLS)
        #expect(outcome.statuses == [status], "\(text)")
        #expect(outcome.isAtEnd, "\(text)")
    }

    /// Expects that `text` and the request behind it are answered.
    private func expectServed(_ text: String, _ isTLS: Bool, _ statuses: [Int] = [200]) throws {
        let outcome = try play(text, isTLS)
        #expect(outcome.statuses == statuses + [200], "\(text)")
        #expect(!outcome.isAtEnd, "\(text)")
    }

    @Test(arguments: [false, true])
    func `1: a length beside a coding is refused and the connection closed`(isTLS: Bool) throws {
        for fields in ["Content-Length: 3\r\n", "Content-Length: 0\r\n"] {
            try expectRefused(Vector.chunked("/echo", Vector.chunk("abc"), fields), isTLS)
            try expectRefused(
                Vector.post(
                    "/echo", fields + "Transfer-Encoding: chunked\r\n", Vector.chunk("abc")),
                isTLS)
        }
    }

    @Test(arguments: [false, true])
    func `2: a bare LF or CR in a head or in chunk framing is refused`(isTLS: Bool) throws {
        for chunks in [
            "3\nabc\r\n0\r\n\r\n", "3\rabc\r\n0\r\n\r\n", "3;x\nabc\r\n0\r\n\r\n",
            "3\r\nabc\n0\r\n\r\n", "3\r\nabc\r0\r\n\r\n", "3\r\nabc\r\n0\n\r\n",
            "3\r\nabc\r\n0\r\n\n", "3\r\nabc\r\n0\r\n\rX", "3\r\nabc\r\n0\r\nX: y\n\r\n",
        ] { try expectRefused(Vector.chunked("/echo", chunks), isTLS) }
        for head in [
            "GET /now HTTP/1.1\nHost: a\r\n\r\n", "GET /now HTTP/1.1\r\nHost: a\n\r\n",
            "GET /now HTTP/1.1\r\nHost: a\r\n\n", "GET /now HTTP/1.1\rHost: a\r\n\r\n",
            Vector.get("/now", "X: a\rb\r\n"), "\n" + Vector.get(),
        ] { try expectRefused(head, isTLS) }
    }

    @Test(arguments: [false, true])
    func `3: both bytes behind data and behind the last chunk are looked at`(isTLS: Bool) throws {
        for chunks in [
            "3\r\nabcXY0\r\n\r\n", "3\r\nabc\rX0\r\n\r\n", "3\r\nabcX\n0\r\n\r\n",
            "3\r\nabc\r\n0\r\nXY", "3\r\nabc\r\n0\r\n\rY", "3\r\nabcd\r\n0\r\n\r\n",
        ] { try expectRefused(Vector.chunked("/echo", chunks), isTLS) }
    }

    @Test(arguments: [false, true])
    func `4: sizes and lengths are plain digits that do not overflow`(isTLS: Bool) throws {
        for length in [
            "+3", "-3", "0x3", "3 3", "3,3", "3, 4", "", "3a", "18446744073709551619",
            "99999999999999999999", "00000000000000000003",
        ] {
            try expectRefused(Vector.post("/echo", "Content-Length: \(length)\r\n", "abc"), isTLS)
        }
        for size in [
            "+3", "-3", "0x3", " 3", "3 ", "", "g", "10000000000000003", "fffffffffffffffff",
        ] {
            try expectRefused(
                Vector.chunked("/echo", "\(size)\r\nabc\r\n0\r\n\r\n"), isTLS)
        }
    }

    @Test(arguments: [false, true])
    func `5: only chunked counts, alone, and only in HTTP 1.1`(isTLS: Bool) throws {
        for (coding, status) in [
            ("chunked, chunked", 400), ("chunked, gzip", 400), ("chunked,", 400),
            ("\"chunked\"", 400),
            ("chunked;a", 400), ("gzip, chunked", 501), ("identity", 501), ("xchunked", 501),
        ] {
            try expectRefused(
                Vector.post("/echo", "Transfer-Encoding: \(coding)\r\n", Vector.chunk("abc")),
                isTLS,
                status: status)
        }
        try expectRefused(
            Vector.post(
                "/echo", "Transfer-Encoding: chunked\r\n", Vector.chunk("abc"), version: "HTTP/1.0"),
            isTLS)
    }

    @Test(arguments: [false, true])
    func `6: a field with an invalid byte in its name is refused, not dropped`(isTLS: Bool) throws {
        for name in [
            "Content-Length ", "Content\0-Length", "\u{b}Content-Length", "Content-Length\t",
        ] {
            try expectRefused(
                Vector.post("/echo", "\(name): \(Vector.next.utf8.count)\r\n", Vector.next), isTLS)
        }
    }

    @Test(arguments: [false, true])
    func `7: everything between messages and in framing is bounded`(isTLS: Bool) throws {
        let endless = String(repeating: "a", count: 70_000)
        try expectRefused(String(repeating: "\r\n", count: 1000), isTLS)
        try expectRefused(Vector.chunked("/echo", "3;" + endless), isTLS)
        try expectRefused(Vector.chunked("/echo", String(repeating: "0", count: 70_000)), isTLS)
        try expectRefused(Vector.chunked("/echo", "0\r\nX: " + endless), isTLS)
        try expectRefused(
            Vector.chunked("/echo", "0\r\n" + String(repeating: "X: y\r\n", count: 5000)), isTLS)
        try expectRefused("GET /" + endless, isTLS, status: 414)
        try expectRefused(
            "GET /now HTTP/1.1\r\nHost: a\r\nX: " + endless, isTLS, status: 431)
        try expectRefused(
            Vector.get("/now", String(repeating: "X: y\r\n", count: 200)), isTLS, status: 431)
    }

    @Test(arguments: [false, true])
    func `8: HTTP 1.1 has exactly one valid Host`(isTLS: Bool) throws {
        for hosts in [
            "", "Host: a\r\nHost: a\r\n", "Host: a\r\nHost: b\r\n", "Host:\r\n", "Host: a/b\r\n",
        ] {
            try expectRefused("GET /now HTTP/1.1\r\n\(hosts)\r\n", isTLS)
        }
    }

    @Test(arguments: [false, true])
    func `9: the body of a refused request is never the next request`(isTLS: Bool) throws {
        try expectServed(Vector.sized("/none", Vector.next), isTLS, [404])
        try expectServed(Vector.chunked("/none", Vector.chunk(Vector.next)), isTLS, [404])
        // Too long to be worth skipping, too broken to be skipped, or perhaps not sent at all.
        for request in [
            Vector.post("/none", "Content-Length: 99999\r\n"), Vector.chunked("/none", ""),
            Vector.sized("/none", "", "Expect: 100-continue\r\n").replacing(
                "0\r\n", with: "49\r\n"),
        ] {
            let outcome = try play(request, isTLS)
            #expect(outcome.statuses == [404])
            #expect(outcome.isAtEnd)
        }
        try expectRefused(Vector.post("/echo", "Content-Length: 100001\r\n"), isTLS, status: 413)
        try expectRefused(Vector.sized("/echo", "abc", "Expect: x\r\n"), isTLS, status: 417)
    }

    @Test(arguments: [false, true])
    func `10: a 413 comes before the body and survives it`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect(isTCP: true)
        peer.send(Vector.post("/echo", "Content-Length: 3000000\r\n"))
        stage.settle()
        #expect(try peer.statuses() == [413])
        peer.send([UInt8](repeating: 120, count: 3_000_000))
        stage.settle()
        #expect(peer.isAtEnd && !peer.wasReset)
        peer.close()
        try stage.run { stage.server.connectionCount == 0 }
    }

    @Test(arguments: [false, true])
    func `11: there is one 100 Continue, in its turn, and none where none is due`(
        isTLS: Bool
    ) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect()
        let head = Vector.post("/echo", "Expect: 100-Continue\r\nContent-Length: 3\r\n")
        peer.send(Vector.get("/later") + head)
        stage.settle()
        #expect(peer.received.isEmpty)
        try stage.handler.answer()
        stage.settle()
        #expect(try peer.statuses() == [200, 100])
        peer.send("a")
        stage.settle()
        peer.send("bc" + head + "def")
        stage.settle()
        #expect(try peer.answers().map(\.body) == ["later\n", "", "abc", "def"])
        for (request, statuses) in [
            (
                Vector.post(
                    "/echo", "Expect: 100-continue\r\nContent-Length: 3\r\n", version: "HTTP/1.0"),
                []
            ),
            (Vector.post("/echo", "Expect: 100-continue\r\nContent-Length: 999999\r\n"), [413]),
            (Vector.post("/none", "Expect: 100-continue\r\nContent-Length: 3\r\n"), [404]),
            (Vector.post("/later", "Expect: 100-continue\r\nContent-Length: 3\r\n"), []),
            (Vector.get("/now", "Expect: 100-continue\r\n"), [200]),
        ] {
            let other = try stage.connect()
            other.send(request)
            stage.settle()
            #expect(try other.statuses() == statuses, "\(request)")
        }
    }

    @Test(arguments: [false, true])
    func `12: an Upgrade that is ignored loses neither body nor what is behind it`(
        isTLS: Bool
    ) throws {
        let fields =
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        try expectServed(Vector.get("/now", fields), isTLS)
        try expectServed(Vector.sized("/echo", "abc", fields), isTLS)
        try expectServed(Vector.chunked("/echo", Vector.chunk("abc"), fields), isTLS)
    }

    @Test(arguments: [false, true])
    func `13: close is found wherever it stands, and what is behind spoils nothing`(
        isTLS: Bool
    ) throws {
        for fields in [
            "Connection: close\r\n", "Connection: x, CLOSE\r\n",
            "Connection: keep-alive\r\nConnection: close\r\n",
        ] {
            for behind in ["", "garbage", String(repeating: "x", count: 200_000)] {
                let outcome = try play(Vector.get("/now", fields) + behind, isTLS)
                #expect(outcome.statuses == [200])
                #expect(outcome.isAtEnd)
            }
        }
    }

    @Test func `14: silent peers and slow handshakes, heads and bodies are evicted`() throws {
        for (isTLS, text) in [
            (false, ""), (true, ""), (false, "GET /"), (true, "GET /"),
            (false, Vector.post("/echo", "Content-Length: 3\r\n", "a")),
        ] {
            let stage = try ServerStage(isTLS: isTLS)
            let peer = try stage.connect(isSilent: isTLS && text.isEmpty)
            if !text.isEmpty { peer.send(text) }
            stage.settle()
            stage.advance(by: .seconds(31))
            #expect(peer.isAtEnd)
            #expect(try peer.statuses() == (text.isEmpty ? [] : [408]))
        }
    }

    @Test func `15: records of one byte and many requests in one read are served at once`() throws {
        let stage = try ServerStage(isTLS: true)
        let peer = try stage.connect()
        for byte in Array((Vector.get() + Vector.sized("/echo", "abc")).utf8) { peer.send([byte]) }
        peer.send(String(repeating: Vector.get(), count: 50))
        stage.settle()
        #expect(try peer.statuses() == Array(repeating: 200, count: 52))
        // close_notify ends the peer's direction only.
        peer.send(Vector.get("/later"))
        peer.finish()
        stage.settle()
        try stage.handler.answer()
        stage.settle()
        #expect(try peer.statuses().count == 53)
        #expect(peer.sawCloseNotify)
    }

    @Test func `16: a new certificate leaves open connections alone`() throws {
        let stage = try ServerStage(isTLS: true)
        let old = try stage.connect()
        try #require(stage.source).context = ClientCertificates.server()
        old.send(Vector.get())
        stage.settle()
        #expect(try old.statuses() == [200])
    }

    @Test func `17: without descriptors idle newcomers go and everybody else goes on`() throws {
        let stage = try ServerStage()
        let busy = try stage.connect()
        busy.send(Vector.get("/later"))
        stage.settle()
        let idle = try stage.connect()
        let listener = try stage.server.listen(
            Listener.open(.numeric("127.0.0.1", port: 0)), tls: nil)
        #expect(listener.onExhausted())
        stage.settle()
        #expect(idle.isAtEnd && !busy.isAtEnd)
        try stage.handler.answer()
        stage.settle()
        #expect(try busy.statuses() == [200])
    }

    @Test(arguments: [false, true])
    func `18: a peer that does not read is not read`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect()
        peer.shrinkBuffers()
        peer.isReading = false
        let request = Vector.get("/big", "X: \(String(repeating: "x", count: 8000))\r\n")
        peer.send(String(repeating: request, count: 100))
        stage.settle()
        let other = try stage.connect()
        other.send(Vector.get())
        stage.settle()
        #expect(try other.statuses() == [200])
        let connection = try #require(stage.server.connection(0))
        #expect(connection.backlog + connection.keptByteCount < 1_000_000)
        peer.isReading = true
        stage.settle()
        #expect(try peer.statuses().count == 100)
    }

    @Test(arguments: [false, true])
    func `19: the head of a stream goes out at once, and HTTP 1.0 gets no chunks`(
        isTLS: Bool
    ) throws {
        for version in ["HTTP/1.1", "HTTP/1.0"] {
            let stage = try ServerStage(isTLS: isTLS)
            let peer = try stage.connect()
            peer.send(Vector.get("/stream", version: version))
            stage.settle()
            #expect(peer.text.hasPrefix("HTTP/1.1 200 OK\r\n") && peer.text.hasSuffix("\r\n\r\n"))
            try stage.handler.oldest().send("data: x\n\n")
            stage.settle()
            let isOld = version == "HTTP/1.0"
            #expect(peer.text.hasSuffix(isOld ? "\r\n\r\ndata: x\n\n" : "9\r\ndata: x\n\n\r\n"))
        }
    }

    @Test(arguments: [false, true])
    func `20: a drain finishes what has begun and closes the rest`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let unused = try stage.connect()
        let uploading = try stage.connect()
        uploading.send(Vector.post("/echo", "Content-Length: 6\r\n", "abc"))
        let calling = try stage.connect()
        calling.send(Vector.get("/later"))
        stage.settle()
        stage.server.drain()
        stage.settle()
        #expect(unused.isAtEnd && !uploading.isAtEnd && !calling.isAtEnd)
        uploading.send("def")
        try stage.handler.answer()
        stage.settle()
        for peer in [uploading, calling] {
            #expect(try peer.statuses() == [200])
            #expect(peer.isAtEnd)
            #expect(peer.sawCloseNotify == isTLS)
            peer.close()
        }
        stage.settle()
        #expect(stage.server.connectionCount == 0)
    }
}
