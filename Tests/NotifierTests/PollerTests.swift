import Glibc
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(1)))
struct PollerTests {
    @Test(
        arguments: [
            (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2), (UInt64.max, Int32.max),
            // 2^31 ms and one more: an overflow here once made a loop spin for weeks.
            (2_147_483_648_000_000, Int32.max),
        ] as [(UInt64, Int32)])
    func `the wait is rounded up and clamped`(nanos: UInt64, milliseconds: Int32) {
        #expect(Poller.timeout(nanos: nanos) == milliseconds)
    }

    // MARK: Ends are delivered, once, and never spin

    /// Watches a descriptor, keeps the registration whatever comes, and tells what came.
    private func deliveries(
        _ number: Int32, _ interest: Interest, _ loop: EventLoop, reading: Bool = false
    ) throws -> [Readiness] {
        var seen: [Readiness] = []
        _ = try loop.watch(number, interest) { ready in
            seen.append(ready)
            if reading { receive(from: number) }
            return .keep
        }
        #expect(loop.turns(within: .milliseconds(30)) <= 6)
        return seen
    }

    @Test func `the end of a silent pipe is delivered once`() throws {
        let loop = try EventLoop()
        let pipe = try SharedPipe()
        defer { withExtendedLifetime(pipe) {} }
        shutDown(writer: pipe)
        let seen = try deliveries(pipe.read, .read, loop)
        #expect(seen == [.hangUp])
    }

    @Test func `the end of a pipe comes with its last bytes and then alone`() throws {
        let loop = try EventLoop()
        let pipe = try SharedPipe()
        defer { withExtendedLifetime(pipe) {} }
        send("last words", to: pipe.write)
        shutDown(writer: pipe)
        let seen = try deliveries(pipe.read, .read, loop, reading: true)
        #expect(seen.first == [.read, .hangUp])
        #expect(seen.count <= 2)
    }

    @Test func `the peer's end of stream on a socket is delivered once`() throws {
        let loop = try EventLoop()
        let pair = try SocketPair()
        #expect(shutdown(pair.far.number, Int32(SHUT_WR)) == 0)
        let seen = try deliveries(pair.near.number, .read, loop)
        #expect(seen == [[.read, .peerClosed]])
    }

    @Test func `after the peer's end of stream the socket can still be written`() throws {
        let loop = try EventLoop()
        let pair = try SocketPair()
        var seen: [Readiness] = []
        let token = try loop.watch(pair.near.number, .read) { ready in
            seen.append(ready)
            return .keep
        }
        #expect(shutdown(pair.far.number, Int32(SHUT_WR)) == 0)
        loop.spin(2)
        loop.change(token, to: [.read, .write])
        loop.step(sleep: false)
        #expect(seen == [[.read, .peerClosed], .write])
    }

    @Test func `a closed peer is delivered once although both directions ended`() throws {
        let loop = try EventLoop()
        let number: Int32
        do {
            let pair = try SocketPair()
            number = dup(pair.near.number)
        }
        defer { close(number) }
        let seen = try deliveries(number, .read, loop)
        #expect(seen.count == 1)
        #expect(seen.first?.contains(.hangUp) == true)
    }

    @Test func `the error of a pipe without a reader is delivered once, even to a reader`() throws {
        let loop = try EventLoop()
        let pipe = try SharedPipe()
        defer { withExtendedLifetime(pipe) {} }
        dup2(openNull(), pipe.read)
        let seen = try deliveries(pipe.write, .read, loop)
        #expect(seen == [.error])
    }

    @Test func `a refused connection is delivered whatever was asked for`() throws {
        let loop = try EventLoop()
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        defer { close(number) }
        // Port 1 of the loopback interface: nobody listens.
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(1).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == -1)
        let seen = try deliveries(number, [], loop)
        #expect(seen.count == 1)
        #expect(seen.first?.isSuperset(of: [.error, .hangUp]) == true)
    }

    @Test func `more ready descriptors than one batch are all served`() throws {
        let loop = try EventLoop()
        let pipe = try SharedPipe()
        defer { withExtendedLifetime(pipe) {} }
        send("x", to: pipe.write)
        var numbers: [Int32] = []
        var served: Set<Int32> = []
        for _ in 0...Poller.batch {
            let number = dup(pipe.read)
            numbers.append(number)
            _ = try loop.watch(number, .read) { _ in
                served.insert(number)
                return .stop
            }
        }
        loop.spin(2)
        #expect(served.count == Poller.batch + 1)
        for number in numbers { close(number) }
    }

    /// Closes the writing end, without giving its number to anybody else yet.
    private func shutDown(writer pipe: SharedPipe) { dup2(openNull(), pipe.write) }

    private func openNull() -> Int32 { open("/dev/null", O_RDWR) }
}
