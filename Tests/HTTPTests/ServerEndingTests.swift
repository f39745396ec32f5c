// How connections end: so that no answer is lost, no cut answer looks whole, and close_notify ends
// one direction only.

import Notifier
import TLS
import Testing

@testable import HTTP

@Suite struct ServerEndingTests {
    // MARK: The peer ends

    @Test(arguments: [false, true])
    func `a request and the peer's end in one flight are answered`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        for request in [LiveVector.get(), LiveVector.get() + LiveVector.sized("/echo", "abc")] {
            let peer = try stage.connect()
            peer.send(request)
            peer.finish()
            stage.settle()
            #expect(try Set(peer.statuses()) == [200])
            #expect(peer.isAtEnd && !peer.wasReset)
            #expect(peer.sawCloseNotify == isTLS)
        }
        #expect(stage.server.connectionCount == 0)
    }

    @Test(arguments: [false, true])
    func `the peer's end on an idle connection ends it at once`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect()
        peer.send(LiveVector.get())
        stage.settle()
        peer.finish()
        stage.settle()
        #expect(peer.isAtEnd)
        #expect(peer.sawCloseNotify == isTLS)
        #expect(stage.server.connectionCount == 0)
    }

    @Test func `a TLS peer that ends the transport alone gets its answer too`() throws {
        let stage = try ServerStage(isTLS: true)
        let peer = try stage.connect()
        peer.send(LiveVector.get("/later"))
        peer.finishTransport()
        stage.settle()
        try stage.handler.answer()
        stage.settle()
        #expect(try peer.statuses() == [200])
        #expect(peer.sawCloseNotify && peer.isAtEnd)
    }

    @Test(arguments: [false, true])
    func `a head cut short is dropped in silence`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect()
        peer.send(LiveVector.get("/later") + "GET /now HTTP/1.1\r\nHos")
        peer.finish()
        stage.settle()
        try stage.handler.answer()
        stage.settle()
        #expect(try peer.statuses() == [200])
        #expect(peer.isAtEnd)
        #expect(stage.server.connectionCount == 0)
    }

    @Test(arguments: [
        LiveVector.post("/echo", "Content-Length: 4\r\n", "abc"),
        LiveVector.chunked("/echo", "3\r\nabc\r\n"),
    ])
    func `a body cut short is refused and never reaches the handler`(request: String) throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(request)
        peer.finish()
        stage.settle()
        #expect(try peer.statuses() == [400])
        #expect(peer.isAtEnd)
        #expect(stage.handler.bodies.isEmpty)
        #expect(stage.handler.ended == [400])
    }

    @Test func `an early answer outlives a body cut short`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.post("/none", "Content-Length: 4\r\n", "abc"))
        peer.finish()
        stage.settle()
        #expect(try peer.statuses() == [404])
        #expect(peer.isAtEnd && !peer.wasReset)
    }

    @Test(arguments: [false, true])
    func `a peer that goes away takes its exchange with it`(isReset: Bool) throws {
        let stage = try ServerStage()
        for path in ["/later", "/stream"] {
            let peer = try stage.connect(isTCP: true)
            peer.send(LiveVector.get(path))
            stage.settle()
            if isReset { peer.reset() } else { peer.close() }
            stage.settle()
            // An ordinary close looks like half a close until the grace is over.
            stage.advance(by: .seconds(6))
            #expect(stage.server.connectionCount == 0)
        }
        #expect(stage.handler.abandoned == 2)
        // Answers that come too late go nowhere.
        try stage.handler.answer()
        try stage.handler.oldest().send("late")
        try stage.handler.oldest().endStream()
        stage.settle()
    }

    @Test func `a peer that goes away leaves no descriptor and no turn of the loop behind`() throws
    {
        let stage = try ServerStage()
        let peer = try stage.connect(isTCP: true)
        peer.send(LiveVector.get("/later") + LiveVector.get())
        stage.settle()
        peer.reset()
        stage.settle()
        let turns = stage.loop.statistics.turns
        // A real sleep of the loop: it must not be woken by what is over.
        stage.loop.addTimer(after: .milliseconds(1)) {}
        stage.clock.advance(by: .milliseconds(1))
        stage.loop.step()
        #expect(stage.loop.statistics.turns == turns + 1)
        #expect(stage.loop.watchCount == 0)
    }

    // MARK: The server ends

    @Test(arguments: [false, true])
    func `the last answer goes with the word that it is the last`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect()
        peer.send(LiveVector.get("/now", "Connection: close\r\n"))
        stage.settle()
        #expect(try peer.answers().first?.fields["connection"] == "close")
        #expect(peer.isAtEnd)
        #expect(peer.sawCloseNotify == isTLS)
    }

    @Test(arguments: [false, true])
    func `a large last answer arrives whole at a slow reader, and then the end`(
        isTLS: Bool
    ) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect()
        peer.shrinkBuffers()
        peer.isReading = false
        peer.send(LiveVector.get("/big", "Connection: close\r\n"))
        stage.settle()
        peer.isReading = true
        stage.settle()
        #expect(try peer.answers().map(\.body.utf8.count) == [300_000])
        #expect(peer.isAtEnd && !peer.wasReset)
        #expect(peer.sawCloseNotify == isTLS)
    }

    @Test func `a refusal reaches a peer that goes on sending`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect(isTCP: true)
        peer.isReading = false
        peer.send(LiveVector.post("/echo", "Content-Length: 5000000\r\n"))
        stage.settle()
        peer.send([UInt8](repeating: 120, count: 5_000_000))
        stage.settle()
        peer.isReading = true
        try stage.run { peer.isAtEnd }
        #expect(try peer.statuses() == [413])
        #expect(!peer.wasReset)
    }

    // MARK: Streams

    @Test func `a stream of HTTP 1.1 that ends properly has its last chunk`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.get("/stream") + LiveVector.get())
        stage.settle()
        let stream = try stage.handler.oldest()
        #expect(stream.streamIsChunked)
        stream.send("one")
        stage.settle()
        #expect(peer.text.hasSuffix("\r\n\r\n3\r\none\r\n"))
        stream.send("two")
        stream.endStream()
        stage.settle()
        #expect(try peer.answers().map(\.body) == ["onetwo", "now\n"])
        #expect(!peer.isAtEnd)
    }

    @Test(arguments: [false, true])
    func `a stream of HTTP 1.0 has no chunks, and its end is that of the connection`(
        isTLS: Bool
    ) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect()
        peer.send(
            LiveVector.get("/stream", "Connection: keep-alive\r\n", version: "HTTP/1.0"))
        stage.settle()
        let stream = try stage.handler.oldest()
        #expect(!stream.streamIsChunked)
        stream.send("one")
        stage.settle()
        #expect(peer.text.hasSuffix("\r\n\r\none"))
        stream.endStream()
        stage.settle()
        let answer = try #require(try peer.answers().first)
        #expect(answer.body == "one")
        #expect(answer.fields["transfer-encoding"] == nil)
        #expect(answer.fields["connection"] == "close")
        #expect(peer.isAtEnd && !peer.wasReset)
        #expect(peer.sawCloseNotify == isTLS)
    }

    @Test(arguments: [false, true])
    func `a stream that is broken off does not look whole`(isOld: Bool) throws {
        let stage = try ServerStage()
        let peer = try stage.connect(isTCP: true)
        peer.send(LiveVector.get("/stream", version: isOld ? "HTTP/1.0" : "HTTP/1.1"))
        stage.settle()
        try stage.handler.oldest().send("one")
        stage.settle()
        try stage.handler.oldest().breakOff()
        stage.settle()
        #expect(peer.isAtEnd)
        // Without chunks only a reset tells that something is missing.
        #expect(peer.wasReset == isOld)
        #expect(!peer.text.contains("0\r\n\r\n"))
        #expect(stage.handler.abandoned == 1)
    }

    @Test func `HEAD of a stream gets its head and no stream`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.get("/stream", method: "HEAD") + LiveVector.get())
        stage.settle()
        #expect(try peer.statuses(heads: [0]) == [200, 200])
        #expect(stage.handler.waiting.isEmpty)
    }

    // MARK: TLS

    @Test(
        "plain HTTP on a TLS port is told so",
        arguments: [
            LiveVector.get(), "\r\n" + LiveVector.get(), "\r\n\r\n" + LiveVector.get(),
            LiveVector.get(method: "HEAD"), "\r\n" + LiveVector.get(method: "HEAD"),
        ])
    func plainHTTP(request: String) throws {
        let stage = try ServerStage(isTLS: true)
        let peer = try stage.connect(isSilent: true)
        peer.sendRaw(Array(request.utf8))
        stage.settle()
        let isHead = request.contains("HEAD")
        let answer = try #require(try peer.answers(heads: isHead ? [0] : []).first)
        #expect(answer.status == 400)
        let text = "This port speaks HTTPS: use https:// instead of http://\n"
        #expect(answer.fields["content-length"] == "\(text.utf8.count)")
        #expect(answer.body == (isHead ? "" : text))
        #expect(peer.isAtEnd)
        #expect(stage.server.counters.failedHandshakes == 1)
    }

    @Test func `a record that nobody can open ends the connection with an alert`() throws {
        let stage = try ServerStage(isTLS: true)
        let peer = try stage.connect()
        peer.send(LiveVector.get())
        stage.settle()
        peer.sendRaw([23, 3, 3, 0, 32] + [UInt8](repeating: 0x55, count: 32))
        stage.settle()
        #expect(try peer.statuses() == [200])
        #expect(peer.failure != nil)
        #expect(peer.isAtEnd && !peer.wasReset)
        #expect(stage.server.counters.failedHandshakes == 0)
    }

    @Test func `handshakes beyond the turn's share wait for the next turn`() throws {
        let stage = try ServerStage(isTLS: true) { $0.handshakesPerTurn = 3 }
        let open = try stage.connect()
        let peers = try (0..<10).map { _ in try stage.connect(isSilent: true) }
        for peer in peers { peer.shakeHands() }
        open.send(LiveVector.get())
        let progress = {
            (1..<11).filter { stage.server.connection($0)?.hasReadHello == true }.count
        }
        stage.turn()
        #expect(stage.handler.asked == ["GET /now"])
        #expect(progress() == 3)
        stage.turn()
        #expect(progress() == 6)
        stage.settle()
        for peer in peers { peer.send(LiveVector.get()) }
        stage.settle()
        for peer in peers { #expect(try peer.statuses() == [200]) }
    }

    @Test func `a new context serves new connections, and old ones go on`() throws {
        let stage = try ServerStage(isTLS: true)
        let old = try stage.connect()
        let source = try #require(stage.source)
        source.context = try ClientCertificates.server()
        let new = try stage.connect()
        for peer in [old, new] { peer.send(LiveVector.get()) }
        stage.settle()
        #expect(try old.statuses() == [200])
        #expect(try new.statuses() == [200])
    }
}
