// What a callback hears must still hold when it hears it: interests taken away within the turn, ends
// that cannot be read now, errors that were cleared. Sections 3 and 5 of the inventory.

import Glibc
import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct StaleReadinessTests {
    @Test func `an interest taken away by an earlier callback of the turn is not delivered`() throws
    {
        let loop = try EventLoop()
        let pairs = [try SharedPair(), try SharedPair()]
        var tokens: [WatchToken] = []
        var seen: [Readiness] = []
        for pair in pairs {
            tokens.append(
                try loop.watch(pair.near, .read) { ready in
                    seen.append(ready)
                    for token in tokens { loop.change(token, to: []) }
                    return .keep
                })
        }
        for pair in pairs { send("x", to: pair.far) }
        loop.spin(3)
        #expect(seen == [.read])
    }

    @Test func `what is still asked for comes when a part of it was taken away`() throws {
        let loop = try EventLoop()
        let pairs = [try SharedPair(), try SharedPair()]
        var tokens: [WatchToken] = []
        var seen: [Readiness] = []
        for pair in pairs {
            tokens.append(
                try loop.watch(pair.near, [.read, .write]) { ready in
                    seen.append(ready)
                    for token in tokens { loop.change(token, to: .write) }
                    return .keep
                })
        }
        for pair in pairs { send("x", to: pair.far) }
        loop.step(sleep: false)
        #expect(seen == [[.read, .write], .write])
    }

    @Test func `what a timer's nested step has consumed is not delivered again`() throws {
        let loop = try EventLoop()
        let pair = try SharedPair()
        var heard: [String] = []
        _ = try loop.watch(pair.near, .read) { _ in
            heard.append(receive(from: pair.near))
            return .keep
        }
        send("x", to: pair.far)
        loop.addTimer(after: .zero) { loop.step(sleep: false) }
        loop.spin(2)
        #expect(heard == ["x"])
    }

    @Test func `a peer that closed while its bytes wait unread does not make the loop spin`() throws
    {
        let loop = try EventLoop()
        let pair = try SharedPair()
        var seen: [Readiness] = []
        let token = try loop.watch(pair.near, .peerClosed) { ready in
            seen.append(ready)
            return .keep
        }
        send("for later", to: pair.far)
        #expect(shutdown(pair.far, Int32(SHUT_WR)) == 0)
        #expect(loop.turns(within: .milliseconds(30)) <= 5)
        #expect(seen == [.peerClosed])
        // When the owner reads on, the bytes and the end are there.
        loop.change(token, to: .read)
        loop.step(sleep: false)
        #expect(seen.count == 2)
        #expect(seen.last?.contains(.read) == true)
        #expect(receive(from: pair.near) == "for later")
    }

    @Test func `bytes that wait behind a hang-up can still be asked for`() throws {
        let loop = try EventLoop()
        let pipe = try SharedPipe()
        var seen: [Readiness] = []
        var heard = ""
        let token = try loop.watch(pipe.read, []) { ready in
            seen.append(ready)
            if ready.contains(.read) { heard += receive(from: pipe.read) }
            return .keep
        }
        send("for later", to: pipe.write)
        dup2(open("/dev/null", O_RDWR), pipe.write)
        #expect(loop.turns(within: .milliseconds(30)) <= 5)
        #expect(seen == [.hangUp])
        loop.change(token, to: .read)
        loop.spin(3)
        #expect(heard == "for later")
        #expect(!loop.isWatching(token))
        #expect(loop.turns(within: .milliseconds(30)) <= 5)
    }

    @Test func `a pipe whose reader left bytes unread is told once, even to a reader`() throws {
        let loop = try EventLoop()
        let pipe = try SharedPipe()
        var seen: [Readiness] = []
        _ = try loop.watch(pipe.write, .read) { ready in
            seen.append(ready)
            return .keep
        }
        send("never read", to: pipe.write)
        dup2(open("/dev/null", O_RDWR), pipe.read)
        #expect(loop.turns(within: .milliseconds(30)) <= 5)
        #expect(seen == [.error])
        #expect(loop.watchCount == 0)
    }

    @Test func `an error that the callback has cleared does not end the registration`() throws {
        let loop = try EventLoop()
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let sockets = [socket(AF_INET, kind, 0), socket(AF_INET, kind, 0)]
        defer { close(sockets[0]) }
        let port = try bindLoopback(sockets[1])
        try connectLoopback(sockets[0], port)
        let own = try localPort(sockets[0])
        // Nobody listens at the other end: the kernel reports a refusal for the first datagram.
        close(sockets[1])
        var seen: [Readiness] = []
        _ = try loop.watch(sockets[0], .read) { ready in
            seen.append(ready)
            receive(from: sockets[0])
            return .keep
        }
        send("x", to: sockets[0])
        loop.run(until: { !seen.isEmpty }, limit: .seconds(5))
        #expect(seen.first?.contains(.error) == true)
        // A datagram service forgets such a refusal and goes on.
        let again = socket(AF_INET, kind, 0)
        defer { close(again) }
        _ = try bindLoopback(again, port)
        try connectLoopback(again, own)
        send("y", to: again)
        loop.run(until: { seen.last == .read }, limit: .seconds(5))
        #expect(seen.last == .read)
        #expect(loop.watchCount == 1)
    }

    // MARK: Datagrams

    private func bindLoopback(_ number: Int32, _ port: UInt16 = 0) throws -> UInt16 {
        let result = withLoopback(port) { bind(number, $0, $1) }
        try #require(result == 0)
        return try localPort(number)
    }

    private func connectLoopback(_ number: Int32, _ port: UInt16) throws {
        let result = withLoopback(port) { connect(number, $0, $1) }
        try #require(result == 0)
    }

    private func withLoopback(
        _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private func localPort(_ number: Int32) throws -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(number, $0, &length)
            }
        }
        try #require(result == 0)
        return UInt16(bigEndian: address.sin_port)
    }
}

/// A socket pair that closures may share.
final class SharedPair {
    let near: Int32
    let far: Int32
    private let pair: SocketPair

    init() throws {
        pair = try SocketPair()
        near = pair.near.number
        far = pair.far.number
    }
}
