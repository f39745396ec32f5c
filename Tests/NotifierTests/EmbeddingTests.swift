import Dispatch
import Glibc
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(1)))
struct EmbeddingTests {
    /// A host's own loop: poll(2) over our descriptor and nothing else.
    private func drive(
        _ loop: EventLoop, until condition: () -> Bool, limit: Duration = .seconds(20)
    ) -> (isMet: Bool, passes: Int) {
        let start = ContinuousClock.now
        var passes = 0
        while !condition() {
            if ContinuousClock.now - start > limit { return (false, passes) }
            var ours = pollfd(fd: loop.pollDescriptor, events: Int16(POLLIN), revents: 0)
            let timeout = loop.pollMilliseconds
            _ = poll(&ours, 1, timeout < 0 ? 20_000 : timeout)
            loop.runReady()
            passes += 1
        }
        return (true, passes)
    }

    @Test func `the next deadline is that of the earliest timer, or none, or now`() throws {
        let clock = ManualClock()
        let loop = try EventLoop(clock: clock)
        #expect(loop.nextDeadline == nil && loop.pollMilliseconds == -1)
        let timer = loop.addTimer(after: .microseconds(2500)) {}
        #expect(loop.nextDeadline == 2_500_000 && loop.pollMilliseconds == 3)
        clock.advance(by: .milliseconds(2))
        #expect(loop.pollMilliseconds == 1)
        clock.advance(by: .milliseconds(2))
        #expect(loop.pollMilliseconds == 0)
        loop.removeTimer(timer)
        #expect(loop.nextDeadline == nil)
        loop.flushSoon()
        #expect(loop.pollMilliseconds == 0)
        loop.runReady()
        #expect(loop.nextDeadline == nil)
        loop.addDispatcher { .stop }
        #expect(loop.pollMilliseconds == 100)
        loop.runReady()
        #expect(loop.nextDeadline == nil)
    }

    @Test func `a foreign poll loop drives timers, descriptors, posts, children and workers`()
        throws
    {
        let loop = try EventLoop()
        defer { loop.close() }
        let pool = try WorkerPool(threads: 1)
        defer {
            pool.stop()
            pool.join()
        }
        let pipe = try Pipe()
        var seen: Set<String> = []
        let wasPosted = Shared(false)
        loop.addTimer(after: .milliseconds(5)) { seen.insert("timer") }
        _ = try loop.watch(pipe.read.number, .read) { _ in
            seen.insert("descriptor")
            return .stop
        }
        try pool.run(on: loop) { _ in
            1
        } then: { _ in
            seen.insert("worker")
        }
        var events = ChildEvents()
        events.onExit = { _ in seen.insert("child") }
        _ = try Child.spawn(shell("echo hello"), on: loop, events)
        let handle = loop.handle
        let other = try LoopThread(name: "poster") { poster in
            poster.addTimer(after: .milliseconds(10)) {
                handle.post { _ in wasPosted.change { $0 = true } }
            }
        }
        send("x", to: pipe.write.number)
        let before = loop.statistics.turns
        let (isMet, passes) = drive(loop) { seen.count == 4 && wasPosted.value }
        #expect(isMet, "\(seen)")
        // What happened, and a few wake-ups for children and mail; not a spin.
        #expect(passes < 40 && loop.statistics.turns - before < 40)
        other.stop()
        other.join()
    }

    @Test func `an idle loop is not woken by its host's poll`() throws {
        let loop = try EventLoop()
        loop.runReady()
        var ours = pollfd(fd: loop.pollDescriptor, events: Int16(POLLIN), revents: 0)
        #expect(loop.pollMilliseconds == -1)
        #expect(poll(&ours, 1, 0) == 0)
    }

