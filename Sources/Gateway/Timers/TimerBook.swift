// TimerBook: the timers that people see: from the configuration and over HTTP. It keeps their
// resources; the loop's own timers drive them.
//
// Intervals run on the monotonic clock and keep their grid: what is missed merges into one firing
// and is counted.

internal import Bytes
internal import Notifier

/// One timer as people see it.
///
/// Loop-confined.
final class TimerEntry {
    /// Its name in URLs.
    let id: String
    /// When it fires and what it does.
    let plan: TimerPlan
    /// Whether it comes from the configuration.
    let isFixed: Bool
    /// Firings so far.
    var runs = 0
    /// Firings left out because the one before was not done.
    var missed = 0
    /// Wall time of the last firing, in nanoseconds since 1970.
    var lastWallNanos: Int64?
    /// What came of the last firing.
    var lastResult: String?

    var token: TimerToken?
    var runningCount = 0

    init(id: String, plan: TimerPlan, isFixed: Bool) {
        self.id = id
        self.plan = plan
        self.isFixed = isFixed
    }
}

/// When a timer fires and what it does.
struct TimerPlan: Sendable {
    /// When.
    enum Schedule: Sendable, Equatable {
        /// Once, after so long.
        case after(Duration)
        /// Again and again.
        case every(Duration)
        /// Once, at a moment in nanoseconds since 1970.
        case at(Int64)
    }

    /// What.
    enum Action: Sendable, Equatable {
        /// Emits a signal with JSON data.
        case emit(signal: String, data: [UInt8])
        /// Calls a command with JSON parameters.
        case call(module: String, command: String, params: [UInt8])
    }

    /// When.
    var schedule: Schedule
    /// What.
    var action: Action
    /// Whether a call may begin while the one before is still running.
    var allowsOverlap = false
    /// Longest random delay of each firing.
    var jitter = Duration.zero
    /// Firings after which it ends.
    var maxRuns: Int?
}

/// The timers of the gateway.
///
/// Loop-confined, on the control loop.
final class TimerBook {
    /// Timers at most: each may fire every second, and a loop has better things to do.
    static let limit = 10_000

    /// Shortest interval: faster ones are the work of a module.
    static let shortestInterval = Duration.milliseconds(10)

    /// Does what a timer that fires is for; calls back with a word on the result.
    var perform: (TimerEntry, _ done: @escaping (String) -> Void) -> Void = { _, done in
        done("nothing")
    }

    private let loop: EventLoop
    private var entries: [String: TimerEntry] = [:]

    /// Makes an empty book.
    init(loop: EventLoop) { self.loop = loop }

    /// All timers by id.
    var all: [TimerEntry] { entries.values.sorted { $0.id < $1.id } }

    /// The timer with that id.
    func find(_ id: String) -> TimerEntry? { entries[id] }

    /// Adds a timer and starts it; nil if there are too many or the id is taken.
    func add(id: String, _ plan: TimerPlan, isFixed: Bool) -> TimerEntry? {
        guard entries[id] == nil, entries.count < Self.limit else { return nil }
        let entry = TimerEntry(id: id, plan: plan, isFixed: isFixed)
        entries[id] = entry
        switch plan.schedule {
        case .after(let delay): schedule(entry, after: delay)
        case .at(let wallNanos):
            schedule(entry, after: .nanoseconds(max(wallNanos - loop.clock.wallNanos(), 0)))
        case .every(let interval):
            entry.token = loop.addTimer(every: interval) { [unowned self] in
                // The entry is kept here: firing it for the last time takes it out of the book.
                fireWithJitter(entry)
                return entries[entry.id] === entry ? .keep : .stop
            }
        }
        return entry
    }

    private func schedule(_ entry: TimerEntry, after delay: Duration) {
        entry.token = loop.addTimer(after: delay) { [unowned self] in
            entry.token = nil
            fireWithJitter(entry)
        }
    }

    /// Removes a timer; what it has begun goes on.
    func remove(_ entry: TimerEntry) {
        guard entries[entry.id] === entry else { return }
        entries[entry.id] = nil
        if let token = entry.token { loop.removeTimer(token) }
        entry.token = nil
    }

    private func fireWithJitter(_ entry: TimerEntry) {
        let jitter = entry.plan.jitter.nanoseconds
        guard jitter > 0 else {
            fire(entry)
            return
        }
        loop.addTimer(after: .nanoseconds(Int64.random(in: 0...jitter))) { [self] in
            if entries[entry.id] === entry { fire(entry) }
        }
    }

    /// Fires a timer now, whatever its schedule says.
    func fire(_ entry: TimerEntry) {
        guard entry.runningCount == 0 || entry.plan.allowsOverlap else {
            entry.missed += 1
            if isSpent(entry) { remove(entry) }
            return
        }
        entry.runs += 1
        entry.runningCount += 1
        entry.lastWallNanos = loop.clock.wallNanos()
        perform(entry) { result in
            entry.runningCount -= 1
            entry.lastResult = result
        }
        if isSpent(entry) { remove(entry) }
    }

    private func isSpent(_ entry: TimerEntry) -> Bool {
        if let limit = entry.plan.maxRuns, entry.runs >= limit { return true }
        if case .every = entry.plan.schedule { return false }
        return entry.token == nil
    }

    /// Wall time of the next firing, in nanoseconds since 1970.
    func nextWallNanos(_ entry: TimerEntry) -> Int64? {
        guard let token = entry.token, let deadline = loop.deadline(of: token) else { return nil }
        let now = loop.clock.monotonicNanos()
        let delay = deadline > now ? Int64(clamping: deadline - now) : 0
        return loop.clock.wallNanos() &+ delay
    }
}
