// EventLoop: the turn. Descriptors, timers, mail and dispatchers of one thread, phases in order.
//
//     mail → poll → timers → descriptors → idle sweeps → dispatchers → flushers
//
// Everything that hangs off a loop is confined to the thread that runs it; other threads reach it
// through its LoopHandle. Tables live in files of their own; this one only says what happens when.

internal import CLinux
internal import Glibc

/// An event loop over epoll.
///
/// Loop-confined.
public final class EventLoop {
    /// How deep `step` may be called from inside callbacks.
    public static let nestingLimit = 10

    /// The face of this loop for other threads.
    ///
    /// Any thread.
    public let handle: LoopHandle

    /// Where the loop takes its time from.
    public let clock: any Clock

    /// Monotonic nanoseconds, read once per turn, after the wait.
    public var now: UInt64 { time }

    // Other modules read stored properties with the exclusivity check that the attribute spares us.
    @exclusivity(unchecked) private var time: UInt64

    /// What becomes of a callback that throws.
    public var failurePolicy = FailurePolicy.drop

    /// Gets the failures of callbacks, those that `rethrowFailure` throws excepted.
    public var onFailure: (CallbackFailure) -> Void = CallbackFailure.report

    /// What ended the loop's run under the policy `.stop`, until `rethrowFailure` throws it.
    public internal(set) var failure: CallbackFailure?

    @exclusivity(unchecked) var poller: Poller
    @exclusivity(unchecked) var registrations = RegistrationTable()
    @exclusivity(unchecked) var timers = TimerQueue()
    @exclusivity(unchecked) var dispatchers = DispatcherList()
    @exclusivity(unchecked) var sweeps: [(sweep: IdleSweep, name: CallbackName)] = []
    @exclusivity(unchecked) var flushers: ContiguousArray<Unmanaged<Flusher>> = []
    @exclusivity(unchecked) var depth = 0
    @exclusivity(unchecked) private(set) var pollNumber: UInt64 = 0
    /// Number of the poll after which something was unwatched last.
    @exclusivity(unchecked) var lastUnwatch: UInt64 = 0
    @exclusivity(unchecked) var isStopping = false
    @exclusivity(unchecked) var counters = LoopStatistics()
    @exclusivity(unchecked) var failureCount: UInt64 = 0
    @exclusivity(unchecked) var bell: WatchBell?
    @exclusivity(unchecked) var wantsFlush = false
    /// Number of flushers that run on demand and were asked to.
    @exclusivity(unchecked) var dueFlusherCount = 0
    @exclusivity(unchecked) private(set) var skipsSleep = false
    let sweepTime = SweepTime()
    private let usesSystemClock: Bool
    @exclusivity(unchecked) private var mail: [LoopHandle.Letter] = []
    @exclusivity(unchecked) private var nextMail = 0
    @exclusivity(unchecked) var locals: [ObjectIdentifier: any LoopLocal] = [:]
    private let pulse: UnsafeMutablePointer<clinux_pulse>
    private let events: UnsafeMutablePointer<epoll_event>

    /// Opens a loop; the thread that calls `run` or `step` becomes its thread.
    ///
    /// - Parameters:
    ///   - name: what the loop is called in reports.
    ///   - clock: where it takes its time from.
    /// - Throws: `SystemError` if the process has no descriptor left.
    public init(name: String = "loop", clock: any Clock = SystemClock()) throws(SystemError) {
        self.clock = clock
        handle = try LoopHandle(name: name)
        poller = try Poller()
        pulse = handle.pulse.words
        usesSystemClock = clock is SystemClock
        time = clock.monotonicNanos()
        events = .allocate(capacity: Poller.batch)
        handle.bindToCurrentThread()
        handle.setHome(self)
        // Token 0 is the mailbox: slots start at generation 1, so no registration has it.
        try poller.add(handle.wakeNumber, EPOLLIN.rawValue, token: 0)
    }

