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
    ///
    /// - Parameters:
    ///   - delay: from now; what exceeds 292 years is 292 years.
    ///   - name: of the callback in reports; by default where it was registered.
    ///   - line: goes with the default of `name`.
    ///   - action: may throw; what then happens is the loop's `failurePolicy`.
    @discardableResult
    public func addTimer(
        after delay: Duration, name: StaticString = #fileID, line: UInt32 = #line,
        _ action: @escaping () throws -> Void
    ) -> TimerToken {
        addTimer(at: deadline(after: delay), CallbackName(.timer, name, line: line), action)
    }

    /// Calls `action` every `interval` (at least 1 ns) on the grid that starts now, until it
    /// returns `.stop`.
    ///
    /// Ticks that were missed merge into one. `name` and `action` are as in `addTimer(after:)`.
    @discardableResult
    public func addTimer(
        every interval: Duration, name: StaticString = #fileID, line: UInt32 = #line,
        _ action: @escaping () throws -> Disposition
    ) -> TimerToken {
        let nanos = UInt64(max(interval.nanoseconds, 1))
        return timers.add(
            deadline: deadline(after: interval), intervalNanos: nanos,
            CallbackName(.timer, name, line: line), action)
    }

    /// Calls `action` once when the monotonic clock shows `nanos`; at once if that is past.
    ///
    /// `name` and `action` are as in `addTimer(after:)`.
    @discardableResult
    public func addTimer(
        at nanos: UInt64, name: StaticString = #fileID, line: UInt32 = #line,
        _ action: @escaping () throws -> Void
    ) -> TimerToken {
        addTimer(at: max(nanos, now), CallbackName(.timer, name, line: line), action)
    }

    /// Adds a timer under a name that the caller has from somebody else.
    @discardableResult
    func addTimer(
        at deadline: UInt64, _ name: CallbackName, _ action: @escaping () throws -> Void
    ) -> TimerToken {
        timers.add(deadline: deadline, name, once: action)
    }

    /// Adds a timer under a name that the caller has from somebody else.
    @discardableResult
    func addTimer(
        after delay: Duration, _ name: CallbackName, _ action: @escaping () throws -> Void
    ) -> TimerToken {
        addTimer(at: deadline(after: delay), name, action)
    }

    /// Removes a timer; it will not fire, even if it is due in this very turn.
    ///
    /// - Returns: whether it was pending or running.
    @discardableResult
    public func removeTimer(_ token: TimerToken) -> Bool {
        let removed = timers.take(token)
        return withExtendedLifetime(removed) { removed != nil }
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
