// Deadlines of the server side: which are armed, what puts them off, and what does not.

import Testing

@testable import HTTP

@Suite struct ServerDeadlineTests {
    // MARK: Before a request

    @Test(arguments: [false, true])
    func `a peer that says nothing is evicted after the head's time`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect()
        stage.advance(by: .seconds(9))
        #expect(!peer.isAtEnd)
        stage.advance(by: .seconds(2))
        #expect(peer.isAtEnd && peer.received.isEmpty)
        #expect(peer.sawCloseNotify == isTLS)
        #expect(stage.server.connectionCount == 0)
    }

    @Test func `a handshake has its time, whatever arrives`() throws {
        let stage = try ServerStage(isTLS: true)
        let peer = try stage.connect(isSilent: true)
        for byte: UInt8 in [22, 3, 1, 1, 0, 1, 0, 0, 252] {
            stage.advance(by: .seconds(1))
            peer.sendRaw([byte])
        }
        #expect(!peer.isAtEnd)
        stage.advance(by: .seconds(2))
        #expect(peer.isAtEnd)
        #expect(stage.server.counters.timedOut == 1)
    }

    @Test func `the head's time counts from its first byte to its last`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.get())
        stage.settle()
        stage.advance(by: .seconds(60))
        for byte in Array("GET /now H".utf8) {
            peer.send([byte])
            stage.settle()
            stage.advance(by: .seconds(1))
        }
        #expect(try peer.statuses() == [200])
        stage.advance(by: .seconds(1))
        #expect(try peer.statuses() == [200, 408])
        #expect(peer.isAtEnd)
    }

    @Test func `an idle connection is closed after its time, and each request begins it anew`()
        throws
    {
        let stage = try ServerStage()
        let peer = try stage.connect()
        for _ in 0..<3 {
            peer.send(LiveVector.get())
            stage.settle()
            stage.advance(by: .seconds(74))
        }
        #expect(try peer.statuses() == [200, 200, 200])
        #expect(!peer.isAtEnd)
        stage.advance(by: .seconds(2))
        #expect(peer.isAtEnd)
        #expect(stage.server.counters.timedOut == 0)
    }

    // MARK: Bodies

    @Test func `a body that stops is refused after its time`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.post("/echo", "Content-Length: 9\r\n", "abc"))
        stage.settle()
        // Longer than the head's time: that one must not cut the body off.
        stage.advance(by: .seconds(29))
        #expect(peer.received.isEmpty && !peer.isAtEnd)
        stage.advance(by: .seconds(2))
        #expect(try peer.statuses() == [408])
        #expect(peer.isAtEnd)
    }

    @Test func `a trickling body is no progress, and a flowing one is`() throws {
        let stage = try ServerStage()
        let slow = try stage.connect()
        let quick = try stage.connect()
        for peer in [slow, quick] {
            peer.send(LiveVector.post("/echo", "Content-Length: 90000\r\n"))
        }
        for _ in 0..<4 {
            slow.send("x")
            quick.send(String(repeating: "x", count: 2000))
            stage.settle()
            stage.advance(by: .seconds(10))
        }
        #expect(try slow.statuses() == [408])
        #expect(quick.received.isEmpty && !quick.isAtEnd)
    }

    @Test func `the rest of a body behind an early answer has the body's time`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.post("/none", "Content-Length: 9\r\n", "abc"))
        stage.settle()
        #expect(try peer.statuses() == [404])
        stage.advance(by: .seconds(31))
        #expect(try peer.statuses() == [404])
        #expect(peer.isAtEnd)
    }

    // MARK: Answers

    @Test(arguments: [
        LiveVector.get("/later"), LiveVector.post("/late-echo", "Content-Length: 0\r\n"),
        LiveVector.post("/late-echo", ""), LiveVector.sized("/late-echo", "abc"),
        LiveVector.chunked("/late-echo", LiveVector.chunk("abc")),
        LiveVector.get("/later", "Content-Length: 3\r\n") + "abc",
    ])
    func `a handler may take longer than any deadline of the peer`(request: String) throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(request)
        stage.settle()
        stage.advance(by: .seconds(600))
        #expect(!peer.isAtEnd)
        try stage.handler.answer()
        stage.settle()
        #expect(try peer.statuses() == [200])
        #expect(!peer.isAtEnd)
    }

    @Test func `a peer that takes nothing of its answer is closed after its time`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.shrinkBuffers()
        peer.isReading = false
        peer.send(LiveVector.get("/big") + LiveVector.get("/big"))
        stage.settle()
        stage.advance(by: .seconds(29))
        #expect(stage.server.connectionCount == 1)
        stage.advance(by: .seconds(2))
        #expect(stage.server.connectionCount == 0)
        #expect(stage.server.counters.timedOut == 1)
    }

    @Test func `more to send does not put the deadline of a stuck peer off`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.shrinkBuffers()
        peer.isReading = false
        peer.send(LiveVector.get("/stream"))
        stage.settle()
        let stream = try stage.handler.oldest()
        stream.send(String(repeating: "x", count: 500_000))
        stage.settle()
        for _ in 0..<4 {
            stream.send("more")
            stage.advance(by: .seconds(10))
        }
        #expect(stage.server.connectionCount == 0)
        #expect(stage.handler.abandoned == 1)
    }

    @Test func `a slow reader is no stuck one`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.shrinkBuffers()
        peer.isReading = false
        peer.send(LiveVector.get("/big"))
        stage.settle()
        for _ in 0..<10 {
            peer.readOnce(20_000)
            stage.advance(by: .seconds(20))
        }
        #expect(stage.server.connectionCount == 1)
        peer.isReading = true
        stage.settle()
        #expect(try peer.statuses() == [200])
    }

    // MARK: Ends

    @Test func `a peer that has closed its side gets a little time for its answer`() throws {
        let stage = try ServerStage { $0.halfCloseTimeout = .seconds(5) }
        let first = try stage.connect()
        let second = try stage.connect()
        for peer in [first, second] {
            peer.send(LiveVector.get("/later"))
            peer.finish()
        }
        stage.settle()
        stage.advance(by: .seconds(4))
        try stage.handler.answer()
        stage.settle()
        #expect(try first.statuses() == [200])
        #expect(first.isAtEnd)
        #expect(!second.isAtEnd)
        stage.advance(by: .seconds(2))
        #expect(try second.isAtEnd && second.statuses() == [408])
        #expect(stage.handler.abandoned == 1)
    }

    @Test func `a peer that does not close after its last answer is left after a while`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.get("/now", "Connection: close\r\n"))
        stage.settle()
        #expect(peer.isAtEnd)
        #expect(stage.server.connectionCount == 1)
        stage.advance(by: .seconds(3))
        #expect(stage.server.connectionCount == 0)
    }

    @Test func `a refused upload that goes on is read for half a minute, not longer`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.post("/echo", "Content-Length: 999999999\r\n"))
        stage.settle()
        #expect(try peer.statuses() == [413])
        let part = [UInt8](repeating: 120, count: 60_000)
        for _ in 0..<29 {
            peer.send(part)
            stage.advance(by: .seconds(1))
        }
        #expect(stage.server.connectionCount == 1)
        for _ in 0..<2 {
            peer.send(part)
            stage.advance(by: .seconds(1))
        }
        #expect(stage.server.connectionCount == 0)
    }
}