    deinit {
        handle.setHome(nil)
        _ = handle.close()
        bell?.remove(handle)
        for flusher in flushers { flusher.release() }
        events.deallocate()
    }

    // MARK: Running

    /// Turns until `stop` is called; returns at once if that has happened already.
    ///
    /// Under the policy `.stop` a callback that throws ends it too: `rethrowFailure` tells.
    public func run() {
        let visit = enter()
        defer { leave(visit) }
        while !isStopping { turn(sleep: true, dispatchers: true) }
        // Inside a callback a `stop` is meant for the outer `run` as well.
        if depth == 0 { isStopping = false }
    }

    /// Turns until `condition` holds, `stop` is called or `limit` has passed.
    ///
    /// - Returns: whether the condition holds.
    @discardableResult
    public func run(until condition: () -> Bool, limit: Duration) -> Bool {
        let visit = enter()
        defer { leave(visit) }
        let alarm = addTimer(after: limit) {}
        defer {
            removeTimer(alarm)
            if depth == 0 { isStopping = false }
        }
        while !condition() {
            guard !isStopping, timers.contains(alarm) else { return false }
            turn(sleep: true, dispatchers: true)
        }
        return true
    }

    /// Makes one turn; may be called from a callback, up to ten deep.
    ///
    /// - Parameters:
    ///   - sleep: whether to wait for something to happen.
    ///   - dispatchers: whether the end-of-turn functions run.
    public func step(sleep: Bool = true, dispatchers: Bool = true) {
        let visit = enter()
        defer { leave(visit) }
        turn(sleep: sleep, dispatchers: dispatchers)
    }

    /// Ends `run` after the present turn, or the next `run` before its first.
    public func stop() {
        isStopping = true
    }

    /// Ends the loop for good: it refuses mail and lets go of everything registered with it.
    ///
    /// A callback that holds its loop keeps it alive otherwise. Not to be called by a callback; the
    /// loop must not be turned any more.
    public func close() {
        precondition(depth == 0, "a loop was closed by one of its own callbacks")
        let letGo: [Any] = [
            handle.close(), registrations, timers, dispatchers, sweeps, locals, onFailure,
            flushers.map { $0.takeRetainedValue() },
        ]
        handle.setHome(nil)
        bell?.remove(handle)
        bell = nil
        onFailure = CallbackFailure.report
        registrations = RegistrationTable()
        timers = TimerQueue()
        dispatchers = DispatcherList()
        sweeps = []
        flushers = []
        locals = [:]
        // What goes now may still call the loop, and finds it empty.
        withExtendedLifetime(letGo) {}
    }

    /// Whether the present turn was made inside a callback of another one.
    public var isNested: Bool { depth > 1 }

    /// Whether the caller is on the loop's thread.
    public var isOnLoop: Bool { handle.isOnLoop }

    // MARK: The turn

    private func turn(sleep: Bool, dispatchers runsDispatchers: Bool) {
        precondition(depth < Self.nestingLimit, "step() nested more than 10 deep")
        depth += 1
        let outer = runningCallback
        defer {
            depth -= 1
            resume(outer)
        }
        counters.turns &+= 1

        readMail()
        let batch = depth == 1 ? events : .allocate(capacity: Poller.batch)
        defer { if depth > 1 { batch.deallocate() } }
        let count = poll(sleep ? pollMilliseconds : 0, into: batch)
        readClock()
        pollNumber &+= 1
        // Nested steps of the timers count on.
        let present = pollNumber
        fireTimers()
        dispatch(batch, count, present)
        runSweeps()
        if runsDispatchers, dispatchers.count > 0 { runDispatchers() }
        runFlushers()
    }

    @inline(__always)
    private func poll(_ timeout: Int32, into batch: UnsafeMutablePointer<epoll_event>) -> Int {
        // What mail asked for happens in this turn, which does not sleep any more.
        skipsSleep = false
        guard timeout != 0 else { return poller.wait(0, into: batch) }
        counters.sleeps &+= 1
        if bell != nil { clinux_pulse_set_asleep(pulse, 1) }
        defer { wakeWatchdog() }
        return poller.wait(timeout, into: batch)
    }

