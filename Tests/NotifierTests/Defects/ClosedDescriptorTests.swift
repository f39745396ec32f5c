// Owners that close a descriptor before they unwatch it. The kernel then forgets the descriptor, or,
// if a duplicate is alive, does not; the number goes to the next who opens something. In the
// original this handed one connection's events to another (sections 5 and 12.3, 12.10).

import Glibc
import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ClosedDescriptorTests {
    /// A loop on which a former owner closed its descriptor without a word, and the number is now
    /// that of a pipe which a present owner watches.
    private final class Reuse {
        let loop: EventLoop
        let number: Int32
        let former: WatchToken
        var present: WatchToken
        let pipe: SharedPipe
        var formerCalls = 0
        var presentCalls = 0

        init() throws {
            loop = try EventLoop()
            pipe = try SharedPipe()
            let pair = try SocketPair()
            number = dup(pair.near.number)
            var calls: () -> Void = {}
            former = try loop.watch(number, .read) { _ in
                calls()
                return .keep
            }
            try #require(dup2(pipe.read, number) == number)
            present = former
            calls = { [unowned self] in formerCalls += 1 }
            present = try loop.watch(number, .read) { [unowned self] _ in
                presentCalls += 1
                receive(from: number)
                return .keep
            }
        }

        deinit { close(number) }
    }

    @Test func `a number closed by its owner can be watched by the next`() throws {
        let reuse = try Reuse()
        send("x", to: reuse.pipe.write)
        reuse.loop.spin(2)
        #expect(reuse.formerCalls == 0)
        #expect(reuse.presentCalls == 1)
        // The former registration cannot come back, so it is gone.
        #expect(!reuse.loop.isWatching(reuse.former))
        #expect(reuse.loop.watchCount == 1)
    }

    @Test func `a former owner who changes its interest does not get the next one's events`() throws
    {
        let reuse = try Reuse()
        reuse.loop.change(reuse.former, to: [.read, .write])
        send("x", to: reuse.pipe.write)
        reuse.loop.spin(2)
        #expect(reuse.formerCalls == 0)
        #expect(reuse.presentCalls == 1)
    }

    @Test func `a former owner who unwatches late does not silence the next one`() throws {
        let reuse = try Reuse()
        reuse.loop.unwatch(reuse.former)
        send("x", to: reuse.pipe.write)
        reuse.loop.spin(2)
        #expect(reuse.presentCalls == 1)
        #expect(reuse.loop.isWatching(reuse.present))
    }

    @Test func `a descriptor closed while a duplicate lives does not make the loop spin`() throws {
        let loop = try EventLoop()
        let pair = try SocketPair()
        let number = dup(pair.near.number)
        var calls = 0
        let token = try loop.watch(number, .read) { _ in
            calls += 1
            return .keep
        }
        // The kernel keeps the entry, for `near` is the same open file; it cannot be removed by a
        // number that is no more.
        close(number)
        loop.unwatch(token)
        send("x", to: pair.far.number)
        #expect(loop.turns(within: .milliseconds(30)) <= 5)
        #expect(calls == 0)
    }

    @Test func `after a duplicate was left behind the others are served as before`() throws {
        let loop = try EventLoop()
        let left = try SocketPair()
        let other = try SocketPair()
        let ended = try SharedPipe()
        var heard: [String] = []
        let number = dup(left.near.number)
        let token = try loop.watch(number, .read) { _ in .keep }
        let reader = try loop.watch(other.near.number, []) { _ in
            heard.append(receive(from: other.near.number))
            return .keep
        }
        _ = try loop.watch(ended.read, .read) { _ in
            heard.append(receive(from: ended.read))
            return .keep
        }
        close(number)
        loop.unwatch(token)
        send("x", to: left.far.number)
        send("early", to: other.far.number)
        loop.spin(3)
        loop.change(reader, to: .read)
        send("pipe", to: ended.write)
        loop.spin(3)
        loop.handle.wake()
        loop.spin(1)
        #expect(heard.sorted() == ["early", "pipe"])
        #expect(loop.turns(within: .milliseconds(20)) <= 5)
    }

    @Test func `getting rid of what was left behind gives nobody another's descriptor`() throws {
        let loop = try EventLoop()
        let left = try SocketPair()
        let closed = try SharedPipe()
        let other = try SharedPipe()
        var calls = 0
        let leftNumber = dup(left.near.number)
        let number = dup(closed.read)
        let token = try loop.watch(leftNumber, .read) { _ in .keep }
        _ = try loop.watch(number, .read) { _ in
            calls += 1
            return .keep
        }
        // The number goes to a pipe nobody watches.
        #expect(dup2(other.read, number) == number)
        defer { close(number) }
        send("x", to: other.write)
        close(leftNumber)
        loop.unwatch(token)
        send("x", to: left.far.number)
        loop.spin(4)
        #expect(calls == 0)
    }

    @Test func `a descriptor closed by its owner and then unwatched is no error`() throws {
        let loop = try EventLoop()
        let pipe = try Pipe()
        let number = dup(pipe.read.number)
        var calls = 0
        let token = try loop.watch(number, .read) { _ in
            calls += 1
            return .keep
        }
        close(number)
        loop.change(token, to: [.read, .write])
        loop.spin(2)
        loop.unwatch(token)
        loop.spin(2)
        #expect(calls <= 2)
        #expect(loop.watchCount == 0)
    }

    @Test func `descriptor 0 is a descriptor like any other`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let pipe = try Pipe()
            try #require(dup2(pipe.read.number, 0) == 0)
            var calls = 0
            let token = try loop.watch(0, .read) { _ in
                calls += 1
                receive(from: 0)
                return .keep
            }
            send("x", to: pipe.write.number)
            loop.spin(2)
            try #require(calls == 1)
            loop.unwatch(token)
            send("x", to: pipe.write.number)
            loop.spin(2)
            try #require(calls == 1)
        }
    }
}
