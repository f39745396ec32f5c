// The count of connections that loops share: exact from any thread, and given back by every path
// on which a connection ends.

import Dispatch
import Foundation
import Notifier
import Synchronization
import Testing

@testable import HTTP

@Suite struct ConnectionQuotaTests {
    // MARK: The counter

    @Test func `an address has its limit, all have theirs, and Unix peers have only that`() throws {
        let quota = ConnectionQuota(connections: 4, perAddress: 2)
        let one = try SocketAddress.numeric("192.0.2.1")
        let two = try SocketAddress.numeric("2001:db8::1")
        #expect(quota.admit(one) == nil && quota.admit(one) == nil)
        #expect(quota.admit(one) == .tooManyFromAddress)
        #expect(quota.admit(two) == nil)
        #expect(try quota.admit(.unixPeer()) == nil)
        #expect(quota.admit(two) == .tooManyConnections)
        #expect(try quota.admit(.unixPeer()) == .tooManyConnections)
        #expect(quota.count == 4 && quota.addressCount == 2)
        quota.leave(one)
        #expect(quota.admit(one) == nil)
        for peer in try [one, one, two, .unixPeer()] { quota.leave(peer) }
        #expect(quota.count == 0 && quota.addressCount == 0)
    }

    @Test(arguments: [("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8::1", "2001:db8::2:1")])
    func `what counts as one address gives back as one`(_ one: String, _ other: String) throws {
        let quota = ConnectionQuota(connections: 9, perAddress: 1)
        #expect(try quota.admit(.numeric(one)) == nil)
        #expect(try quota.admit(.numeric(other)) == .tooManyFromAddress)
        try quota.leave(.numeric(other))
        #expect(quota.addressCount == 0)
    }

    @Test func `without a limit of their own addresses are not counted`() throws {
        let quota = ConnectionQuota(connections: 2, perAddress: 2)
        let one = try SocketAddress.numeric("192.0.2.1")
        #expect(quota.admit(one) == nil && quota.admit(one) == nil)
        #expect(quota.admit(one) == .tooManyConnections && quota.addressCount == 0)
        quota.leave(one)
        #expect(quota.count == 1)
    }

    @Test func `a seat that was taken before the address is known is its own or given back`() throws
    {
        let quota = ConnectionQuota(connections: 2, perAddress: 1)
        let one = try SocketAddress.numeric("192.0.2.1")
        #expect(quota.takeSeat() && quota.takeSeat() && !quota.takeSeat())
        #expect(quota.admit(one, isSeated: true) == nil && quota.count == 2)
        #expect(quota.admit(one, isSeated: true) == .tooManyFromAddress && quota.count == 1)
        quota.leave(one)
        #expect(quota.count == 0 && quota.addressCount == 0)
    }

