// Connections behind a proxy that names its clients: whose address they have, what follows the
// header, and that nothing but a header opens one.

import Foundation
import Notifier
import Testing

@testable import HTTP

extension ServerStage {
    /// A new peer of a listener that expects the header; on TLS it shakes hands when `greet` tells it.
    fileprivate func connectBehindProxy() throws -> ServerPeer {
        try connect(isSilent: true, isProxied: true)
    }
}

@Suite struct ProxyGreetingTests {
    private static let line = "PROXY TCP4 192.0.2.1 198.51.100.7 49152 443\r\n"

    @Test(arguments: [false, true])
    func `a request behind the header has the client's address`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        var addresses: [String] = []
        stage.handler.onReceive = { addresses.append($0.peer?.description ?? "-") }
        let peer = try stage.connectBehindProxy()
        peer.sendRaw(Array(Self.line.utf8))
        peer.shakeHands()
        stage.settle()
        peer.send(LiveVector.get())
        stage.settle()
        #expect(try peer.statuses() == [200])
        #expect(addresses == ["192.0.2.1:49152"])
        #expect(stage.server.greetings.isEmpty)
    }

    @Test func `header and request may come in one piece or byte by byte`() throws {
        let bytes = Array((Self.line + LiveVector.get()).utf8)
        for step in [bytes.count, 1, 7] {
            let stage = try ServerStage()
            let peer = try stage.connectBehindProxy()
            for start in stride(from: 0, to: bytes.count, by: step) {
                peer.sendRaw(Array(bytes[start..<min(start + step, bytes.count)]))
                stage.turn()
            }
            stage.settle()
            #expect(try peer.statuses() == [200])
        }
    }

    @Test func `a header that is there at once needs no watching`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect(isSilent: true, isProxied: true) {
            $0.sendRaw(Array((Self.line + LiveVector.get()).utf8))
        }
        #expect(stage.server.greetings.isEmpty && stage.server.connectionCount == 1)
        stage.settle()
        #expect(try peer.statuses() == [200])
    }

    @Test func `a request without the header is refused and reported`() throws {
        let stage = try ServerStage()
        var reasons: [String] = []
        stage.server.onUnproxied = { reasons.append("\($0): \($1)") }
        let peer = try stage.connectBehindProxy()
        peer.send(LiveVector.get())
        stage.settle()
        #expect(peer.isAtEnd && peer.received.isEmpty)
        #expect(reasons == ["unix: the connection does not begin with a PROXY header"])
        #expect(stage.handler.asked.isEmpty && stage.server.connectionCount == 0)
        #expect(stage.server.counters.refused == 1)
    }

    @Test func `a proxy that says nothing is closed after its time`() throws {
        let stage = try ServerStage()
        var reasons: [String] = []
        stage.server.onUnproxied = { _, reason in reasons.append(reason) }
        let peer = try stage.connectBehindProxy()
        peer.sendRaw(Array(Self.line.utf8.prefix(20)))
        stage.settle()
        stage.advance(by: .milliseconds(4_900))
        #expect(!peer.isAtEnd)
        stage.advance(by: .milliseconds(200))
        #expect(peer.isAtEnd)
        #expect(reasons == ["no PROXY header came within 5.0 seconds"])
        #expect(stage.loop.watchCount == 0 && stage.loop.timerCount == 0)
    }

    @Test func `a proxy that goes away is forgotten in silence`() throws {
        let stage = try ServerStage()
        stage.server.onUnproxied = { _, reason in Issue.record("\(reason)") }
        let peer = try stage.connectBehindProxy()
        peer.close()
        stage.settle()
        #expect(stage.server.greetings.isEmpty && stage.loop.watchCount == 0)
    }

    @Test func `limits count clients, not the proxy`() throws {
        let stage = try ServerStage { $0.connectionsPerAddress = 1 }
        func ask(_ client: String) throws -> ServerPeer {
            let peer = try stage.connectBehindProxy()
            peer.sendRaw(Array("PROXY TCP4 \(client) 198.51.100.7 1 443\r\n".utf8))
            peer.send(LiveVector.get())
            stage.settle()
            return peer
        }
        let first = try ask("192.0.2.1")
        let second = try ask("192.0.2.2")
        let third = try ask("192.0.2.1")
        #expect(try first.statuses() == [200] && second.statuses() == [200])
        #expect(try third.statuses() == [429])
    }

    @Test func `proxies that wait count as connections`() throws {
        let stage = try ServerStage { $0.connections = 2 }
        let waiting = try (0..<2).map { _ in try stage.connectBehindProxy() }
        let third = try stage.connectBehindProxy()
        stage.settle()
        #expect(third.isAtEnd && !waiting.contains(where: \.isAtEnd))
    }

    @Test func `the end of the server is the end of the wait`() throws {
        let stage = try ServerStage()
        let peer = try stage.connectBehindProxy()
        stage.server.drain()
        stage.settle()
        #expect(peer.isAtEnd && stage.loop.timerCount == 0)
    }

    @Test(arguments: [
        ("PROXY UNKNOWN\r\n", "unix"), ("PROXY TCP6 2001:db8::1 ::1 5 6\r\n", "[2001:db8::1]:5"),
        ("PROXY TCP4 0.0.0.1 1.2.3.4 1 2\r\n", "0.0.0.1:1"),
    ])
    func `every family becomes an address`(line: String, address: String) throws {
        let stage = try ServerStage()
        var addresses: [String] = []
        stage.handler.onReceive = { addresses.append($0.peer?.description ?? "-") }
        let peer = try stage.connectBehindProxy()
        peer.send(line + LiveVector.get())
        stage.settle()
        #expect(addresses == [address])
    }
}
