// AsyncTime: time for tasks, by the timers of a loop: sleeping, and ticks on a grid.

extension LoopHandle {
    /// Suspends the calling task for at least `duration`, by a timer of the loop.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled, or if the loop has ended.
    public func sleep(
        for duration: Duration, name: StaticString = #fileID, line: UInt32 = #line
    ) async throws(CancellationError) {
        let name = CallbackName(.timer, name, line: line)
        let woken: Bool? = await wait(name) { loop, settle in
            let timer = loop.addTimer(after: duration, name) { settle(true) }
            return { [unowned loop] in loop.removeTimer(timer) }
        }
        if woken == nil { throw CancellationError() }
    }

    /// Suspends the calling task until the loop's clock shows `nanos`; not at all if that is past.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled, or if the loop has ended.
    public func sleep(
        until nanos: UInt64, name: StaticString = #fileID, line: UInt32 = #line
    ) async throws(CancellationError) {
        let name = CallbackName(.timer, name, line: line)
        let woken: Bool? = await wait(name) { loop, settle in
            let timer = loop.addTimer(at: max(nanos, loop.now), name) { settle(true) }
            return { [unowned loop] in loop.removeTimer(timer) }
        }
        if woken == nil { throw CancellationError() }
    }

    /// Ticks every `interval` (at least 1 ns), on a grid that starts when the first is asked for.
    ///
    /// The timer exists only while a task waits for the next tick. Ticks that were missed merge
    /// into one.
    public func ticks(
        every interval: Duration, name: StaticString = #fileID, line: UInt32 = #line
    ) -> LoopTicks {
        LoopTicks(
            handle: self, intervalNanos: UInt64(max(interval.nanoseconds, 1)),
            name: CallbackName(.timer, name, line: line))
    }
}

extension EventLoop {
    /// Suspends the calling task for at least `duration`, by a timer of this loop.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled, or if the loop has ended.
    public func sleep(
        for duration: Duration, name: StaticString = #fileID, line: UInt32 = #line
    ) async throws(CancellationError) {
        try await handle.sleep(for: duration, name: name, line: line)
    }

    /// Suspends the calling task until the loop's clock shows `nanos`; not at all if that is past.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled, or if the loop has ended.
    public func sleep(
        until nanos: UInt64, name: StaticString = #fileID, line: UInt32 = #line
    ) async throws(CancellationError) {
        try await handle.sleep(until: nanos, name: name, line: line)
    }
}

/// Ticks on a grid: the numbers 1, 2, 3 …, with gaps where ticks were missed.
///
/// Any thread. Ends when the iterating task is cancelled or the loop ends.
public struct LoopTicks: AsyncSequence, Sendable {
    let handle: LoopHandle
    let intervalNanos: UInt64
    let name: CallbackName

    /// Starts at tick 1.
    public func makeAsyncIterator() -> Iterator { Iterator(ticks: self) }

    /// Where a task stands in the grid.
    public struct Iterator: AsyncIteratorProtocol {
        private let ticks: LoopTicks
        private var start: UInt64?
        private var last: UInt64 = 0

        fileprivate init(ticks: LoopTicks) { self.ticks = ticks }

        /// Waits for the next tick and returns its number; nil when there will be no more.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(Never) -> UInt64? {
            let (known, wanted) = (start, last &+ 1)
            let (interval, name) = (ticks.intervalNanos, ticks.name)
            let tick: (start: UInt64, number: UInt64)? = await ticks.handle.wait(name) {
                loop, settle in
                let start = known ?? Swift.max(loop.clock.monotonicNanos(), loop.now)
                let (span, overflow) = wanted.multipliedReportingOverflow(by: interval)
                let (deadline, carry) = start.addingReportingOverflow(span)
                let due = overflow || carry ? UInt64.max : deadline
                let timer = loop.addTimer(at: Swift.max(due, loop.now), name) { [unowned loop] in
                    // Rounded down: the tick that is due now, not one to come.
                    settle((start, Swift.max(wanted, (loop.now &- start) / interval)))
                }
                return { [unowned loop] in loop.removeTimer(timer) }
            }
            guard let tick else { return nil }
            start = tick.start
            last = tick.number
            return tick.number
        }
    }
}
