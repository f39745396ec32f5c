// Watchdog: one thread that looks at its loops now and then, and tells which callback holds one up.
//
//     loop: turn … sleep      says so in its pulse; rings if the watchdog is silent
//     watchdog: look every quarter of the limit ── all loops asleep ──→ silent: waits without end
//
// It sees a hold by the same callback being there at two looks, so the loop pays for it with the
// stores it makes anyway, and an idle process is not woken at all.

internal import CLinux
internal import Glibc
internal import Synchronization

/// A callback that held a loop longer than it should.
public struct LoopHold: Sendable, CustomStringConvertible {
    /// Where the hold stands.
    public enum Phase: Sendable {
        /// It goes on.
        case holding
        /// The callback has returned, or made a nested step.
        case released
    }

    /// Where the hold stands.
    public let phase: Phase

    /// Which callback.
    public let name: CallbackName

    /// For how long so far, or in all; known to a quarter of the watchdog's limit.
    public let duration: Duration

    /// Which loop.
    public let loop: LoopHandle

    /// `timer Module/File.swift:12 has been holding loop 1 for 0.05 seconds`.
    public var description: String {
        let verb = phase == .holding ? "has been holding" : "held"
        return "\(name) \(verb) \(loop.name) for \(duration)"
    }
}

/// Reports callbacks that hold a loop too long.
///
/// Any thread. One watchdog may watch any number of loops, with one thread, which exists while
/// there are loops to watch.
public final class Watchdog: Sendable {
    private let bell: WatchBell

    /// Makes a watchdog.
    ///
    /// - Parameters:
    ///   - limit: how long one callback may take, at least 4 ms.
    ///   - handler: gets one report while a callback holds a loop, and one when it has let go; runs
    ///     on the watchdog's thread, and shall be quick, since it delays other reports.
    /// - Throws: `SystemError` if no descriptor is left.
    public init(
        limit: Duration = .milliseconds(50), _ handler: @escaping @Sendable (LoopHold) -> Void
    ) throws(SystemError) {
        bell = try WatchBell(limit: max(limit, .milliseconds(4)), handler)
    }

    /// Watches `loop` until it ends; to be called on its thread.
    ///
    /// A loop has one watchdog at most: a further one replaces it.
    ///
    /// - Throws: `SystemError` if no thread can be started.
    public func watch(_ loop: EventLoop) throws(SystemError) {
        loop.bell?.remove(loop.handle)
        loop.bell = nil
        try bell.add(loop.handle)
        loop.bell = bell
    }

    /// Watches `loop` no more; to be called on its thread.
    public func unwatch(_ loop: EventLoop) {
        guard loop.bell === bell else { return }
        bell.remove(loop.handle)
        loop.bell = nil
    }
}

/// What loops and the watchdog's thread share.
///
/// Any thread.
final class WatchBell: Sendable {
    /// One loop, and what was last seen of it.
    private struct Entry {
        let loop: LoopHandle
        var beat: UInt64 = 0
        var since: UInt64 = 0
        var held: CallbackName?
        var isLookedAt = false
    }

    private struct State {
        var entries: [Entry] = []
        var hasThread = false
    }

    private let limitNanos: UInt64
    private let handler: @Sendable (LoopHold) -> Void
    private let state = Guarded(State())
    /// The thread waits without end, so whoever wakes up must ring.
    private let isSilent = Atomic<Bool>(false)
    private let eventNumber: Descriptor

    init(
        limit: Duration, _ handler: @escaping @Sendable (LoopHold) -> Void
    ) throws(SystemError) {
        let number = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard number >= 0 else { throw SystemError("eventfd") }
        eventNumber = Descriptor(owning: number)
        limitNanos = UInt64(max(limit.nanoseconds, 0))
        self.handler = handler
    }

