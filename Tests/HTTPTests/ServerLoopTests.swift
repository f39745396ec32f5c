// How many connections there may be, who must go when there are too many, and how all of it ends.

import Bytes
import Foundation
import Notifier
import Testing

@testable import HTTP

@Suite struct ServerLoopTests {
    // MARK: Limits

    @Test func `a peer over the limit is told so, and those inside go on`() throws {
        let stage = try ServerStage { $0.connections = 2 }
        let inside = try (0..<2).map { _ in try stage.connect() }
        let outside = try stage.connect()
        outside.send(LiveVector.get())
        stage.settle()
        let answer = try #require(try outside.answers().first)
        #expect(answer.status == 503)
        #expect(answer.fields["retry-after"] == "1")
        #expect(outside.isAtEnd && !outside.wasReset)
        #expect(stage.server.counters.refused == 1)
        for peer in inside { peer.send(LiveVector.get()) }
        stage.settle()
        for peer in inside { #expect(try peer.statuses() == [200]) }
        #expect(stage.handler.asked.count == 2)

        // A place that has become free is taken again.
        inside[0].close()
        stage.settle()
        let next = try stage.connect()
        next.send(LiveVector.get())
        stage.settle()
        #expect(try next.statuses() == [200])
    }

    @Test func `telling peers that there is no room takes little room itself`() throws {
        let stage = try ServerStage {
            $0.connections = 1
            $0.connectionsTurnedAway = 3
        }
        let inside = try stage.connect()
        let outside = try (0..<20).map { _ in try stage.connect() }
        #expect(stage.server.connectionCount == 1)
        #expect(outside.filter { $0.text.hasPrefix("HTTP/1.1 503 ") }.count == 3)
        #expect(outside.allSatisfy { $0.isAtEnd })
        for peer in outside { peer.close() }
        stage.settle()
        let late = try stage.connect()
        #expect(try late.statuses() == [503])
        inside.send(LiveVector.get())
        stage.settle()
        #expect(try inside.statuses() == [200])
    }

    @Test func `a TLS peer over the limit is closed`() throws {
        let stage = try ServerStage(isTLS: true) { $0.connections = 1 }
        _ = try stage.connect()
        let outside = try stage.connect()
        #expect(outside.isAtEnd)
        #expect(stage.server.connectionCount == 1)
    }

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.2"), ("2001:db8::1", "2001:db8:0:1::1"),
        ("::ffff:10.0.0.1", "10.0.0.2"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2"),
    ])
    func `one address has its limit, and another is not locked out`(one: String, other: String)
        throws
    {
        let stage = try ServerStage { $0.connectionsPerAddress = 2 }
        let peers = try (0..<3).map { index in
            try stage.connect(address: .numeric(one, port: UInt16(index + 1)))
        }
        let statuses = try peers.map { try $0.statuses() }
        #expect(statuses == [[], [], [429]])
        let guest = try stage.connect(address: .numeric(other))
        guest.send(LiveVector.get())
        stage.settle()
        #expect(try guest.statuses() == [200])

        peers[0].close()
        stage.settle()
        let next = try stage.connect(address: .numeric(one))
        next.send(LiveVector.get())
        stage.settle()
        #expect(try next.statuses() == [200])
    }

    @Test func `the addresses of one IPv6 network count as one, and IPv4 in IPv6 as itself`() throws
    {
        let stage = try ServerStage { $0.connectionsPerAddress = 1 }
        _ = try stage.connect(address: .numeric("2001:db8::1"))
        #expect(try stage.connect(address: .numeric("2001:db8::ffff:2")).statuses() == [429])
        _ = try stage.connect(address: .numeric("10.0.0.1"))
        #expect(try stage.connect(address: .numeric("::ffff:10.0.0.1")).statuses() == [429])
    }

