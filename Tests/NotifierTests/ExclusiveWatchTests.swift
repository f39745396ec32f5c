// One listening socket that several loops watch: who is woken.

import Glibc
import Testing

@testable import Notifier

@Suite(.serialized, .timeLimit(.minutes(2)))
struct ExclusiveWatchTests {
    private func listeningSocket() throws -> (Int32, sockaddr_in) {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isOpen = withUnsafeMutableBytes(of: &address) { bytes in
            guard let start = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else {
                return false
            }
            return bind(number, start, length) == 0 && listen(number, 16) == 0
                && getsockname(number, start, &length) == 0
        }
        try #require(isOpen)
        return (number, address)
    }

    private func connectAndClose(_ address: sockaddr_in) throws {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(number) }
        var address = address
        let isConnected = withUnsafeBytes(of: &address) { bytes in
            bytes.baseAddress.map {
                connect(
                    number, $0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) == 0
            }
        }
        try #require(isConnected == true)
    }

    @Test func `of loops that share a socket one is woken for each connection, in turns`() throws {
        let (number, address) = try listeningSocket()
        defer { close(number) }
        let calls = Shared(0)
        let accepted = Shared([Int](repeating: 0, count: 4))
        let threads = try (0..<4).map { index in
            try LoopThread(name: "shared \(index)") { loop in
                let copy = dup(number)
                let token = Shared<WatchToken?>(nil)
                let fresh = try loop.watch(copy, [.read, .exclusive]) { _ in
                    calls.change { $0 += 1 }
                    // Long enough for the others to find the connection too, were they woken.
                    usleep(2000)
                    let link = accept(number, nil, nil)
                    if link >= 0 {
                        close(link)
                        accepted.change { $0[index] += 1 }
                    }
                    if let token = token.value { loop.passTurn(token) }
                    return .keep
                }
                token.change { $0 = fresh }
            }
        }
        for round in 1...100 {
            try connectAndClose(address)
            let limit = ContinuousClock.now + .seconds(10)
            while accepted.value.reduce(0, +) < round, ContinuousClock.now < limit {
                _ = poll(nil, 0, 1)
            }
        }
        for thread in threads { thread.stop() }
        for thread in threads { thread.join() }
        #expect(accepted.value.reduce(0, +) == 100)
        // All four for each connection would be 400.
        #expect(calls.value < 200)
        #expect(accepted.value.allSatisfy { $0 > 0 }, "\(accepted.value)")
    }

    @Test func `an exclusive watch can be changed, silenced and ended like any other`() throws {
        let loop = try EventLoop()
        let pipe = try Pipe()
        var byte: UInt8 = 0
        var calls = 0
        let token = try loop.watch(pipe.read.number, [.read, .exclusive]) { _ in
            calls += 1
            // A nested step must not find it again.
            loop.step(sleep: false)
            return .keep
        }
        #expect(write(pipe.write.number, &byte, 1) == 1)
        loop.step()
        #expect(calls == 1)
        loop.change(token, to: [])
        loop.step(sleep: false)
        #expect(calls == 1)
        loop.change(token, to: .read)
        loop.step()
        #expect(calls == 2)
        loop.passTurn(token)
        loop.step()
        #expect(calls == 3)
        loop.unwatch(token)
        loop.step(sleep: false)
        #expect(calls == 3 && loop.watchCount == 0)
    }
}
