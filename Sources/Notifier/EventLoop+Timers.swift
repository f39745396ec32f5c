// EventLoop+Timers: adding, moving and removing timers. Deadlines are kept in nanoseconds of the
// loop's clock; when they fire is said in EventLoop.swift.

extension EventLoop {
    /// Number of pending timers.
    public var timerCount: Int { timers.count }

    private func deadline(after delay: Duration) -> UInt64 {
        let present = max(clock.monotonicNanos(), now)
        let (sum, overflow) = present.addingReportingOverflow(UInt64(max(delay.nanoseconds, 0)))
        return overflow ? .max : sum
    }

    /// Calls `action` once, `delay` from now; a negative delay counts as zero.
    @discardableResult
    public func addTimer(after delay: Duration, _ action: @escaping () -> Void) -> TimerToken {
        timers.add(deadline: deadline(after: delay), intervalNanos: 0) {
            action()
            return .stop
        }
    }

    /// Calls `action` every `interval` (at least 1 ns) on the grid that starts now, until it
    /// returns `.stop`.
    ///
    /// Ticks that were missed merge into one.
    @discardableResult
    public func addTimer(
        every interval: Duration, _ action: @escaping () -> Disposition
    ) -> TimerToken {
        let nanos = UInt64(max(interval.nanoseconds, 1))
        return timers.add(
            deadline: deadline(after: interval), intervalNanos: nanos, action)
    }

    /// Calls `action` once when the monotonic clock shows `nanos`; at once if that is past.
    @discardableResult
    public func addTimer(at nanos: UInt64, _ action: @escaping () -> Void) -> TimerToken {
        timers.add(deadline: max(nanos, now), intervalNanos: 0) {
            action()
            return .stop
        }
    }

    /// Removes a timer; it will not fire, even if it is due in this very turn.
    ///
    /// - Returns: whether it was pending or running.
    @discardableResult
    public func removeTimer(_ token: TimerToken) -> Bool {
        timers.remove(token)
    }

    /// Moves a pending timer to `delay` from now.
    ///
    /// - Returns: whether it was pending or running.
    @discardableResult
    public func rearmTimer(_ token: TimerToken, after delay: Duration) -> Bool {
        timers.move(token, to: deadline(after: delay))
    }

    /// The deadline of a timer in monotonic nanoseconds.
    public func deadline(of token: TimerToken) -> UInt64? {
        timers.deadline(token)
    }
}
