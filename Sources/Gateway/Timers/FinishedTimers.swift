// FinishedTimers: timers that have fired for the last time. They can be read for a while, so that
// whoever made them sees what came of it; they do not count as timers, and are not stored.

internal import Notifier

/// Timers that have fired for the last time.
///
/// Loop-confined, on the control loop.
final class FinishedTimers {
    /// How long one can be read after its last run: whoever asks for its result does so soon, or
    /// listens to the signals.
    static let time = Duration.seconds(600)

    /// Most of them, and most bytes of them; the ones that ended first go first: a tenth of the
    /// timers that there may be.
    static let countLimit = 1_000
    static let byteLimit = 2 << 20

    private let loop: EventLoop
    private var entries: [String: TimerEntry] = [:]
    /// Those whose last run has ended, in the order of its end; some may have been removed.
    private var ended: [TimerEntry] = []
    private var first = 0
    private var byteCount = 0
    private var token: TimerToken?

    init(loop: EventLoop) { self.loop = loop }

    /// All of them by id.
    var all: [TimerEntry] { entries.values.sorted { $0.id < $1.id } }

    /// The one with that id.
    func find(_ id: String) -> TimerEntry? { entries[id] }

    /// Takes a timer that has begun its last run.
    func add(_ entry: TimerEntry) {
        entries[entry.id] = entry
        byteCount += entry.byteCount
    }

    /// Notes that the last run of `entry` has ended, and lets go of what there is no room for.
    func end(_ entry: TimerEntry) {
        guard entries[entry.id] === entry else { return }
        entry.endNanos = loop.clock.monotonicNanos()
        ended.append(entry)
        if ended.count - first > 2 * Self.countLimit { tidy() }
        while entries.count > Self.countLimit || byteCount > Self.byteLimit {
            guard let oldest = takeOldest() else { break }
            forget(oldest)
        }
        arm()
    }

    /// Forgets the timer with that id, if it is here.
    func remove(_ id: String) {
        if let entry = entries[id] { forget(entry) }
    }

    private func forget(_ entry: TimerEntry) {
        guard entries[entry.id] === entry else { return }
        entries[entry.id] = nil
        byteCount -= entry.byteCount
    }

    /// The one that ended first, if it is still here.
    private var oldest: TimerEntry? {
        while first < ended.count {
            let entry = ended[first]
            if entries[entry.id] === entry { return entry }
            skip()
        }
        return nil
    }

    private func takeOldest() -> TimerEntry? {
        guard let oldest else { return nil }
        skip()
        return oldest
    }

    /// Lets go of those that were removed or replaced before their time.
    private func tidy() {
        ended = ended[first...].filter { entries[$0.id] === $0 }
        first = 0
    }

    private func skip() {
        first += 1
        guard first * 2 > ended.count else { return }
        ended.removeFirst(first)
        first = 0
    }

    private func arm() {
        guard token == nil, let end = oldest?.endNanos else { return }
        token = loop.addTimer(at: end &+ UInt64(Self.time.nanoseconds)) { [unowned self] in
            token = nil
            let now = loop.clock.monotonicNanos()
            while let end = oldest?.endNanos, end &+ UInt64(Self.time.nanoseconds) <= now,
                let gone = takeOldest()
            {
                forget(gone)
            }
            arm()
        }
    }
}
