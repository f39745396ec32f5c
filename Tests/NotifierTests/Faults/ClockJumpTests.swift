// Clocks that jump: the monotonic scale by years, as after a suspended machine, to its very end; the
// wall clock in both directions, which no timer may notice.

import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(1)))
struct ClockJumpTests {
    private let clock = ManualClock()
    private static let year = Duration.seconds(365 * 24 * 3600)

    @Test func `after a jump of ten years a periodic timer fires once and keeps its grid`() throws {
        let loop = try EventLoop(clock: clock)
        var calls = 0
        let token = loop.addTimer(every: .milliseconds(7)) {
            calls += 1
            return .keep
        }
        clock.advance(by: Self.year * 10)
        loop.spin(5)
        #expect(calls == 1)
        let next = try #require(loop.deadline(of: token))
        #expect(next % 7_000_000 == 0)
        #expect(next > loop.now && next - loop.now <= 7_000_000)
    }

    @Test func `after a jump everything that was due fires in deadline order`() throws {
        let loop = try EventLoop(clock: clock)
        var order: [Int] = []
        for days in [300, 1, 2, 3000, 40] {
            loop.addTimer(after: .seconds(days * 24 * 3600)) { order.append(days) }
        }
        clock.advance(by: Self.year)
        loop.step(sleep: false)
        #expect(order == [1, 2, 40, 300])
        clock.advance(by: Self.year * 9)
        loop.step(sleep: false)
        #expect(order.last == 3000)
        #expect(loop.timerCount == 0)
    }

    @Test func `at the end of the scale nothing traps and nothing fires early`() throws {
        let loop = try EventLoop(clock: clock)
        let sweep = IdleSweep()
        loop.addIdleSweep(sweep)
        // Twice 292 years: 2^64 - 2 ns.
        for _ in 0..<2 {
            clock.advance(by: .nanoseconds(Int64.max))
            sweep.arm(3, ticks: 5)
            loop.step(sleep: false)
        }
        var calls = 0
        let late = loop.addTimer(after: Self.year) { calls += 1 }
        loop.addTimer(every: Self.year) {
            calls += 1
            return .keep
        }
        loop.addDispatcher { .stop }
        loop.spin(3)
        #expect(calls == 0)
        #expect(loop.deadline(of: late) == .max)
        loop.rearmTimer(late, after: .zero)
        loop.step(sleep: false)
        #expect(calls == 1)
    }

    @Test(arguments: [Duration.seconds(-1_000_000_000), .seconds(-1), .seconds(1_000_000_000)])
    func `the wall clock may jump without firing, delaying or repeating a timer`(jump: Duration)
        throws
    {
        let loop = try EventLoop(clock: clock)
        var calls = 0
        loop.addTimer(every: .milliseconds(10)) {
            calls += 1
            return .keep
        }
        for tick in 1...5 {
            clock.advance(by: .milliseconds(10))
            clock.jumpWall(by: jump)
            loop.spin(3)
            #expect(calls == tick)
        }
    }
}
