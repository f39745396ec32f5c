// The accepting of connections: its share of a turn, what connections inherit, and the end.

import Foundation
import Notifier
import Testing

@testable import HTTP

@Suite struct ListenerTests {
    private func socket() throws -> Descriptor {
        try Listener.open(.numeric("127.0.0.1", port: 0))
    }

    /// A client of `listener`, connected in the kernel's queue.
    private func client(of listener: Listener) throws -> Descriptor {
        let number = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let client = Descriptor(owning: number)
        let result = listener.address.withPointer { connect(number, $0, $1) }
        try #require(result == 0)
        _ = fcntl(number, F_SETFL, O_NONBLOCK)
        return client
    }

    private func option(_ number: Int32, _ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(number, level, name, &value, &length)
        return value
    }

    @Test func `a turn accepts its share and the next turn the rest`() throws {
        let loop = try EventLoop()
        var limits = ServerLimits()
        limits.acceptsPerTurn = 4
        var accepted: [Int32] = []
        let listener = try Listener(
            adopting: socket(), isTLS: false, loop: loop, limits: limits
        ) { number, _ in accepted.append(number) }
        var clients: [LoopFriend] = []
        for _ in 0..<10 { clients.append(LoopFriend(try client(of: listener))) }
        loop.step()
        #expect(accepted.count == 4)
        loop.step()
        #expect(accepted.count == 8)
        loop.step()
        #expect(accepted.count == 10)
        for number in accepted { close(number) }
        listener.close()
    }

    @Test func `everything in the queue is accepted when the server drains`() throws {
        let stage = try ServerStage { $0.acceptsPerTurn = 2 }
        let listener = try stage.server.listen(socket(), tls: nil)
        let clients = try (0..<9).map { _ in
            let peer = ServerPeer(try client(of: listener).release(), nil)
            peer.send(LiveVector.get())
            return peer
        }
        stage.server.drain()
        try stage.run {
            for peer in clients { peer.pump() }
            return clients.allSatisfy(\.isAtEnd)
        }
        for peer in clients { #expect(try peer.statuses() == [200]) }
    }

    @Test func `connections inherit what notices hosts that have gone`() throws {
        let loop = try EventLoop()
        var accepted: Int32 = -1
        let listener = try Listener(
            adopting: socket(), isTLS: false, loop: loop, limits: ServerLimits()
        ) { number, _ in accepted = number }
        let friend = try client(of: listener)
        loop.step()
        let level = Int32(IPPROTO_TCP)
        #expect(option(accepted, level, TCP_NODELAY) == 1)
        #expect(option(accepted, level, TCP_USER_TIMEOUT) == 30_000)
        #expect(option(accepted, SOL_SOCKET, SO_KEEPALIVE) == 1)
        #expect(option(accepted, level, TCP_KEEPIDLE) == 60)
        #expect(fcntl(accepted, F_GETFL) & O_NONBLOCK != 0)
        #expect(fcntl(accepted, F_GETFD) & FD_CLOEXEC != 0)
        close(accepted)
        _ = friend.release()
        listener.close()
    }

    @Test func `a closed listener accepts nobody and is not watched`() throws {
        let loop = try EventLoop()
        let listener = try Listener(
            adopting: socket(), isTLS: false, loop: loop, limits: ServerLimits()
        ) { _, _ in Issue.record("accepted") }
        let friend = try client(of: listener)
        listener.close()
        listener.acceptAll()
        #expect(loop.watchCount == 0)
        _ = friend.release()
    }

    @Test func `an address in use is found out, although listeners could share it`() throws {
        let first = try socket()
        let address = SocketAddress(boundTo: first.number)
        #expect(throws: SystemError.self) { try Listener.probe(address) }
        let second = try Listener.open(address)
        #expect(SocketAddress(boundTo: second.number).port == address.port)
    }

    @Test func `the file of a Unix socket is removed only if nobody listens there`() throws {
        let path = NSTemporaryDirectory() + "signalbox-\(UUID().uuidString).sock"
        let address = try #require(try SocketAddress.resolve(.unix(path: path)).first)
        do {
            let socket = try Listener.open(address)
            #expect(throws: SystemError.self) { try Listener.clearStale(address, path: path) }
            #expect(SocketAddress(boundTo: socket.number).description == "unix")
        }
        try Listener.clearStale(address, path: path)
        #expect(!FileManager.default.fileExists(atPath: path))
        try "".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: SystemError.self) { try Listener.clearStale(address, path: path) }
        try FileManager.default.removeItem(atPath: path)
    }
}

/// Keeps a descriptor open in a list.
private final class LoopFriend {
    private let descriptor: Descriptor

    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
}
