// Clock: where a loop takes its time from. The system clock in service, a manual one in tests.
//
// Two scales: monotonic nanoseconds drive every deadline; wall nanoseconds since 1970 are for
// people, dates and calendars, and may jump.

internal import CLinux
internal import Glibc

/// A source of time for a loop.
public protocol Clock: AnyObject {
    /// Monotonic nanoseconds from an arbitrary start; never runs backwards.
    func monotonicNanos() -> UInt64

    /// Nanoseconds since 1970-01-01 UTC; may jump in either direction.
    func wallNanos() -> Int64
}

/// The system's clocks (CLOCK_MONOTONIC and CLOCK_REALTIME).
public final class SystemClock: Clock {
    /// Makes a clock.
    public init() {}

    /// Monotonic nanoseconds; the vDSO answers in about 20 ns without a system call.
    public func monotonicNanos() -> UInt64 {
        clinux_monotonic_nanos()
    }

    /// Nanoseconds since 1970.
    public func wallNanos() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

/// A clock that stands still until a test moves it.
public final class ManualClock: Clock {
    private var monotonic: UInt64
    private var wall: Int64

    /// Makes a clock that shows `wallSeconds` since 1970 and starts its monotonic scale at zero.
    public init(wallSeconds: Int64 = 0) {
        monotonic = 0
        wall = wallSeconds &* 1_000_000_000
    }

    /// The monotonic scale.
    public func monotonicNanos() -> UInt64 { monotonic }

    /// The wall scale.
    public func wallNanos() -> Int64 { wall }

    /// Moves both scales forward.
    public func advance(by duration: Duration) {
        let nanos = duration.nanoseconds
        monotonic &+= UInt64(max(nanos, 0))
        wall &+= nanos
    }

    /// Moves the wall scale alone, as an operator or NTP does.
    public func jumpWall(by duration: Duration) {
        wall &+= duration.nanoseconds
    }
}

extension Duration {
    /// Whole nanoseconds, clamped to what an `Int64` holds (292 years).
    @inlinable public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carry) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carry ? (seconds < 0 ? .min : .max) : sum
    }
}