    /// Adds a loop; starts the thread if there is none.
    func add(_ loop: LoopHandle) throws(SystemError) {
        let needsThread = state.withLock { state in
            state.entries.append(Entry(loop: loop))
            defer { state.hasThread = true }
            return !state.hasThread
        }
        if needsThread {
            do throws(SystemError) {
                _ = try Thread(name: "watchdog") { [self] in watch() }
            } catch {
                state.withLock { state in
                    state.hasThread = false
                    state.entries.removeAll { $0.loop === loop }
                }
                throw error
            }
        }
        // Whether or not it is being run: the first look finds out.
        ring()
    }

    /// Removes a loop; with the last one the thread ends.
    func remove(_ loop: LoopHandle) {
        state.withLock { $0.entries.removeAll { $0.loop === loop } }
        ring()
    }

    /// To be called by a loop that has said in its pulse that it is awake.
    @inline(__always)
    func ringIfSilent() {
        if isSilent.load(ordering: .sequentiallyConsistent) { ring() }
    }

    private func ring() {
        var one: UInt64 = 1
        // Would-block means that it rings already.
        _ = write(eventNumber.number, &one, 8)
    }

    // MARK: The thread

    private func watch() {
        let period = Int32(clamping: max(limitNanos / 4_000_000, 1))
        while let areAllAsleep = look() {
            if areAllAsleep {
                isSilent.store(true, ordering: .sequentiallyConsistent)
                // A loop that woke up before it could see the store has not rung.
                wait(isAnyAwake() ? period : -1)
                isSilent.store(false, ordering: .sequentiallyConsistent)
            } else {
                wait(period)
            }
        }
    }

    private func wait(_ milliseconds: Int32) {
        var poll = pollfd(fd: eventNumber.number, events: Int16(POLLIN), revents: 0)
        // A signal ends the wait early: that makes a look too many.
        guard Glibc.poll(&poll, 1, milliseconds) > 0 else { return }
        var count: UInt64 = 0
        _ = read(eventNumber.number, &count, 8)
    }

    private func isAnyAwake() -> Bool {
        state.withLock { $0.entries.contains { $0.loop.pulse.read().asleep == 0 } }
    }

    /// Looks at every loop and reports; returns whether all are asleep, nil if there are none.
    private func look() -> Bool? {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let now = UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
        let (holds, areAllAsleep) = state.withLock { state -> ([LoopHold], Bool?) in
            var holds: [LoopHold] = []
            var areAllAsleep = true
            for index in state.entries.indices {
                if !look(at: &state.entries[index], now, &holds) { areAllAsleep = false }
            }
            guard state.entries.isEmpty else { return (holds, areAllAsleep) }
            state.hasThread = false
            return (holds, nil)
        }
        for hold in holds { handler(hold) }
        return areAllAsleep
    }

    /// Looks at one loop; returns whether it is asleep.
    private func look(at entry: inout Entry, _ now: UInt64, _ holds: inout [LoopHold]) -> Bool {
        let pulse = entry.loop.pulse.read()
        let beat = pulse.count &+ pulse.resumed
        let name = pulse.asleep != 0 ? nil : CallbackName(address: pulse.name, mark: pulse.mark)
        if entry.isLookedAt, beat == entry.beat, let name {
            let nanos = now &- entry.since
            if nanos >= limitNanos, entry.held == nil {
                entry.held = name
                note(.holding, name, nanos, entry.loop, &holds)
            }
        } else {
            if let held = entry.held {
                entry.held = nil
                note(.released, held, now &- entry.since, entry.loop, &holds)
            }
            entry.beat = beat
            entry.since = now
            entry.isLookedAt = name != nil
        }
        return pulse.asleep != 0
    }

    private func note(
        _ phase: LoopHold.Phase, _ name: CallbackName, _ nanos: UInt64, _ loop: LoopHandle,
        _ holds: inout [LoopHold]
    ) {
        let words = loop.pulse.words
        if nanos > words.pointee.longest { clinux_pulse_set_longest(words, nanos) }
        holds.append(
            LoopHold(
                phase: phase, name: name, duration: .nanoseconds(Int64(clamping: nanos)),
                loop: loop))
    }
}
