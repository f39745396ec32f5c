// Section 4 of the inventory (timers) and lines 1, 4, 8, 12 and 17 of its change log, as far as
// they are not shown elsewhere; see PARITY.md.

import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct TimerParityTests {
    private let clock = ManualClock()

    @Test func `a stall of 75 ms with a timer of 20 ms gives 20, 95, 100, 120`() throws {
        let loop = try EventLoop(clock: clock)
        var fired: [UInt64] = []
        loop.addTimer(every: .milliseconds(20)) { [clock] in
            fired.append(clock.monotonicNanos() / 1_000_000)
            if fired.count == 1 { clock.advance(by: .milliseconds(75)) }
            return .keep
        }
        while fired.count < 4 {
            loop.step(sleep: false)
            loop.step(sleep: false)
            clock.advance(by: .milliseconds(1))
        }
        #expect(fired == [20, 95, 100, 120])
    }

    @Test func `the first deadline is now plus the interval, not the interval's grid from zero`()
        throws
    {
        let loop = try EventLoop(clock: clock)
        clock.advance(by: .milliseconds(7))
        let token = loop.addTimer(every: .milliseconds(20)) { .keep }
        #expect(loop.deadline(of: token) == 27_000_000)
    }

    @Test func `what a callback takes does not move the grid`() throws {
        let loop = try EventLoop(clock: clock)
        let token = loop.addTimer(every: .milliseconds(20)) { [clock] in
            clock.advance(by: .milliseconds(13))
            return .keep
        }
        clock.advance(by: .milliseconds(20))
        loop.step(sleep: false)
        #expect(loop.deadline(of: token) == 40_000_000)
    }

    @Test func `one timer that ends does not end the loop's other timers`() throws {
        let loop = try EventLoop(clock: clock)
        var calls = 0
        loop.addTimer(every: .milliseconds(1)) { .stop }
        loop.addTimer(every: .milliseconds(1)) {
            calls += 1
            return .keep
        }
        for _ in 0..<5 {
            clock.advance(by: .milliseconds(1))
            loop.step(sleep: false)
        }
        #expect(calls == 5)
        #expect(loop.timerCount == 1)
    }

    @Test func `timers may add and remove others while they are gone through`() throws {
        let loop = try EventLoop(clock: clock)
        var tokens: [TimerToken] = []
        var calls = 0
        for _ in 0..<50 {
            tokens.append(
                loop.addTimer(every: .milliseconds(1)) { [tokens] in
                    calls += 1
                    for token in tokens.suffix(3) { loop.removeTimer(token) }
                    loop.addTimer(after: .milliseconds(1)) { calls += 1 }
                    return .keep
                })
        }
        for _ in 0..<5 {
            clock.advance(by: .milliseconds(1))
            loop.step(sleep: false)
        }
        #expect(calls > 50)
    }

    @Test func `a timer that re-arms itself is not entered by a nested step`() throws {
        let loop = try EventLoop(clock: clock)
        var depth = 0
        var deepest = 0
        var calls = 0
        var token: TimerToken?
        token = loop.addTimer(after: .zero) {
            calls += 1
            depth += 1
            deepest = max(deepest, depth)
            if let token { loop.rearmTimer(token, after: .zero) }
            if depth < 4 { loop.spin(2) }
            depth -= 1
        }
        loop.step(sleep: false)
        #expect(deepest == 1)
        #expect(calls == 1)
        loop.step(sleep: false)
        #expect(calls == 2)
    }

    @Test func `a periodic timer that says stop ends although it has re-armed itself`() throws {
        let loop = try EventLoop(clock: clock)
        var calls = 0
        var token: TimerToken?
        token = loop.addTimer(every: .milliseconds(1)) {
            calls += 1
            if let token { loop.rearmTimer(token, after: .zero) }
            return .stop
        }
        for _ in 0..<3 {
            clock.advance(by: .milliseconds(1))
            loop.step(sleep: false)
        }
        #expect(calls == 1)
        #expect(loop.timerCount == 0)
    }
}
