@testable import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
final class EventLoopTimersTests {
    private let clock = ManualClock()
    private let loop: EventLoop

    init() throws {
        loop = try EventLoop(clock: clock)
    }

    deinit { loop.close() }

    private func advance(_ milliseconds: Int) {
        clock.advance(by: .milliseconds(milliseconds))
        loop.step(sleep: false)
    }

    @Test func `a periodic timer fires first after its interval and then on the grid`() {
        var fired: [UInt64] = []
        loop.addTimer(every: .milliseconds(20)) { [unowned self] in
            fired.append(loop.now / 1_000_000)
            return .keep
        }
        for _ in 0..<5 { advance(10) }
        #expect(fired == [20, 40])
        // A stall of 55 ms misses two ticks, which merge; the grid stays.
        advance(55)
        advance(14)
        advance(1)
        #expect(fired == [20, 40, 105, 120])
    }

    @Test func `stop ends a periodic timer`() {
        var calls = 0
        let token = loop.addTimer(every: .milliseconds(1)) {
            calls += 1
            return .stop
        }
        advance(1)
        advance(1)
        #expect(calls == 1)
        #expect(!loop.removeTimer(token))
        #expect(loop.timerCount == 0)
    }

    @Test func `due timers fire in deadline order, not in the order they were added`() {
        var order: [Int] = []
        for delay in [30, 10, 20] {
            loop.addTimer(after: .milliseconds(delay)) { order.append(delay) }
        }
        advance(50)
        #expect(order == [10, 20, 30])
    }

    @Test func `a timer added by a timer waits for the next turn`() {
        var inner = 0
        loop.addTimer(after: .zero) { [unowned self] in
            loop.addTimer(after: .zero) { inner += 1 }
        }
        loop.step(sleep: false)
        #expect(inner == 0)
        loop.step(sleep: false)
        #expect(inner == 1)
    }

    @Test func `a timer removed by an earlier one of the same turn does not fire`() {
        var calls = 0
        var tokens: [TimerToken] = []
        for _ in 0..<2 {
            tokens.append(
                loop.addTimer(after: .zero) { [unowned self] in
                    calls += 1
                    for token in tokens { loop.removeTimer(token) }
                })
        }
        loop.step(sleep: false)
        #expect(calls == 1)
    }

    @Test func `a timer that removes itself stays removed although it says keep`() {
        var calls = 0
        var token: TimerToken?
        token = loop.addTimer(every: .milliseconds(1)) { [unowned self] in
            calls += 1
            if let token { loop.removeTimer(token) }
            return .keep
        }
        advance(1)
        advance(5)
        #expect(calls == 1)
        #expect(loop.timerCount == 0)
    }

    @Test func `removing a timer that is gone is harmless`() {
        let token = loop.addTimer(after: .zero) {}
        #expect(loop.removeTimer(token))
        #expect(!loop.removeTimer(token))
    }

    @Test func `a timer of no interval fires once per turn and starves nobody`() throws {
        let pipe = try Pipe()
        var ticks = 0
        var reads = 0
        loop.addTimer(every: .zero) { [unowned self] in
            ticks += 1
            clock.advance(by: .nanoseconds(1))
            return .keep
        }
        _ = try loop.watch(pipe.read.number, .read) { _ in
            reads += 1
            return .keep
        }
        send("x", to: pipe.write.number)
        clock.advance(by: .nanoseconds(1))
        loop.spin(4)
        #expect(ticks == 4)
        #expect(reads == 4)
    }

    @Test func `a negative interval neither hangs nor fires in the past`() {
        var calls = 0
        loop.addTimer(every: .seconds(-5)) {
            calls += 1
            return .keep
        }
        loop.addTimer(after: .seconds(-5)) { calls += 1 }
        advance(1)
        #expect(calls == 2)
    }

    @Test func `intervals of years are kept`() {
        let token = loop.addTimer(after: .seconds(100 * 365 * 86400)) {}
        #expect(loop.deadline(of: token) == 3_153_600_000_000_000_000)
        let endless = loop.addTimer(after: .seconds(Int64.max)) {}
        #expect(loop.deadline(of: endless) != nil)
        advance(1)
        #expect(loop.timerCount == 2)
    }

    @Test func `a deadline of 25 days does not make the loop spin`() throws {
        let loop = try EventLoop()
        loop.addTimer(after: .seconds(25 * 86400)) {}
        #expect(loop.turns(within: .milliseconds(30)) <= 2)
    }

    @Test func `an absolute timer in the past fires in the next turn`() {
        advance(10)
        var fired: UInt64?
        loop.addTimer(at: 1) { [loop] in fired = loop.now }
        loop.step(sleep: false)
        #expect(fired == 10_000_000)
    }

    @Test func `a re-armed timer forgets its old deadline`() {
        var calls = 0
        let token = loop.addTimer(after: .milliseconds(10)) { calls += 1 }
        advance(5)
        #expect(loop.rearmTimer(token, after: .milliseconds(10)))
        advance(9)
        #expect(calls == 0)
        advance(1)
        #expect(calls == 1)
        #expect(!loop.rearmTimer(token, after: .zero))
    }

    @Test func `a running timer may re-arm itself`() {
        var calls = 0
        var token: TimerToken?
        token = loop.addTimer(after: .milliseconds(1)) { [unowned self] in
            calls += 1
            if let token, calls == 1 { loop.rearmTimer(token, after: .milliseconds(7)) }
        }
        advance(1)
        advance(6)
        #expect(calls == 1)
        advance(1)
        #expect(calls == 2)
    }

    @Test func `the wall clock may jump without moving a timer`() {
        var calls = 0
        loop.addTimer(after: .milliseconds(10)) { calls += 1 }
        clock.jumpWall(by: .seconds(86400))
        loop.step(sleep: false)
        #expect(calls == 0)
        clock.jumpWall(by: .seconds(-2 * 86400))
        advance(10)
        #expect(calls == 1)
    }

    @Test func `lateness is counted by powers of two`() {
        loop.addTimer(after: .zero) {}
        loop.addTimer(after: .milliseconds(1)) {}
        advance(1)
        #expect(loop.statistics.timers == 2)
        #expect(loop.statistics.lateness[0] == 1)
        // 1000 µs lie below 2^10.
        #expect(loop.statistics.lateness[10] == 1)
    }

    @Test func `lateness has quantiles by the bounds of its buckets`() {
        var statistics = LoopStatistics()
        #expect(statistics.lateness(ofShare: 0.5) == nil)
        for _ in 0..<99 { statistics.noteTimer(lateNanos: 3_000) }
        statistics.noteTimer(lateNanos: 900_000)
        #expect(statistics.lateness(ofShare: 0.5) == .microseconds(4))
        #expect(statistics.lateness(ofShare: 0.99) == .microseconds(4))
        #expect(statistics.lateness(ofShare: 1) == .microseconds(1024))
        statistics.noteTimer(lateNanos: .max)
        #expect(statistics.lateness(ofShare: 1) == nil)
    }
}
