import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(1)))
struct GuardedTests {
    @Test func `threads that contend for a value lose no change`() throws {
        final class Counter: Sendable {
            let count = Guarded(0)
        }
        let counter = Counter()
        let threads = try (0..<4).map { _ in
            try LoopThread(name: "adder") { loop in
                loop.addTimer(after: .zero) {
                    for _ in 0..<20_000 { counter.count.withLock { $0 += 1 } }
                }
            }
        }
        let loop = try EventLoop()
        let isDone = loop.run(
            until: { counter.count.withLock { $0 } == 80_000 }, polling: .milliseconds(1),
            limit: .seconds(20))
        #expect(isDone)
        for thread in threads { thread.stop() }
        for thread in threads { thread.join() }
    }

    @Test func `an error leaves the value free for others`() {
        struct Failure: Error {}
        let value = Guarded(1)
        #expect(throws: Failure.self) { try value.withLock { _ in throw Failure() } }
        #expect(value.withLock { $0 } == 1)
    }
}
