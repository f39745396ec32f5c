// UpstreamBreaker: a table of its life, without a clock of its own.

import Dispatch
import Synchronization
import Testing

@testable import Gateway

@Suite struct `Upstream breaker` {
    private static let second: UInt64 = 1_000_000_000

    private func breaker(failures: Int = 3) -> UpstreamBreaker {
        var settings = Settings.UpstreamModule.Breaker()
        settings.failures = failures
        settings.pause = .seconds(1)
        settings.maxPause = .seconds(3)
        return UpstreamBreaker(settings)
    }

    @Test func `only failures in a row open it`() {
        let breaker = breaker()
        for _ in 1...10 {
            _ = breaker.failed(now: 0, random: 1)
            _ = breaker.failed(now: 0, random: 1)
            _ = breaker.succeeded()
        }
        #expect(breaker.state == .closed && breaker.admit(now: 0) == .call)
        for _ in 1...3 { _ = breaker.failed(now: 0, random: 1) }
        #expect(breaker.state == .open)
        #expect(breaker.admit(now: 0) == .refused(leftNanos: Self.second))
    }

    @Test func `after the pause one call tries, and the others wait for it`() {
        let breaker = breaker(failures: 1)
        _ = breaker.failed(now: 0, random: 1)
        #expect(breaker.admit(now: Self.second - 1) == .refused(leftNanos: 1))
        #expect(breaker.admit(now: Self.second) == .probe && breaker.state == .halfOpen)
        #expect(breaker.admit(now: Self.second) == .refused(leftNanos: 0))
        _ = breaker.succeeded()
        #expect(breaker.admit(now: Self.second) == .call)
    }

    @Test func `each failed try makes the pause longer, up to the limit, until one succeeds`() {
        let breaker = breaker(failures: 1)
        var now: UInt64 = 0
        for pause in [1, 2, 3, 3] as [UInt64] {
            _ = breaker.failed(now: now, random: 1)
            #expect(breaker.admit(now: now) == .refused(leftNanos: pause * Self.second))
            now += pause * Self.second
            #expect(breaker.admit(now: now) == .probe)
        }
        _ = breaker.succeeded()
        _ = breaker.failed(now: now, random: 1)
        #expect(breaker.admit(now: now) == .refused(leftNanos: Self.second))
    }

    @Test func `a try that came to nothing lets the next one try`() {
        let breaker = breaker(failures: 1)
        _ = breaker.failed(now: 0, random: 0)
        #expect(breaker.admit(now: Self.second) == .probe)
        breaker.released()
        #expect(breaker.admit(now: Self.second) == .probe)
    }

    @Test func `calls that were under way when it opened do not make the pause longer`() {
        let breaker = breaker(failures: 1)
        for _ in 1...100 { _ = breaker.failed(now: 0, random: 1) }
        #expect(breaker.admit(now: 0) == .refused(leftNanos: Self.second))
    }

    @Test func `the one who opens or closes it is told so, and nobody else`() {
        let breaker = breaker(failures: 2)
        #expect(!breaker.failed(now: 0, random: 1) && !breaker.succeeded())
        #expect(!breaker.failed(now: 0, random: 1) && breaker.failed(now: 0, random: 1))
        #expect(!breaker.failed(now: 0, random: 1))
        #expect(breaker.admit(now: Self.second) == .probe)
        #expect(!breaker.failed(now: Self.second, random: 1))
        #expect(breaker.succeeded() && !breaker.succeeded())
    }

    @Test func `of many threads one opens it, one tries, and one closes it`() throws {
        let count = 4
        let breaker = breaker(failures: 40)
        let opened = Atomic(0)
        let probes = Atomic(0)
        let closed = Atomic(0)
        for round in 1...100 as ClosedRange<UInt64> {
            DispatchQueue.concurrentPerform(iterations: count) { _ in
                for _ in 0..<20 where breaker.failed(now: round * 8 * Self.second, random: 1) {
                    opened.wrappingAdd(1, ordering: .relaxed)
                }
            }
            DispatchQueue.concurrentPerform(iterations: count) { _ in
                if breaker.admit(now: (round * 8 + 4) * Self.second) == .probe {
                    probes.wrappingAdd(1, ordering: .relaxed)
                }
            }
            DispatchQueue.concurrentPerform(iterations: count) { _ in
                if breaker.succeeded() { closed.wrappingAdd(1, ordering: .relaxed) }
            }
        }
        #expect(opened.load(ordering: .relaxed) == 100)
        #expect(probes.load(ordering: .relaxed) == 100)
        #expect(closed.load(ordering: .relaxed) == 100)
    }

    @Test(arguments: [0, 0.5, 0.999])
    func `pauses are drawn from their last quarter`(random: Double) {
        let breaker = breaker(failures: 1)
        _ = breaker.failed(now: 0, random: random)
        guard case .refused(let left) = breaker.admit(now: 0) else {
            Issue.record("it is not open")
            return
        }
        #expect((Self.second / 4 * 3...Self.second).contains(left))
    }
}
