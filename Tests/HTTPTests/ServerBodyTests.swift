// Bodies that are refused for what their head or a size line says, before their bytes come.

import Testing

@testable import HTTP

@Suite struct ServerBodyTests {
    // MARK: Sizes

    @Test(
        "a chunk announced beyond the limit is refused before its bytes come",
        arguments: [
            ["186a1\r\n"], ["7fffffffffffffff\r\n[1]"], ["186a", "1", "\r\n"],
            ["10\r\n0123456789abcdef\r\n", "18691\r\n"], ["186a0\r\n", "x", "\r\n"],
        ], ["/echo", "/pieces"])
    func announced(parts: [String], path: String) throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.post(path, "Transfer-Encoding: chunked\r\n"))
        stage.settle()
        for part in parts {
            #expect(peer.received.isEmpty)
            peer.send(part)
            stage.settle()
        }
        let isRefused = parts.first != "186a0\r\n"
        #expect(try peer.statuses() == (isRefused ? [413] : []))
        #expect(peer.isAtEnd == isRefused)
    }

    @Test(arguments: [["186a0\r\n"], ["10\r\n0123456789abcdef\r\n", "18690\r\n"]])
    func `chunks announced to reach the limit are awaited and taken`(parts: [String]) throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.post("/echo", "Transfer-Encoding: chunked\r\n"))
        for part in parts {
            peer.send(part)
            stage.settle()
            #expect(peer.received.isEmpty)
        }
        let rest = StageHandler.limit - (parts.count - 1) * 16
        peer.send(String(repeating: "x", count: rest) + "\r\n0\r\n\r\n")
        stage.settle()
        #expect(try peer.answers().map(\.body.utf8.count) == [StageHandler.limit])
    }

    // MARK: Codings

    @Test(
        "a coding that is not known is refused before 100 (Continue), with those that are",
        arguments: [
            LiveVector.post(
                "/echo",
                "Expect: 100-continue\r\nContent-Encoding: br\r\nContent-Length: 3\r\n"),
            LiveVector.post(
                "/echo",
                "Expect: 100-continue\r\nContent-Encoding: x\r\nTransfer-Encoding: chunked\r\n"),
            LiveVector.post("/echo", "Content-Encoding: br\r\nContent-Length: 3\r\n"),
            LiveVector.sized("/echo", "abc", "Content-Encoding: br\r\n"),
        ])
    func unknown(request: String) throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(request)
        stage.settle()
        #expect(try peer.statuses() == [415])
        let fields = try #require(try peer.answers().first).fields
        #expect(fields["accept-encoding"] == "gzip, deflate")
        #expect(fields["connection"] == "close")
        #expect(peer.isAtEnd && !peer.wasReset)
        #expect(stage.handler.bodies.isEmpty)
    }

    @Test func `a coding is none of the server's business in a body that is passed on or skipped`()
        throws
    {
        let stage = try ServerStage()
        let peer = try stage.connect()
        stage.handler.onPiece = { exchange, isLast in
            if isLast { exchange.respond(200, "passed on\n") }
        }
        for path in ["/pieces", "/now"] {
            peer.send(LiveVector.sized(path, "abc", "Content-Encoding: br\r\n"))
            stage.settle()
        }
        peer.send(LiveVector.sized("/echo", "", "Content-Encoding: br\r\n"))
        stage.settle()
        #expect(try peer.statuses() == [200, 200, 200])
        #expect(stage.handler.pieces == ["abc|"])
    }
}
