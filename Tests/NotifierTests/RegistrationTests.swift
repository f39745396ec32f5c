import Glibc
import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct RegistrationTests {
    // MARK: Conventions

    @Test func `keep watches on, stop unwatches`() throws {
        let loop = try EventLoop()
        let pipe = try Pipe()
        var calls = 0
        let token = try loop.watch(pipe.read.number, .read) { _ in
            calls += 1
            return calls < 3 ? .keep : .stop
        }
        send("x", to: pipe.write.number)
        loop.spin(5)
        #expect(calls == 3)
        #expect(!loop.isWatching(token))
        #expect(loop.watchCount == 0)
    }

    @Test func `a second watch on one descriptor is refused and leaves the first`() throws {
        let loop = try EventLoop()
        let pipe = try Pipe()
        var calls = 0
        _ = try loop.watch(pipe.read.number, .read) { _ in
            calls += 1
            return .keep
        }
        #expect(throws: SystemError.self) {
            _ = try loop.watch(pipe.read.number, .write) { _ in .keep }
        }
        #expect(loop.watchCount == 1)
        send("x", to: pipe.write.number)
        loop.step(sleep: false)
        #expect(calls == 1)
    }

    @Test func `unusable descriptors are refused`() throws {
        let loop = try EventLoop()
        // Beyond what this process may open.
        for number in [-1, Int32.max] {
            let error = #expect(throws: SystemError.self) {
                _ = try loop.watch(number, .read) { _ in .keep }
            }
            #expect(error?.code == EBADF)
        }
        #expect(loop.watchCount == 0)
    }

    @Test func `unwatching twice is harmless`() throws {
        let loop = try EventLoop()
        let pipe = try Pipe()
        let token = try loop.watch(pipe.read.number, .read) { _ in .keep }
        loop.unwatch(token)
        loop.unwatch(token)
        loop.change(token, to: .write)
        #expect(loop.watchCount == 0)
    }

    @Test func `of two registrations with the same function the one named is removed`() throws {
        let loop = try EventLoop()
        let first = try Pipe()
        let second = try Pipe()
        var calls = 0
        let function: (Readiness) -> Disposition = { _ in
            calls += 1
            return .keep
        }
        let tokens = [
            try loop.watch(first.read.number, .read, function),
            try loop.watch(second.read.number, .read, function),
        ]
        loop.unwatch(tokens[1])
        send("x", to: second.write.number)
        loop.step(sleep: false)
        #expect(calls == 0)
        send("x", to: first.write.number)
        loop.step(sleep: false)
        #expect(calls == 1)
    }

    @Test(arguments: [1, 2])
    func `what a callback holds lives until it has returned, though it unwatched itself`(
        depth: Int
    ) throws {
        final class Held { var value = 7 }
        let loop = try EventLoop()
        let pipe = try Pipe()
        let other = try Pipe()
        weak var weakly: Held?
        var token: WatchToken?
        var read = 0
        do {
            let held = Held()
            weakly = held
            token = try loop.watch(pipe.read.number, .read) { _ in
                if let token { loop.unwatch(token) }
                // In a nested turn another callback, which has gone as well by then.
                if depth == 2 { loop.step(sleep: false) }
                read = held.value
                return .keep
            }
        }
        var inner: WatchToken?
        inner = try loop.watch(other.read.number, .read) { _ in
            if let inner { loop.unwatch(inner) }
            return .stop
        }
        send("x", to: pipe.write.number)
        if depth == 2 { send("x", to: other.write.number) }
        loop.step(sleep: false)
        #expect(read == 7)
        #expect(weakly == nil)
        #expect(loop.watchCount == (depth == 2 ? 0 : 1))
    }

    // MARK: Interests

    @Test func `read and write are accepted together and delivered together`() throws {
        let loop = try EventLoop()
        let pair = try SocketPair()
        var seen: [Readiness] = []
        _ = try loop.watch(pair.near.number, [.read, .write]) { ready in
            seen.append(ready)
            return .keep
        }
        send("x", to: pair.far.number)
        loop.step(sleep: false)
        #expect(seen == [[.read, .write]])
    }

    @Test func `watching for write as well does not cancel read`() throws {
        let loop = try EventLoop()
        let pair = try SocketPair()
        var seen: Readiness = []
        let token = try loop.watch(pair.near.number, .read) { ready in
            seen.formUnion(ready)
            return .keep
        }
        loop.change(token, to: [.read, .write])
        loop.step(sleep: false)
        #expect(seen == .write)
        send("x", to: pair.far.number)
        loop.step(sleep: false)
        #expect(seen == [.read, .write])
    }

    @Test func `an interest taken away does not come back with another`() throws {
        let loop = try EventLoop()
        let pair = try SocketPair()
        var seen: [Readiness] = []
        let token = try loop.watch(pair.near.number, [.read, .write]) { ready in
            seen.append(ready)
            return .keep
        }
        loop.change(token, to: .read)
        loop.step(sleep: false)
        #expect(seen == [])
        send("x", to: pair.far.number)
        loop.step(sleep: false)
        #expect(seen == [.read])
    }

    @Test func `unread data is delivered in every turn`() throws {
        let loop = try EventLoop()
        let pipe = try Pipe()
        var calls = 0
        _ = try loop.watch(pipe.read.number, .read) { _ in
            calls += 1
            return .keep
        }
        send("x", to: pipe.write.number)
        loop.spin(3)
        #expect(calls == 3)
    }

    // MARK: Removal during delivery

    @Test func `what an earlier callback of the turn removed is not called`() throws {
        let loop = try EventLoop()
        let pipes = [try SharedPipe(), try SharedPipe()]
        defer { withExtendedLifetime(pipes) {} }
        var tokens: [WatchToken] = []
        var calls = 0
        for pipe in pipes {
            tokens.append(
                try loop.watch(pipe.read, .read) { _ in
                    calls += 1
                    for token in tokens { loop.unwatch(token) }
                    return .keep
                })
        }
        for pipe in pipes { send("x", to: pipe.write) }
        loop.spin(3)
        #expect(calls == 1)
    }

    @Test func `a timer may remove a descriptor that is ready in the same turn`() throws {
        let loop = try EventLoop()
        let pipe = try Pipe()
        var calls = 0
        let token = try loop.watch(pipe.read.number, .read) { _ in
            calls += 1
            return .keep
        }
        send("x", to: pipe.write.number)
        loop.addTimer(after: .zero) { loop.unwatch(token) }
        loop.spin(3)
        #expect(calls == 0)
    }

    @Test func `a reused descriptor number never reaches the former owner`() throws {
        let loop = try EventLoop()
        var former = 0
        var present = 0
        var first: SharedPipe? = try SharedPipe()
        let number = try #require(first?.read)
        let token = try loop.watch(number, [.read, .write]) { _ in
            former += 1
            return .keep
        }
        loop.unwatch(token)
        first = nil
        let second = try Pipe()
        try #require(dup2(second.read.number, number) == number)
        defer { close(number) }
        let fresh = try loop.watch(number, .read) { _ in
            present += 1
            return .keep
        }
        #expect(fresh != token)
        loop.change(token, to: [.read, .write])
        loop.unwatch(token)
        send("x", to: second.write.number)
        loop.spin(2)
        #expect(former == 0)
        #expect(present == 2)
    }

    @Test func `an event in flight does not reach the new owner of the slot`() throws {
        let loop = try EventLoop()
        let pipes = [try SharedPipe(), try SharedPipe()]
        defer { withExtendedLifetime(pipes) {} }
        let idle = try SharedPipe()
        defer { withExtendedLifetime(idle) {} }
        var tokens: [WatchToken] = []
        var stray = 0
        for pipe in pipes {
            tokens.append(
                try loop.watch(pipe.read, .read) { _ in
                    // Frees both slots and lets an idle descriptor have one of them.
                    for token in tokens { loop.unwatch(token) }
                    _ = try? loop.watch(idle.read, .read) { _ in
                        stray += 1
                        return .keep
                    }
                    return .keep
                })
        }
        for pipe in pipes { send("x", to: pipe.write) }
        loop.spin(3)
        #expect(stray == 0)
        #expect(loop.watchCount == 1)
    }
}

/// A pipe that closures may share.
final class SharedPipe {
    let read: Int32
    let write: Int32
    private let pipe: Pipe

    init() throws {
        pipe = try Pipe()
        read = pipe.read.number
        write = pipe.write.number
    }
}
