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

    /// What the loop has done so far.
    @exclusivity(unchecked) public private(set) var statistics = LoopStatistics()

    @exclusivity(unchecked) private var poller: Poller
    @exclusivity(unchecked) private var registrations = RegistrationTable()
    @exclusivity(unchecked) var timers = TimerQueue()
    @exclusivity(unchecked) private var dispatchers = DispatcherList()
    @exclusivity(unchecked) private var sweeps: [IdleSweep] = []
    @exclusivity(unchecked) private var flushers: [() -> Void] = []
    @exclusivity(unchecked) private var depth = 0
    @exclusivity(unchecked) private var pollNumber: UInt64 = 0
    @exclusivity(unchecked) private var isStopping = false
    @exclusivity(unchecked) private var wantsFlush = false
    @exclusivity(unchecked) private var skipsSleep = false
    @exclusivity(unchecked) private var mail: [LoopHandle.Job] = []
    @exclusivity(unchecked) private var nextMail = 0
    @exclusivity(unchecked) var locals: [ObjectIdentifier: any LoopLocal] = [:]
    private let events: UnsafeMutablePointer<epoll_event>

    /// Opens a loop; the thread that calls `run` or `step` becomes its thread.
    ///
    /// - Throws: `SystemError` if the process has no descriptor left.
    public init(clock: any Clock = SystemClock()) throws(SystemError) {
        self.clock = clock
        handle = try LoopHandle()
        poller = try Poller()
        time = clock.monotonicNanos()
        events = .allocate(capacity: Poller.batch)
        handle.bindToCurrentThread()
        // Token 0 is the mailbox: slots start at generation 1, so no registration has it.
        try poller.add(handle.wakeNumber, EPOLLIN.rawValue, token: 0)
    }

    deinit {
        _ = handle.close()
        events.deallocate()
    }

    // MARK: Running

    /// Turns until `stop` is called.
    public func run() {
        handle.bindToCurrentThread()
        if depth == 0 { isStopping = false }
        while !isStopping { turn(sleep: true, dispatchers: true) }
    }

    /// Turns until `condition` holds, `stop` is called or `limit` has passed.
    ///
    /// - Returns: whether the condition holds.
    @discardableResult
    public func run(until condition: () -> Bool, limit: Duration) -> Bool {
        handle.bindToCurrentThread()
        // Inside a callback an earlier `stop` is meant for the outer `run` as well.
        if depth == 0 { isStopping = false }
        let alarm = addTimer(after: limit) {}
        defer { removeTimer(alarm) }
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
        handle.bindToCurrentThread()
        turn(sleep: sleep, dispatchers: dispatchers)
    }

    /// Ends `run` after the present turn.
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
            handle.close(), registrations, timers, dispatchers, sweeps, flushers, locals,
        ]
        registrations = RegistrationTable()
        timers = TimerQueue()
        dispatchers = DispatcherList()
        sweeps = []
        flushers = []
        locals = [:]
        // What goes now may still call the loop, and finds it empty.
        withExtendedLifetime(letGo) {}
    }

    /// Whether the caller is on the loop's thread.
    public var isOnLoop: Bool { handle.isOnLoop }

    // MARK: The turn

    private func turn(sleep: Bool, dispatchers runsDispatchers: Bool) {
        precondition(depth < Self.nestingLimit, "step() nested more than 10 deep")
        depth += 1
        defer { depth -= 1 }
        statistics.turns &+= 1

        readMail()
        let batch = depth == 1 ? events : .allocate(capacity: Poller.batch)
        defer { if depth > 1 { batch.deallocate() } }
        let count = poller.wait(sleep ? pollTimeout() : 0, into: batch)
        readClock()
        pollNumber &+= 1
        fireTimers()
        dispatch(batch, count, pollNumber)
        for sweep in sweeps { sweep.sweep() }
        if runsDispatchers, dispatchers.count > 0 { runDispatchers() }
        wantsFlush = false
        for flush in flushers { flush() }
    }

    private func readClock() {
        time = clock.monotonicNanos()
        for sweep in sweeps { sweep.setTime(now) }
    }

    private func readMail() {
        if handle.hasPendingMail {
            let fresh = handle.takeMail()
            if mail.isEmpty { mail = fresh } else { mail += fresh }
        }
        // A job may step the loop: the nested turn then goes on where this one stands, so that the
        // order of posting holds and a job may wait for the effect of one posted after it.
        while nextMail < mail.count {
            let job = mail[nextMail]
            nextMail += 1
            statistics.callbacks &+= 1
            job(self)
            // What a job did (queue output, stop the loop, make a condition true) is acted upon
            // at the end of the turn, so this turn must not sleep.
            skipsSleep = true
        }
        mail = []
        nextMail = 0
    }

    private func pollTimeout() -> Int32 {
        if handle.hasPendingMail || skipsSleep || wantsFlush {
            skipsSleep = false
            return 0
        }
        var deadline = timers.earliest ?? .max
        for sweep in sweeps { deadline = min(deadline, sweep.nextDeadline ?? .max) }
        if dispatchers.keepsAwake { deadline = min(deadline, now &+ DispatcherList.awakeNanos) }
        if deadline == .max { return -1 }
        // The clock is asked again: callbacks of the last turn took time since `now`.
        let present = clock.monotonicNanos()
        return deadline <= present ? 0 : Poller.timeout(nanos: deadline - present)
    }

    private func fireTimers() {
        guard let earliest = timers.earliest, earliest <= now else { return }
        // Timers added by the callbacks wait for the next turn, even if they are already due.
        let mark = timers.mark
        while let due = timers.takeDue(now, olderThan: mark) {
            statistics.noteTimer(lateNanos: now - due.deadline)
            timers.finish(due, due.action(), now)
        }
    }

    private func dispatch(
        _ batch: UnsafeMutablePointer<epoll_event>, _ count: Int, _ poll: UInt64
    ) {
        for index in 0..<count {
            let token = WatchToken(rawValue: clinux_epoll_token(&batch[index]))
            if token.rawValue == 0 {
                handle.acknowledgeWake()
                continue
            }
            // A callback of this batch may have removed it; a nested step may have served it.
            guard let slot = registrations.find(token), slot.lastPoll <= poll else { continue }
            if slot.isRunning {
                suspend(slot, token)
                continue
            }
            deliver(Readiness(events: clinux_epoll_ready(&batch[index])), to: slot, token)
        }
    }

    private func deliver(_ ready: Readiness, to slot: Registration, _ token: WatchToken) {
        guard let callback = slot.callback else { return }
        slot.isRunning = true
        slot.lastPoll = pollNumber
        statistics.callbacks &+= 1
        let disposition = callback(ready)
        guard slot.generation == token.generation else { return }
        slot.isRunning = false
        if slot.isSuspended {
            slot.isSuspended = false
            poller.modify(slot.descriptor, events(of: slot), token: token.rawValue)
        }
        if disposition == .stop {
            unwatch(token)
        } else if !ready.isDisjoint(with: .ended) {
            settleEnd(ready, slot, token)
        }
    }

    /// Silences a descriptor whose callback is on the stack, else a nested step that waits for
    /// something else would spin on it.
    private func suspend(_ slot: Registration, _ token: WatchToken) {
        guard !slot.isSuspended else { return }
        slot.isSuspended = true
        // One-shot, because hang-up and error come unasked: once at most, and then no more.
        poller.modify(slot.descriptor, EPOLLONESHOT.rawValue, token: token.rawValue)
    }

    /// Keeps an end that was delivered from being reported for ever.
    private func settleEnd(_ ready: Readiness, _ slot: Registration, _ token: WatchToken) {
        var unread: Int32 = 0
        let holdsMore = clinux_unread(slot.descriptor, &unread) == 0 && unread > 0
        if !ready.isDisjoint(with: [.hangUp, .error]) {
            // epoll repeats these two whatever the interest; while bytes are unread that is right.
            if !(holdsMore && slot.interest.contains(.read)) { unwatch(token) }
        } else if !holdsMore, !slot.endWasDelivered {
            slot.endWasDelivered = true
            poller.modify(slot.descriptor, events(of: slot), token: token.rawValue)
        }
    }

    private func events(of slot: Registration) -> UInt32 {
        slot.endWasDelivered
            ? slot.interest.events & ~(EPOLLIN.rawValue | EPOLLRDHUP.rawValue)
            : slot.interest.events
    }

    private func runDispatchers() {
        for entry in dispatchers.entries {
            guard let action = entry.action, !entry.isRunning else { continue }
            entry.isRunning = true
            statistics.callbacks &+= 1
            let disposition = action()
            entry.isRunning = false
            if disposition == .stop { dispatchers.remove(DispatcherToken(number: entry.number)) }
        }
    }
}