    @Test func `mail makes the descriptor readable, whoever posts it`() throws {
        let loop = try EventLoop()
        var ours = pollfd(fd: loop.pollDescriptor, events: Int16(POLLIN), revents: 0)
        loop.handle.post { _ in }
        #expect(poll(&ours, 1, 0) == 1)
        #expect(!loop.runReady())
        #expect(poll(&ours, 1, 0) == 0)
        // Posted by a job of this turn, for the next.
        let wasRun = Shared(false)
        loop.handle.post { inner in
            inner.handle.post { _ in wasRun.change { $0 = true } }
        }
        #expect(loop.runReady())
        #expect(!wasRun.value && poll(&ours, 1, 0) == 1)
        #expect(!loop.runReady())
        #expect(wasRun.value && poll(&ours, 1, 0) == 0)
    }

    @Test func `output queued by a flusher makes the descriptor readable`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var flushes = 0
        loop.addFlusher {
            flushes += 1
            if flushes == 1 { loop.flushSoon() }
        }
        var ours = pollfd(fd: loop.pollDescriptor, events: Int16(POLLIN), revents: 0)
        #expect(loop.runReady())
        #expect(poll(&ours, 1, 0) == 1)
        #expect(!loop.runReady())
        #expect(poll(&ours, 1, 0) == 0)
        #expect(flushes == 2)
    }

    @Test func `a dispatch source drives the loop on a queue`() throws {
        let host = DispatchHost()
        let pair = try SocketPair()
        let wasReached = Shared<Set<String>>([])
        let isDone = DispatchSemaphore(value: 0)
        @Sendable func reach(_ what: String) {
            wasReached.change { $0.insert(what) }
            if wasReached.value.count == 5 { isDone.signal() }
        }
        let pool = try WorkerPool(threads: 1)
        defer {
            pool.stop()
            pool.join()
        }
        try host.start { loop in
            loop.addTimer(after: .milliseconds(5)) { reach("timer") }
            send("x", to: pair.far.number)
            _ = try loop.watch(pair.near.number, .read) { _ in
                reach("descriptor")
                return .stop
            }
            try pool.run(on: loop) { _ in
                1
            } then: { _ in
                reach("worker")
            }
            var events = ChildEvents()
            events.onExit = { _ in reach("child") }
            _ = try Child.spawn(shell("exit 0"), on: loop, events)
            // Whichever thread of the queue's pool this may be.
            let handle = loop.handle
            DispatchQueue.global().async { handle.post { _ in reach("post") } }
        }
        #expect(isDone.wait(timeout: .now() + 20) == .success, "\(wasReached.value)")
        let turns = host.stop()
        #expect(turns < 60)
    }
}

/// A loop that lives on a dispatch queue: the recipe of the documentation.
private final class DispatchHost: @unchecked Sendable {
    // SAFETY: everything but the queue is used on the queue only.
    private let queue = DispatchQueue(label: "host")
    private var loop: EventLoop?
    private var readable: (any DispatchSourceRead)?
    private var alarm: (any DispatchSourceTimer)?

    func start(_ setup: (EventLoop) throws -> Void) throws {
        try queue.sync {
            let loop = try EventLoop()
            self.loop = loop
            try setup(loop)
            readable = DispatchSource.makeReadSource(
                fileDescriptor: loop.pollDescriptor, queue: queue)
            alarm = DispatchSource.makeTimerSource(queue: queue)
            readable?.setEventHandler { [unowned self] in turn() }
            alarm?.setEventHandler { [unowned self] in turn() }
            turn()
            readable?.activate()
            alarm?.activate()
        }
    }

    private func turn() {
        guard let loop else { return }
        loop.runReady()
        let wait = loop.pollMilliseconds
        alarm?.schedule(deadline: wait < 0 ? .distantFuture : .now() + .milliseconds(Int(wait)))
    }

    func stop() -> UInt64 {
        queue.sync {
            readable?.cancel()
            alarm?.cancel()
            let turns = loop?.statistics.turns ?? 0
            loop?.close()
            loop = nil
            return turns
        }
    }
}
