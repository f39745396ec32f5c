// From several addresses to one connection.

import Foundation
import HTTPWire
import Notifier
import Testing

@testable import HTTP

/// A TCP port that neither accepts nor refuses: its queue is full, and the kernel ignores the rest.
private final class BlackHole {
    let address: SocketAddress
    private var sockets: [Int32] = []

    init() throws {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        sockets.append(number)
        let wanted = try SocketAddress.resolve(.tcp(host: "127.0.0.1", port: 0))[0]
        try #require(wanted.withPointer { bind(number, $0, $1) } == 0)
        try #require(listen(number, 0) == 0)
        address = SocketAddress(boundTo: number)
        for _ in 0..<4 {
            let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            _ = address.withPointer { connect(filler, $0, $1) }
            sockets.append(filler)
        }
    }

    deinit { for number in sockets { close(number) } }
}

@Suite struct ClientConnectorTests {
    /// An address where nobody listens.
    private func refusing() throws -> SocketAddress {
        // The port is bound and never listened on, so nobody else gets it meanwhile.
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let wanted = try SocketAddress.resolve(.tcp(host: "127.0.0.1", port: 0))[0]
        try #require(wanted.withPointer { bind(number, $0, $1) } == 0)
        let address = SocketAddress(boundTo: number)
        close(number)
        return address
    }

    private func send(
        _ stage: ClientStage, to addresses: [SocketAddress]
    ) throws -> (ClientConnection, ClientRecord) {
        let origin = ClientOrigin(
            .tcp(host: "localhost", port: 80), addresses: addresses, tls: stage.clientTLS)
        let connection = ClientConnection(to: origin, limits: stage.limits, on: stage.loop)
        let record = ClientRecord()
        _ = try connection.send(stage.request(), record.events)
        return (connection, record)
    }

    @Test func `families take turns, beginning with the first`() throws {
        let four = try (1...3).map {
            try SocketAddress.resolve(.tcp(host: "127.0.0.\($0)", port: 1))[0]
        }
        let six = try (1...2).map { try SocketAddress.resolve(.tcp(host: "::\($0)", port: 1))[0] }
        let mixed = ClientConnector.interleaved(six + four).map(\.host)
        #expect(mixed == ["::1", "127.0.0.1", "::2", "127.0.0.2", "127.0.0.3"])
        #expect(ClientConnector.interleaved([]).isEmpty)
        #expect(ClientConnector.interleaved(four).map(\.host) == four.map(\.host))
    }

    @Test func `an address that refuses makes room for the next at once`() throws {
        let stage = try ClientStage()
        _ = try send(stage, to: [refusing(), stage.peer.address])
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
    }

    @Test func `an address that is silent has a head start, not a veto`() throws {
        let stage = try ClientStage()
        let hole = try BlackHole()
        let (connection, record) = try send(stage, to: [hole.address, stage.peer.address])
        try stage.settle()
        #expect(stage.peer.connections.isEmpty)
        try stage.advance(by: .milliseconds(249))
        #expect(stage.peer.connections.isEmpty)
        try stage.advance(by: .milliseconds(2))
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        stage.peer.connections[0].send("HTTP/1.1 204 No Content\r\n\r\n")
        try stage.run { record.hasEnded }
        #expect(record.succeeded && connection.isFree)
        #expect(stage.loop.watchCount == 1, "the attempt that lost is gone")
        #expect(stage.loop.timerCount == 0)
    }

    @Test func `if nobody answers, every address is named, and not before the call returns`() throws
    {
        let stage = try ClientStage()
        let first = try refusing()
        let second = try refusing()
        let (connection, record) = try send(stage, to: [first, second])
        #expect(record.calls.isEmpty)
        try stage.run { record.hasEnded }
        guard case .connectFailed(let errors) = record.error else {
            Issue.record("\(String(describing: record.error))")
            return
        }
        #expect(errors.map(\.code) == [ECONNREFUSED, ECONNREFUSED])
        #expect(errors.map(\.subject) == ["\(first)", "\(second)"])
        #expect(record.error?.isUnreachable == true)
        #expect(!connection.isOpen && stage.loop.watchCount == 0)
    }

    @Test func `silence everywhere ends with the deadline`() throws {
        let stage = try ClientStage()
        let hole = try BlackHole()
        let (_, record) = try send(stage, to: [hole.address])
        try stage.advance(by: .seconds(9))
        #expect(!record.hasEnded)
        try stage.advance(by: .seconds(2))
        #expect(record.ends == [.timedOut(.connect)])
        #expect(stage.loop.watchCount == 0)
    }

    @Test func `an origin without addresses is an error, told later`() throws {
        let stage = try ClientStage()
        let (_, record) = try send(stage, to: [])
        #expect(record.calls.isEmpty)
        try stage.run { record.hasEnded }
        #expect(record.ends == [.connectFailed([])])
    }

    @Test func `a Unix socket is an address like any other`() throws {
        let stage = try ClientStage()
        let path = NSTemporaryDirectory() + "signalbox-\(UUID().uuidString).sock"
        defer { unlink(path) }
        let address = try SocketAddress.resolve(.unix(path: path))[0]
        let (_, missing) = try send(stage, to: [address])
        try stage.run { missing.hasEnded }
        guard case .connectFailed(let errors) = missing.error else {
            Issue.record("\(String(describing: missing.error))")
            return
        }
        #expect(errors.map(\.code) == [ENOENT])

        let listening = try Listener.open(address)
        let (_, record) = try send(stage, to: [address])
        let number = accept(listening.number, nil, nil)
        try #require(number >= 0)
        let peer = try ClientPeerConnection(number, nil)
        try stage.run {
            peer.read()
            return peer.requestCount == 1
        }
        peer.send("HTTP/1.1 204 No Content\r\n\r\n")
        try stage.run { record.succeeded }
    }

    @Test func `giving up while connecting leaves nothing behind`() throws {
        let stage = try ClientStage()
        let hole = try BlackHole()
        let (connection, record) = try send(stage, to: [hole.address, hole.address])
        try stage.settle()
        #expect(stage.loop.watchCount == 1)
        connection.close()
        #expect(record.ends == [.closed])
        #expect(stage.loop.watchCount == 0 && stage.loop.timerCount == 0)
    }
}
