// Bodies that are handed on piece by piece: their ends, their limits, and who waits for whom.

import Bytes
import Testing

@testable import HTTP

@Suite struct ServerBodyStreamTests {
    /// A stage whose handler answers `/pieces` once the last piece is there.
    private func stage() throws -> ServerStage {
        let stage = try ServerStage()
        stage.handler.onPiece = { exchange, isLast in
            if isLast { exchange.respond(200, "whole\n") }
        }
        return stage
    }

    private func post(_ fields: String, _ body: String) -> String {
        "POST /pieces HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)"
    }

    private let next = "GET /now HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `pieces come as they arrive, and the last one is told`() throws {
        let stage = try stage()
        let peer = try stage.connect()
        peer.send(post("Content-Length: 6\r\n", "ab"))
        stage.settle()
        #expect(stage.handler.pieces == ["ab"])
        peer.send("cd")
        stage.settle()
        peer.send("ef" + next)
        stage.settle()
        #expect(stage.handler.pieces == ["ab", "cd", "ef|"])
        #expect(try peer.statuses() == [200, 200])
        #expect(stage.handler.abandoned == 0 && stage.handler.ended == [200, 200])
    }

    @Test func `chunks come without their frames, and their end may be a piece of its own`() throws
    {
        let stage = try stage()
        let peer = try stage.connect()
        peer.send(post("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n3\r\nc"))
        stage.settle()
        #expect(stage.handler.pieces == ["abc"])
        peer.send("de\r\n")
        stage.settle()
        peer.send("0\r\n\r\n" + next)
        stage.settle()
        #expect(stage.handler.pieces == ["abc", "de", "|"])
        #expect(try peer.statuses() == [200, 200])
    }

    @Test(arguments: ["Content-Length: 0\r\n", ""])
    func `without a body there is one empty piece`(fields: String) throws {
        let stage = try stage()
        let peer = try stage.connect()
        peer.send(post(fields, next))
        stage.settle()
        #expect(stage.handler.pieces == ["|"])
        #expect(try peer.statuses() == [200, 200])
    }

    @Test func `a whole small body in one flight is one piece`() throws {
        let stage = try stage()
        let peer = try stage.connect()
        peer.send(post("Content-Length: 2\r\n", "ab") + post("Content-Length: 2\r\n", "cd"))
        stage.settle()
        #expect(stage.handler.pieces == ["ab|", "cd|"])
        #expect(try peer.statuses() == [200, 200])
    }

    @Test func `an announced excess is refused before anything is handed on`() throws {
        let stage = try stage()
        let peer = try stage.connect()
        peer.send(post("Content-Length: 100001\r\n", "ab"))
        stage.settle()
        #expect(try peer.statuses() == [413])
        #expect(stage.handler.pieces.isEmpty && stage.handler.abandoned == 1)
    }

    @Test func `an excess in chunks is refused when it shows, and the owner is told`() throws {
        let stage = try stage()
        let peer = try stage.connect()
        let chunk = "8000\r\n" + String(repeating: "x", count: 0x8000) + "\r\n"
        peer.send(post("Transfer-Encoding: chunked\r\n", chunk))
        stage.settle()
        for _ in 1...4 {
            peer.send(chunk)
            stage.settle()
        }
        #expect(try peer.statuses() == [413])
        #expect(stage.handler.abandoned == 1)
        #expect(!stage.handler.pieces.contains { $0.hasSuffix("|") })
        #expect(stage.handler.pieces.reduce(0) { $0 + $1.utf8.count } <= StageHandler.limit)
    }

    @Test(arguments: [
        ("Content-Length: 4\r\n", "ab"), ("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n"),
    ])
    func `a body cut short has no last piece, and the owner is told`(
        fields: String, body: String
    ) throws {
        let stage = try stage()
        let peer = try stage.connect()
        peer.send(post(fields, body))
        peer.finish()
        stage.settle()
        #expect(try peer.statuses() == [400])
        #expect(stage.handler.pieces == ["ab"] && stage.handler.abandoned == 1)
    }

    @Test func `a body that stops is refused at its deadline`() throws {
        let stage = try stage()
        let peer = try stage.connect()
        peer.send(post("Content-Length: 4\r\n", "ab"))
        stage.settle()
        stage.advance(by: .seconds(60))
        #expect(try peer.statuses() == [408])
        #expect(stage.handler.abandoned == 1)
    }

    @Test func `an owner that is behind stops the reading, and no deadline runs meanwhile`() throws
    {
        let stage = try stage()
        var held: Exchange?
        stage.handler.onPiece = { exchange, isLast in
            held = exchange
            if isLast { exchange.respond(200, "whole\n") } else { exchange.pauseBody() }
        }
        let peer = try stage.connect()
        peer.send(post("Content-Length: 6\r\n", "ab"))
        stage.settle()
        peer.send("cd")
        stage.settle()
        stage.advance(by: .seconds(600))
        #expect(stage.handler.pieces == ["ab"])
        held?.resumeBody()
        stage.settle()
        #expect(stage.handler.pieces == ["ab", "cd"])
        held?.resumeBody()
        peer.send("ef" + next)
        stage.settle()
        #expect(stage.handler.pieces == ["ab", "cd", "ef|"])
        #expect(try peer.statuses() == [200, 200])
        held = nil
    }

    @Test func `an answer before the end drops the rest and keeps the connection`() throws {
        let stage = try stage()
        stage.handler.onPiece = { exchange, _ in exchange.respond(413, "enough\n") }
        let peer = try stage.connect()
        peer.send(post("Content-Length: 6\r\n", "ab"))
        stage.settle()
        #expect(try peer.statuses() == [413])
        peer.send("cdef" + next)
        stage.settle()
        #expect(stage.handler.pieces == ["ab"])
        #expect(try peer.statuses() == [413, 200])
    }

    @Test func `an answer that streams lets the body go on`() throws {
        let stage = try stage()
        stage.handler.onPiece = { exchange, isLast in
            if exchange.status == 0 { exchange.beginStream(200, length: nil) }
            exchange.send("seen ")
            if isLast { exchange.endStream() }
        }
        let peer = try stage.connect()
        peer.send(post("Content-Length: 4\r\n", "ab"))
        stage.settle()
        peer.send("cd" + next)
        stage.settle()
        #expect(stage.handler.pieces == ["ab", "cd|"])
        let answers = try peer.answers()
        #expect(answers.map(\.status) == [200, 200] && answers[0].body == "seen seen ")
    }

    @Test func `a streamed answer of known length is framed by it`() throws {
        let stage = try stage()
        stage.handler.onReceive = { exchange in
            guard exchange.path.elementsEqual("/sized".utf8) else { return }
            exchange.extraFields.append("Content-Type: image/x\r\n")
            exchange.beginStream(200, length: 4)
            exchange.send("ab")
            exchange.send("cd")
            exchange.endStream()
        }
        let sized = "GET /sized HTTP/1.1\r\nHost: a\r\n\r\n"
        let answers = try stage.answers(to: sized + sized + next)
        #expect(answers.map(\.status) == [200, 200, 200])
        #expect(answers[0].body == "abcd" && answers[1].body == "abcd")
        let head = "HEAD /sized HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(try stage.answers(to: head + next, heads: [0]).map(\.status) == [200, 200])
    }
}