    @Test func `loops that accept at once let exactly as many in as there may be`() throws {
        let quota = ConnectionQuota(connections: 600, perAddress: 100)
        let peers = try (1...4).map { try SocketAddress.numeric("192.0.2.\($0)") }
        let inside = Atomic<Int>(0)
        let refused = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for peer in peers {
                for _ in 0..<50 {
                    if quota.admit(peer) == nil {
                        inside.wrappingAdd(1, ordering: .relaxed)
                    } else {
                        refused.wrappingAdd(1, ordering: .relaxed)
                    }
                }
            }
        }
        #expect(inside.load(ordering: .relaxed) == 400 && refused.load(ordering: .relaxed) == 400)
        #expect(quota.count == 400 && quota.addressCount == 4)
        DispatchQueue.concurrentPerform(iterations: 4) { number in
            for _ in 0..<100 { quota.leave(peers[number]) }
        }
        #expect(quota.count == 0 && quota.addressCount == 0)
    }

    // MARK: Every end gives back

    @Test func `two loops share the limits to the last place`() throws {
        let quota = ConnectionQuota(connections: 3, perAddress: 2)
        let first = try ServerStage(quota: quota)
        let second = try ServerStage(quota: quota)
        func statuses(_ stage: ServerStage, _ address: String) throws -> [Int] {
            let peer = try stage.connect(address: .numeric(address))
            peer.send(LiveVector.get())
            stage.settle()
            return try peer.statuses()
        }
        #expect(try statuses(first, "192.0.2.1") == [200])
        #expect(try statuses(second, "192.0.2.1") == [200])
        #expect(try statuses(second, "192.0.2.1") == [429])
        #expect(try statuses(first, "192.0.2.2") == [200])
        #expect(try statuses(second, "192.0.2.3") == [503])
        first.server.closeAll()
        #expect(quota.count == 1)
        #expect(try statuses(second, "192.0.2.1") == [200])
        second.server.closeAll()
        #expect(quota.count == 0 && quota.addressCount == 0)
    }

    @Test(arguments: [
        "", "GET /now HTTP/1.1\r\nHost: a\r\n\r\n", "GET /now HTTP/1.1\r\n", "\0broken\r\n\r\n",
        "GET /later HTTP/1.1\r\nHost: a\r\n\r\n", "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1",
    ])
    func `a connection that has said this gives its place back once`(_ text: String) throws {
        for isTLS in [false, true] {
            let stage = try ServerStage(isTLS: isTLS) { $0.connectionsPerAddress = 5 }
            let peers = try (0..<2).map { _ in
                try stage.connect(address: .numeric("192.0.2.1"))
            }
            for peer in peers {
                if !text.isEmpty { peer.send(text) }
                stage.settle()
            }
            for peer in peers { peer.close() }
            stage.settle()
            stage.advance(by: .seconds(100))
            stage.server.closeAll()
            stage.settle()
            #expect(stage.server.quota.count == 0 && stage.server.quota.addressCount == 0)
        }
    }

    @Test func `handshakes that fail or never come give their places back`() throws {
        let stage = try ServerStage(isTLS: true) { $0.connectionsPerAddress = 5 }
        let silent = try stage.connect(address: .numeric("192.0.2.1"), isSilent: true)
        let broken = try stage.connect(address: .numeric("192.0.2.1"), isSilent: true)
        #expect(stage.server.quota.count == 2)
        broken.sendRaw(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        stage.settle()
        broken.close()
        stage.settle()
        #expect(stage.server.quota.count == 1)
        stage.advance(by: .seconds(11))
        #expect(silent.isAtEnd)
        #expect(stage.server.quota.count == 0 && stage.server.quota.addressCount == 0)
    }

    @Test func `peers that are turned away never had a place`() throws {
        let stage = try ServerStage { $0.connections = 1 }
        let inside = try stage.connect()
        let outside = try (0..<3).map { _ in try stage.connect() }
        #expect(stage.server.quota.count == 1)
        for peer in outside { peer.close() }
        stage.settle()
        #expect(stage.server.quota.count == 1)
        inside.close()
        stage.settle()
        #expect(stage.server.quota.count == 0)
    }

    @Test(arguments: [
        ("", 0), ("PROXY TCP4 192.0.2.1 198.51.100.7 1 443\r\n", 1), ("GET / HTTP/1.1\r\n\r\n", 0),
        ("PROXY UNKNOWN\r\n", 1), ("PROXY", 0),
    ])
    func `a proxy's greeting holds one place, whatever becomes of it`(_ text: String, _ left: Int)
        throws
    {
        let stage = try ServerStage { $0.connectionsPerAddress = 5 }
        let quota = stage.server.quota
        let peer = try stage.connect(isSilent: true, isProxied: true)
        #expect(quota.count == 1)
        if !text.isEmpty { peer.sendRaw(Array(text.utf8)) }
        stage.settle()
        #expect(quota.count <= 1)
        stage.advance(by: .seconds(6))
        #expect(quota.count == left)
        peer.close()
        stage.settle()
        #expect(quota.count == 0 && quota.addressCount == 0)
    }

    @Test func `a proxy that goes, a client too many and the server's end give back once`() throws {
        let stage = try ServerStage { $0.connectionsPerAddress = 1 }
        let quota = stage.server.quota
        let line = Array("PROXY TCP4 192.0.2.1 198.51.100.7 1 443\r\n".utf8)
        let gone = try stage.connect(isSilent: true, isProxied: true)
        gone.close()
        stage.settle()
        #expect(quota.count == 0)
        for _ in 0..<2 {
            _ = try stage.connect(isSilent: true, isProxied: true) { $0.sendRaw(line) }
        }
        #expect(quota.count == 1)
        _ = try stage.connect(isSilent: true, isProxied: true)
        #expect(quota.count == 2)
        stage.server.drain()
        stage.server.closeAll()
        #expect(quota.count == 0 && quota.addressCount == 0)
    }

    @Test func `a loop that goes takes no places with it`() throws {
        let quota = ConnectionQuota(connections: 9, perAddress: 5)
        do {
            let stage = try ServerStage(quota: quota)
            _ = try stage.connect(address: .numeric("192.0.2.1"))
            _ = try stage.connect(isSilent: true, isProxied: true)
            #expect(quota.count == 2)
        }
        #expect(quota.count == 0 && quota.addressCount == 0)
    }
}
