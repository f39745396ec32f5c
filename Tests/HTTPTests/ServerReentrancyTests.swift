// What handlers may do at the wrong moment: answer within a callback, answer somebody else, close,
// keep an exchange for ever, or make the loop turn.

import HTTPWire
import Notifier
import Testing

@testable import HTTP

@Suite struct ServerReentrancyTests {
    @Test func `answering another peer in the midst of a request keeps that request's head`() throws
    {
        let stage = try ServerStage()
        let first = try stage.connect()
        // Behind the answer that is due waits a request whose head looks different.
        first.send(
            LiveVector.get("/later")
                + LiveVector.get(
                    "/none",
                    "User-Agent: first\r\nAccept: \(String(repeating: "x", count: 500))\r\n"))
        stage.settle()
        let second = try stage.connect()
        var agent: String?
        stage.handler.onReceive = { [unowned stage] exchange in
            guard exchange.method == .head else { return }
            try? stage.handler.answer()
            agent = exchange.text(.userAgent)
        }
        second.send(LiveVector.get("/now", "User-Agent: second\r\n", method: "HEAD"))
        stage.settle()
        #expect(agent == "second")
        #expect(try second.statuses(heads: [0]) == [200])
        #expect(try first.statuses() == [200, 404])
    }

    @Test func `an exchange that is used again knows nothing of its former peer`() throws {
        let stage = try ServerStage()
        var agents: [String?] = []
        stage.handler.onComplete = { agents.append($0.text(.userAgent)) }
        // The head is kept, because the body is not there yet; then the peer goes away.
        for _ in 0..<3 {
            let former = try stage.connect()
            former.send(
                LiveVector.post(
                    "/echo", "User-Agent: secret\r\nContent-Length: 9\r\nX-Request-Id: s\r\n"))
            stage.settle()
            former.close()
            stage.settle()
        }
        let handler = stage.handler
        let next = try stage.connect()
        next.send(LiveVector.sized("/echo", "abc"))
        stage.settle()
        next.send(LiveVector.chunked("/echo", LiveVector.chunk("def")))
        stage.settle()
        #expect(agents == [nil, nil])
        #expect(handler.bodies == ["abc", "def"])
        #expect(try next.answers().map(\.body) == ["abc", "def"])
        #expect(!next.text.contains("X-Request-Id: s"))
    }

    @Test func `an exchange kept after its end answers nobody`() throws {
        let stage = try ServerStage()
        var kept: [Exchange] = []
        stage.handler.onReceive = { kept.append($0) }
        let peer = try stage.connect()
        for _ in 0..<3 {
            peer.send(LiveVector.get() + LiveVector.sized("/echo", "abc"))
            stage.settle()
        }
        for exchange in kept {
            exchange.respond(500, "ghost")
            exchange.beginStream(500, type: "text/plain")
            exchange.send("ghost")
            exchange.endStream()
            exchange.breakOff()
            #expect(exchange.field(.host) == nil)
            #expect(exchange.query.isEmpty && exchange.methodBytes.isEmpty)
        }
        stage.settle()
        #expect(try peer.statuses() == [200, 200, 200, 200, 200, 200])
        #expect(!peer.isAtEnd)
    }

    @Test func `what answers later sees no head any more`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        for request in [
            LiveVector.get("/later"), LiveVector.sized("/late-echo", "abc"),
            LiveVector.get("/later", "Content-Length: 3\r\n") + "abc",
        ] {
            peer.send(request)
            stage.settle()
            let exchange = try stage.handler.oldest()
            #expect(exchange.field(.host) == nil)
            #expect(exchange.target.isEmpty)
            #expect(String(decoding: exchange.path, as: UTF8.self).hasPrefix("/late"))
            try stage.handler.answer()
            stage.settle()
        }
        #expect(try peer.statuses() == [200, 200, 200])
    }

    @Test(arguments: ["/now", "/echo", "/later", "/stream"])
    func `a handler may close the connection in the midst of a request`(path: String) throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        stage.handler.onReceive = { $0.breakOff() }
        peer.send(LiveVector.sized(path, "abc") + LiveVector.get())
        stage.settle()
        #expect(peer.isAtEnd && peer.received.isEmpty)
        #expect(stage.server.connectionCount == 0)
        #expect(stage.handler.asked.count == 1)
    }

    @Test func `a stream may be continued and ended when what was sent has left`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.get("/stream") + LiveVector.get())
        stage.settle()
        let stream = try stage.handler.oldest()
        var left = 5
        stream.onSent = {
            left -= 1
            if left == 0 {
                stream.onSent = nil
                stream.endStream()
            } else {
                stream.send("\(left)")
            }
        }
        stream.send("5")
        stage.settle()
        stream.onSent = nil
        #expect(try peer.answers().map(\.body) == ["54321", "now\n"])
    }

    @Test func `a stream that always has more starves nobody`() throws {
        let stage = try ServerStage()
        let greedy = try stage.connect()
        greedy.send(LiveVector.get("/stream"))
        stage.settle()
        let stream = try stage.handler.oldest()
        let other = try stage.connect()
        stream.onSent = { stream.send("more") }
        stream.send("first")
        other.send(LiveVector.get())
        for _ in 0..<5 {
            stage.turn()
            greedy.pump()
            other.pump()
        }
        stream.onSent = nil
        stage.settle()
        #expect(try other.statuses() == [200])
    }

    @Test func `a stream opened before its request's body has come lives on`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.post("/stream", "Content-Length: 6\r\n", "abc"))
        stage.settle()
        let stream = try stage.handler.oldest()
        var sent = 0
        stream.onSent = { sent += 1 }
        stream.send("one")
        stage.settle()
        #expect(sent == 1)
        peer.send("def" + LiveVector.get())
        stage.settle()
        stage.advance(by: .seconds(600))
        stream.send("two")
        stream.endStream()
        stage.settle()
        #expect(try peer.answers().map(\.body) == ["onetwo", "now\n"])
    }

    @Test func `a handler that makes the loop turn keeps its bytes`() throws {
        let stage = try ServerStage()
        let first = try stage.connect()
        let second = try stage.connect()
        var seen: [String] = []
        stage.handler.onReceive = { [unowned stage] exchange in
            let before = exchange.text(.userAgent)
            stage.loop.step(sleep: false)
            seen.append("\(before ?? "-") \(exchange.text(.userAgent) ?? "-")")
        }
        first.send(
            LiveVector.get("/now", "User-Agent: first\r\n") + LiveVector.sized("/echo", "first"))
        second.send(
            LiveVector.get("/now", "User-Agent: second\r\n") + LiveVector.sized("/echo", "second"))
        stage.settle()
        #expect(Set(seen) == ["first first", "second second", "- -"])
        #expect(try first.answers().map(\.body) == ["now\n", "first"])
        #expect(try second.answers().map(\.body) == ["now\n", "second"])
    }
}