// MARK: - Descriptors

extension EventLoop {
    /// Number of watched descriptors.
    public var watchCount: Int { registrations.count }

    /// Calls `callback` whenever `descriptor` is ready for something in `interest`, has hung up or
    /// failed.
    ///
    /// One registration per descriptor; the caller keeps ownership, and unwatches before it closes.
    /// An end (hang-up, error, the peer's end of stream) is delivered once: if the callback keeps
    /// the registration although nothing is left to read, the loop stops reporting it.
    ///
    /// - Throws: `SystemError`: EEXIST if it is watched already, EPERM for a regular file, EBADF.
    public func watch(
        _ descriptor: Int32, _ interest: Interest,
        _ callback: @escaping (Readiness) -> Disposition
    ) throws(SystemError) -> WatchToken {
        let token = registrations.insert(descriptor, interest, callback)
        do throws(SystemError) {
            try poller.add(descriptor, interest.events, token: token.rawValue)
        } catch {
            registrations.remove(token)
            throw error
        }
        return token
    }

    /// Changes what the descriptor of `token` is watched for; a removed token changes nothing.
    public func change(_ token: WatchToken, to interest: Interest) {
        guard let slot = registrations.find(token), slot.interest != interest else { return }
        slot.interest = interest
        if slot.isSuspended { return }
        poller.modify(slot.descriptor, events(of: slot), token: token.rawValue)
    }