    @inline(__always)
    private func readClock() {
        time = presentNanos()
        sweepTime.words.pointee.setTime(time)
    }

    /// What the clock shows, which is asked without ceremony if it is the system's.
    @inline(__always)
    func presentNanos() -> UInt64 {
        usesSystemClock ? clinux_monotonic_nanos() : clock.monotonicNanos()
    }

    @inline(__always)
    private func readMail() {
        if handle.hasPendingMail || nextMail < mail.count { openMail() }
    }

    private func openMail() {
        if handle.hasPendingMail {
            let fresh = handle.takeMail()
            if mail.isEmpty { mail = fresh } else { mail += fresh }
        }
        // A job may step the loop: the nested turn then goes on where this one stands, so that the
        // order of posting holds and a job may wait for the effect of one posted after it.
        while nextMail < mail.count {
            let letter = mail[nextMail]
            nextMail += 1
            begin(letter.name)
            do { try letter.job(self) } catch { _ = noteFailure(error) }
            // What a job did (queue output, stop the loop, make a condition true) is acted upon
            // at the end of the turn, so this turn must not sleep.
            skipsSleep = true
        }
        if nextMail > 0 {
            mail = []
            nextMail = 0
        }
    }

    @inline(__always)
    private func fireTimers() {
        if let earliest = timers.earliest, earliest <= now { fireDueTimers() }
    }

    private func fireDueTimers() {
        // Timers added by the callbacks wait for the next turn, even if they are already due.
        let mark = timers.mark
        while let due = timers.takeDue(now, olderThan: mark) {
            counters.noteTimer(lateNanos: now - due.deadline)
            begin(timers.name(of: due))
            let disposition: Disposition
            do { disposition = try due.action() } catch { disposition = noteFailure(error) }
            timers.finish(due, disposition, now)
        }
    }

    // MARK: What is running

    /// Shows that the callback `name` begins.
    @inline(__always)
    func begin(_ name: CallbackName) {
        clinux_pulse_begin(pulse, name.address, name.mark)
    }

    /// Shows that `name` goes on, or the loop itself.
    @inline(__always)
    func resume(_ name: CallbackName?) {
        clinux_pulse_resume(pulse, name?.address ?? 0, name?.mark ?? 0)
    }

    /// The callback that is running, if one is.
    public var runningCallback: CallbackName? {
        CallbackName(address: pulse.pointee.name, mark: pulse.pointee.mark)
    }

    /// Callbacks begun so far, and the longest hold the watchdog saw, in nanoseconds.
    var pulseCounts: (callbacks: UInt64, longest: UInt64) {
        let copy = handle.pulse.read()
        return (copy.count, copy.longest)
    }

    /// Who ran this loop, and which loop this thread ran, before the present visit.
    struct Visit {
        fileprivate let runner: UInt
        fileprivate let pulse: UnsafeMutablePointer<clinux_pulse>?
    }

    /// Begins to run the loop on the calling thread.
    func enter() -> Visit {
        handle.bindToCurrentThread()
        let visit = Visit(
            runner: handle.setRunner(UInt(pthread_self())), pulse: clinux_enter_pulse(pulse))
        if visit.runner == 0 { wakeWatchdog() }
        return visit
    }

    /// Ends what `enter` began.
    func leave(_ visit: Visit) {
        _ = clinux_enter_pulse(visit.pulse)
        _ = handle.setRunner(visit.runner)
        guard visit.runner == 0 else { return }
        if bell != nil { clinux_pulse_set_asleep(pulse, 1) }
        // Posted by callbacks of the last turn. A host learns of it from the descriptor.
        if handle.hasPendingMail { handle.wake() }
    }

    @inline(__always)
    private func wakeWatchdog() {
        guard let bell else { return }
        clinux_pulse_set_asleep(pulse, 0)
        bell.ringIfSilent()
    }
}
