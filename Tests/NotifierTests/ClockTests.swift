import Notifier
import Testing

@Suite struct ClockTests {
    @Test func `the system's monotonic clock does not run backwards`() {
        let clock = SystemClock()
        var last = clock.monotonicNanos()
        for _ in 0..<1000 {
            let next = clock.monotonicNanos()
            #expect(next >= last)
            last = next
        }
        // Later than November 2023.
        #expect(clock.wallNanos() > 1_700_000_000_000_000_000)
    }

    @Test func `a manual clock moves only when told to`() {
        let clock = ManualClock(wallSeconds: 100)
        clock.advance(by: .milliseconds(1500))
        #expect(clock.monotonicNanos() == 1_500_000_000)
        #expect(clock.wallNanos() == 101_500_000_000)
        clock.jumpWall(by: .seconds(-50))
        #expect(clock.monotonicNanos() == 1_500_000_000)
        #expect(clock.wallNanos() == 51_500_000_000)
    }

    @Test(
        arguments: [
            (.zero, 0), (.nanoseconds(1), 1), (.milliseconds(-1), -1_000_000),
            (.seconds(Int64.max), Int64.max), (.seconds(Int64.min), Int64.min),
            (.seconds(9_223_372_036) + .nanoseconds(854_775_807), Int64.max),
            (.seconds(9_223_372_036) + .nanoseconds(854_775_808), Int64.max),
        ] as [(Duration, Int64)])
    func `durations become nanoseconds, clamped`(duration: Duration, nanos: Int64) {
        #expect(duration.nanoseconds == nanos)
    }
}