    /// Stops watching; no callback comes after this, not even from events already taken.
    public func unwatch(_ token: WatchToken) {
        guard let slot = registrations.find(token) else { return }
        poller.remove(slot.descriptor)
        registrations.remove(token)
    }

    /// Whether `token` is still watched.
    public func isWatching(_ token: WatchToken) -> Bool {
        registrations.find(token) != nil
    }
}

// MARK: - Dispatchers, sweeps, flushers

extension EventLoop {
    /// Runs `action` at the end of every turn until it returns `.stop`.
    ///
    /// - Parameter keepsAwake: the loop then sleeps at most 100 ms.
    @discardableResult
    public func addDispatcher(
        keepsAwake: Bool = true, _ action: @escaping () -> Disposition
    ) -> DispatcherToken {
        dispatchers.add(keepsAwake: keepsAwake, action)
    }

    /// Removes a dispatcher; returns whether there was one.
    @discardableResult
    public func removeDispatcher(_ token: DispatcherToken) -> Bool {
        dispatchers.remove(token)
    }

    /// Lets the loop drive `sweep`.
    public func addIdleSweep(_ sweep: IdleSweep) {
        sweep.setTime(now)
        sweeps.append(sweep)
    }

    /// Calls `flush` last in every turn, when all callbacks have been heard: output that they
    /// queued leaves there, with one write per connection.
    public func addFlusher(_ flush: @escaping () -> Void) {
        flushers.append(flush)
    }

    /// Makes sure that the flushers run before the loop sleeps again.
    ///
    /// To be called whenever output is queued for one. It matters when that happens outside of a
    /// turn, before a nested step, or in a flusher, after the queue's own flusher has run.
    @inline(__always)
    public func flushSoon() {
        wantsFlush = true
    }
}