    @Test func `peers on a Unix socket have no address to count`() throws {
        let stage = try ServerStage { $0.connectionsPerAddress = 1 }
        let peers = try (0..<3).map { _ in try stage.connect() }
        for peer in peers { #expect(!peer.isAtEnd) }
    }

    // MARK: Descriptors

    @Test
    func `without descriptors the newest idle connections go, and the older half goes on`() throws {
        let stage = try ServerStage()
        let old = try (0..<20).map { _ in try stage.connect() }
        let busy = try (0..<10).map { _ in
            let peer = try stage.connect()
            peer.send(LiveVector.get("/later"))
            return peer
        }
        let new = try (0..<30).map { _ in try stage.connect() }
        let address = try SocketAddress.numeric("127.0.0.1", port: 0)
        let listener = try stage.server.listen(Listener.open(address), tls: nil)
        #expect(listener.onExhausted())
        stage.settle()
        #expect(new.map(\.isAtEnd) == (0..<30).map { $0 >= 14 })
        #expect(stage.server.counters.shed == 16)
        #expect(listener.onExhausted())
        stage.settle()
        #expect(old.filter(\.isAtEnd).isEmpty && busy.filter(\.isAtEnd).isEmpty)
        for _ in busy { try stage.handler.answer() }
        stage.settle()
        for peer in busy { #expect(try peer.statuses() == [200]) }
    }

    @Test func `where nobody is idle, nobody is shed`() throws {
        let stage = try ServerStage()
        for _ in 0..<5 { try stage.connect().send("GET /") }
        stage.settle()
        let address = try SocketAddress.numeric("127.0.0.1", port: 0)
        #expect(try !stage.server.listen(Listener.open(address), tls: nil).onExhausted())
        #expect(stage.server.connectionCount == 5)
    }

    // MARK: The end

    @Test(arguments: [false, true])
    func `idle and unused connections close at once when the server drains`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let unused = try stage.connect()
        let idle = try stage.connect()
        let silent = try stage.connect(isSilent: true)
        idle.send(LiveVector.get())
        stage.settle()
        stage.server.drain()
        stage.settle()
        #expect(unused.isAtEnd && idle.isAtEnd && silent.isAtEnd)
        #expect(idle.sawCloseNotify == isTLS)
        #expect(stage.server.connectionCount == 0)
        #expect(try stage.connect().isAtEnd)
    }

    @Test
    func `what is under way when the server drains is finished, and says that it is the last`()
        throws
    {
        let stage = try ServerStage()
        let calling = try stage.connect()
        calling.send(LiveVector.get("/later"))
        let uploading = try stage.connect()
        uploading.send(LiveVector.post("/echo", "Content-Length: 6\r\n", "abc"))
        let asking = try stage.connect()
        asking.send("GET /now HTT")
        let early = try stage.connect()
        early.send(LiveVector.post("/none", "Content-Length: 6\r\n", "abc"))
        stage.settle()
        // This one's request has arrived, and nobody has looked at it yet.
        let fresh = try stage.connect()
        fresh.send(LiveVector.get())
        stage.server.drain()
        stage.settle()
        #expect(stage.server.connectionCount == 5)

        uploading.send("def")
        asking.send("P/1.1\r\nHost: a\r\n\r\n")
        early.send("def")
        try stage.handler.answer()
        stage.settle()
        for peer in [calling, uploading, asking, fresh] {
            #expect(try peer.statuses() == [200])
            #expect(try peer.answers().first?.fields["connection"] == "close")
            #expect(peer.isAtEnd && !peer.wasReset)
        }
        #expect(try early.statuses() == [404])
        #expect(early.isAtEnd)
        for peer in [calling, uploading, asking, fresh, early] { peer.close() }
        stage.settle()
        #expect(stage.server.connectionCount == 0)
    }

    @Test func `an answer that still waits for its reader goes out while the server drains`() throws
    {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.shrinkBuffers()
        peer.isReading = false
        peer.send(LiveVector.get("/big"))
        stage.settle()
        stage.server.drain()
        stage.settle()
        #expect(stage.server.connectionCount == 1)
        peer.isReading = true
        stage.settle()
        #expect(try peer.answers().map(\.body.utf8.count) == [300_000])
        #expect(peer.isAtEnd)
        peer.close()
        stage.settle()
        #expect(stage.server.connectionCount == 0)
    }

    @Test func `a stream is told of the drain and ends as it likes`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.get("/stream"))
        stage.settle()
        let stream = try stage.handler.oldest()
        stream.onDrain = {
            stream.send("bye")
            stream.endStream()
        }
        stage.server.drain()
        stage.settle()
        #expect(try peer.answers().map(\.body) == ["bye"])
        #expect(peer.isAtEnd)
    }

    @Test func `peers that linger do not hold the drain up for long`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.post("/echo", "Content-Length: 9999999\r\n"))
        stage.settle()
        #expect(try peer.statuses() == [413])
        stage.server.drain()
        for _ in 0..<4 {
            peer.send("xxxxxxxxxxx")
            stage.advance(by: .seconds(1))
        }
        #expect(stage.server.connectionCount == 0)
    }

    @Test(arguments: [false, true])
    func `a peer that keeps its answered connection open holds the drain up for half a second`(
        isAnsweredBefore: Bool
    ) throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.get("/later", "Connection: close\r\n"))
        stage.settle()
        if isAnsweredBefore { try stage.handler.answer() }
        stage.settle()
        stage.server.drain()
        if !isAnsweredBefore { try stage.handler.answer() }
        stage.settle()
        #expect(try peer.statuses() == [200])
        stage.advance(by: .milliseconds(400))
        #expect(stage.server.connectionCount == 1)
        stage.advance(by: .milliseconds(300))
        #expect(stage.server.connectionCount == 0)
    }

    @Test func `closing everything leaves nothing watched and every exchange abandoned`() throws {
        let stage = try ServerStage()
        for path in ["/later", "/stream", "/now"] {
            try stage.connect().send(LiveVector.get(path))
        }
        stage.settle()
        stage.server.closeAll()
        #expect(stage.server.connectionCount == 0)
        #expect(stage.loop.watchCount == 0)
        #expect(stage.handler.abandoned == 2)
    }

    @Test func `connections that come and go leave nothing behind`() throws {
        let stage = try ServerStage { $0.connectionsPerAddress = 3 }
        for round in 0..<500 {
            let peer = try stage.connect(address: .numeric("10.0.0.1"))
            peer.send(LiveVector.get(round % 2 == 0 ? "/now" : "/later"))
            stage.settle()
            peer.close()
            // A child that another test is just starting may hold the peer's end for a moment.
            try stage.run { stage.server.connectionCount == 0 }
            stage.handler.forget()
        }
        #expect(stage.server.connectionCount == 0)
        #expect(stage.server.slotCount == 1)
        #expect(stage.loop.watchCount == 0)
    }

    // MARK: The date

    @Test func `answers carry the present date`() throws {
        let stage = try ServerStage()
        #expect(
            try stage.answers(to: LiveVector.get()).first?.fields["date"]
                == "Sun, 06 Nov 1994 08:49:37 GMT")
        stage.advance(by: .seconds(2))
        #expect(
            try stage.answers(to: LiveVector.get()).first?.fields["date"]
                == "Sun, 06 Nov 1994 08:49:39 GMT")
    }
}
