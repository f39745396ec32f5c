// EventLoop+Embedding: a loop that somebody else's loop drives: one descriptor to wait for, one time
// to wait until, one function to call then.

internal import CLinux

extension EventLoop {
    /// A descriptor that becomes readable when something waits: a watched descriptor is ready, or
    /// mail has come.
    ///
    /// Readable is all that a host may watch it for; it must neither read nor close it. Of timers it
    /// knows nothing: see `nextDeadline`.
    public var pollDescriptor: Int32 { poller.number }

    /// When `runReady` must be called at the latest, in nanoseconds of the loop's clock: in the past
    /// if work waits already, nil if nothing but the descriptor can bring any.
    ///
    /// It changes when the loop is turned, and when it is given something to do in between.
    public var nextDeadline: UInt64? {
        let deadline = earliestDeadline
        return deadline == .max ? nil : deadline
    }

    /// As `nextDeadline`, `.max` for none.
    @inline(__always)
    private var earliestDeadline: UInt64 {
        if handle.hasPendingMail || skipsSleep || hasToFlush { return 0 }
        var deadline = min(timers.earliest ?? .max, sweepTime.words.pointee.nextDeadline)
        if dispatchers.keepsAwake { deadline = min(deadline, now &+ DispatcherList.awakeNanos) }
        return deadline
    }

    /// How long a host may sleep, in the milliseconds of poll(2) and epoll_wait(2): -1 without end,
    /// 0 if work waits, else until `nextDeadline`, rounded up.
    public var pollMilliseconds: Int32 {
        let deadline = earliestDeadline
        if deadline == .max { return -1 }
        // The clock is asked again: callbacks of the last turn took time since `now`.
        let present = presentNanos()
        return deadline <= present ? 0 : Poller.timeout(nanos: deadline - present)
    }

    /// Does what can be done now, in one turn that does not sleep.
    ///
    /// The host calls it on the thread or serial queue it uses the loop from, when `pollDescriptor`
    /// is readable or `nextDeadline` has come, whichever is first, and asks for `nextDeadline` anew
    /// afterwards. If work is left over, the descriptor is readable again.
    ///
    /// - Returns: whether work is left over.
    @discardableResult
    public func runReady() -> Bool {
        step(sleep: false)
        let isLeft = handle.hasPendingMail || hasToFlush
        // Mail has rung by itself when the step was left.
        if hasToFlush { handle.wake() }
        return isLeft
    }
}
