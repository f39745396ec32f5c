// TimerBook: the timers that people see: from the configuration and over HTTP. This file keeps and
// schedules them; TimerBook+Firing.swift is what happens when one is due.
//
//     add → schedule → (loop's timer) → due → random delay → fire → perform
//               ↑                        │
//               └────────────────────────┘
//
// Intervals and delays run on the monotonic clock and keep their grid. Moments and calendars run on
// the wall clock, which may be set: the kernel says so at once, and where it does not, it is looked at
// every ten seconds.

internal import Notifier

/// The timers of the gateway.
///
/// Loop-confined, on the control loop.
final class TimerBook {
    /// What is kept at most: timers of the configuration do not count.
    struct Bounds {
        /// Timers: each may fire every second, and a loop has better things to do.
        var count = 10_000
        /// Bytes of all of them.
        var bytes = 16 << 20
    }

    /// Shortest interval: faster ones are the work of a module.
    static let shortestInterval = Duration.milliseconds(10)

    /// Longest delay, interval or random delay: a year.
    static let longestDelay = Duration.seconds(365 * 86_400)

    /// Longest random delay: a day.
    static let longestJitter = Duration.seconds(86_400)

    /// Time between two looks at whether the wall clock has jumped, where the kernel does not tell.
    static let jumpCheck = Duration.seconds(10)

    /// Smallest jump that counts; NTP slews by less between two looks.
    static let smallestJumpNanos: Int64 = 500_000_000

    /// A clock set back by less than this does not make calendars repeat themselves: three hours,
    /// as in Vixie cron, cover every switch to and from daylight saving time done by hand.
    static let repeatGuardNanos: Int64 = 3 * 3_600_000_000_000

    /// Does what a timer that fires is for; calls back once with what came of it.
    var perform: (TimerEntry, _ done: @escaping (TimerResult) -> Void) -> Void = { _, done in
        done(.done("nothing"))
    }

    /// Hears what happens to timers.
    var onNews: (TimerEntry, TimerNews) -> Void = { _, _ in }

    let loop: EventLoop
    let zones: TimeZoneStore
    private let bounds: Bounds
    private var entries: [String: TimerEntry] = [:]
    let finished: FinishedTimers
    private var freeCount = 0
    private var byteCount = 0
    private var wallOffset: Int64 = 0
    private var jumpToken: TimerToken?
    private var clockWatch: WallClockWatch?

    /// Makes an empty book.
    init(loop: EventLoop, bounds: Bounds = Bounds(), zones: TimeZoneStore = TimeZoneStore()) {
        self.loop = loop
        self.bounds = bounds
        self.zones = zones
        finished = FinishedTimers(loop: loop)
    }

    /// All timers that may fire again, by id.
    var all: [TimerEntry] { entries.values.sorted { $0.id < $1.id } }

    /// The timer with that id, perhaps one that has fired for the last time.
    func find(_ id: String) -> TimerEntry? { entries[id] ?? finished.find(id) }

    /// Whether `entry` is still in the book.
    func has(_ entry: TimerEntry) -> Bool { entries[entry.id] === entry }

    // MARK: Adding and removing

    /// Adds a timer and starts it; `prepare` may set what it had been before.
    ///
    /// - Throws: `TimerRefusal`; nothing is kept then.
    @discardableResult
    func add(
        id: String, _ plan: TimerPlan, isFixed: Bool, prepare: (TimerEntry) -> Void = { _ in }
    ) throws(TimerRefusal) -> TimerEntry {
        guard entries[id] == nil else { throw .exists }
        let entry = TimerEntry(id: id, plan: plan, isFixed: isFixed, zone: try zone(of: plan))
        if !isFixed {
            guard freeCount < bounds.count, byteCount + entry.byteCount <= bounds.bytes else {
                throw .tooMany
            }
        }
        if case .cron(let cron) = plan.schedule {
            let now = loop.clock.wallNanos() / 1_000_000_000
            guard cron.expression.next(after: now, in: entry.zone) != nil else { throw .never }
        }
        if !isFixed {
            freeCount += 1
            byteCount += entry.byteCount
        }
        finished.remove(id)
        entries[id] = entry
        prepare(entry)
        if !entry.isPaused { schedule(entry) }
        return entry
    }

    private func zone(of plan: TimerPlan) throws(TimerRefusal) -> TimeZoneRules {
        guard case .cron(let cron) = plan.schedule else { return .utc }
        do throws(TimeZoneStore.Fault) {
            return try zones.zone(cron.timezone)
        } catch {
            throw .timezone(error.sentence(cron.timezone ?? "UTC"))
        }
    }

    /// Removes a timer; what it has begun goes on, what waits is forgotten.
    func remove(_ entry: TimerEntry) {
        if finished.find(entry.id) === entry { finished.remove(entry.id) }
        takeOut(entry)
    }

    /// Ends a timer that has fired for the last time; what came of it can be read for a while.
    func finish(_ entry: TimerEntry) {
        guard has(entry) else { return }
        entry.isDone = true
        finished.add(entry)
        takeOut(entry)
        if entry.runningCount == 0 { show(entry) }
    }

    /// Lets the time run out in which a timer can be read whose last run has ended.
    func show(_ entry: TimerEntry) {
        guard entry.runningCount == 0, entry.endNanos == nil else { return }
        finished.end(entry)
    }

    private func takeOut(_ entry: TimerEntry) {
        guard has(entry) else { return }
        entries[entry.id] = nil
        if !entry.isFixed {
            freeCount -= 1
            byteCount -= entry.byteCount
        }
        disarm(entry)
        tellRest(entry)
        onNews(entry, .removed)
    }

    // MARK: Resting

    /// Lets a timer rest: it does not fire by itself until `resume`.
    func pause(_ entry: TimerEntry) {
        guard !entry.isPaused else { return }
        entry.isPaused = true
        if case .after = entry.plan.schedule, let due = entry.dueMonotonicNanos {
            let now = loop.clock.monotonicNanos()
            entry.remainingNanos = due > now ? Int64(clamping: due - now) : 0
        }
        disarm(entry)
        onNews(entry, .changed)
    }

    /// Ends a rest: a delay goes on where it was, a grid and a calendar from now on; a moment that
    /// has passed comes at once.
    func resume(_ entry: TimerEntry) {
        guard entry.isPaused else { return }
        entry.isPaused = false
        schedule(entry)
        onNews(entry, .changed)
    }

    private func disarm(_ entry: TimerEntry) {
        if let token = entry.token { loop.removeTimer(token) }
        if let token = entry.delayToken { loop.removeTimer(token) }
        entry.token = nil
        entry.delayToken = nil
        entry.queuedCount = 0
    }

    // MARK: Scheduling

    /// Finds when `entry` fires next and sets the loop's timer for it.
    private func schedule(_ entry: TimerEntry) {
        let now = loop.clock.monotonicNanos()
        switch entry.plan.schedule {
        case .after(let delay):
            let wait = entry.remainingNanos ?? delay.nanoseconds
            entry.remainingNanos = nil
            entry.dueMonotonicNanos = now &+ UInt64(max(wait, 0))
        case .every(let interval):
            let step = UInt64(max(interval.nanoseconds, 1))
            // After a rest the grid is where it was.
            let late = entry.dueMonotonicNanos.map { $0 > now ? 0 : (now - $0) / step + 1 }
            entry.dueMonotonicNanos =
                entry.dueMonotonicNanos.map { $0 &+ (late ?? 0) &* step }
                ?? now &+ step
        case .at(let moment): entry.dueWallNanos = moment
        case .cron: findMoment(entry, after: loop.clock.wallNanos())
        }
        arm(entry)
    }

    /// Sets the loop's timer for the moment when `entry` is due.
    func arm(_ entry: TimerEntry) {
        if let token = entry.token { loop.removeTimer(token) }
        entry.token = nil
        if entry.followsWall {
            guard let due = entry.dueWallNanos else { return }
            watchForJumps()
            let (wait, overflow) = due.subtractingReportingOverflow(loop.clock.wallNanos())
            entry.token = loop.addTimer(after: .nanoseconds(overflow ? .max : max(wait, 0))) {
                [unowned self] in wake(entry)
            }
        } else if let due = entry.dueMonotonicNanos {
            entry.token = loop.addTimer(at: due) { [unowned self] in wake(entry) }
        }
    }

    /// Finds the next moment of a calendar.
    func findMoment(_ entry: TimerEntry, after wallNanos: Int64) {
        guard case .cron(let cron) = entry.plan.schedule else { return }
        let met = entry.metWallNanos
        let isGuarded = met > wallNanos && met - wallNanos < Self.repeatGuardNanos
        let after = Self.wholeSeconds(isGuarded ? met : wallNanos)
        entry.dueWallNanos = cron.expression.next(after: after, in: entry.zone)
            .flatMap(Self.nanos)
    }

    /// Whole seconds, as far as sums with them stay within 64 bits.
    static func wholeSeconds(_ nanos: Int64) -> Int64 { nanos / 1_000_000_000 }

    /// Nanoseconds since 1970; nil for moments beyond those that can be counted, from 2262 on.
    static func nanos(_ seconds: Int64) -> Int64? {
        let (nanos, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? nil : nanos
    }

    // MARK: Jumps of the wall clock

    /// Sees to it that steps of the wall clock are noticed from now on.
    private func watchForJumps() {
        guard jumpToken == nil, clockWatch == nil else { return }
        wallOffset = presentOffset
        clockWatch = try? WallClockWatch(loop) { [unowned self] in clockWasSet() }
        guard clockWatch == nil else { return }
        jumpToken = loop.addTimer(every: Self.jumpCheck) { [unowned self] in
            let isWanted = entries.values.contains { $0.followsWall && !$0.isPaused }
            if isWanted { lookForJump() } else { jumpToken = nil }
            return isWanted ? .keep : .stop
        }
    }

    private var presentOffset: Int64 {
        loop.clock.wallNanos() &- Int64(clamping: loop.clock.monotonicNanos())
    }

    private func lookForJump() {
        guard (presentOffset &- wallOffset).magnitude >= UInt64(Self.smallestJumpNanos) else {
            return
        }
        clockWasSet()
    }

    /// Follows a step of the wall clock, however small.
    func clockWasSet() {
        let offset = presentOffset
        let jump = offset &- wallOffset
        wallOffset = offset
        let followers = entries.values.filter { $0.followsWall && !$0.isPaused }
        guard !followers.isEmpty else {
            clockWatch?.close()
            clockWatch = nil
            return
        }
        for entry in followers {
            // Forward: what is past now is due. Back: the calendar is read anew.
            if jump < 0 { findMoment(entry, after: loop.clock.wallNanos()) }
            arm(entry)
        }
    }

    // MARK: Looking ahead

    /// The next moments at which `entry` fires, `count` at most, in nanoseconds since 1970.
    func preview(_ entry: TimerEntry, _ count: Int) -> [Int64] {
        guard !entry.isPaused, entry.token != nil, count > 0 else { return [] }
        let left = entry.plan.maxRuns.map { max($0 - entry.runs, 0) } ?? count
        let count = min(count, left)
        guard count > 0, let first = nextWallNanos(entry) else { return [] }
        var moments = [first]
        switch entry.plan.schedule {
        case .after, .at: break
        case .every(let interval):
            while moments.count < count {
                moments.append(first &+ Int64(moments.count) &* interval.nanoseconds)
            }
        case .cron(let cron):
            var last = Self.wholeSeconds(first)
            while moments.count < count,
                let next = cron.expression.next(after: last, in: entry.zone),
                let nanos = Self.nanos(next)
            {
                moments.append(nanos)
                last = next
            }
        }
        return moments
    }

    /// Wall time of the next firing, in nanoseconds since 1970.
    func nextWallNanos(_ entry: TimerEntry) -> Int64? {
        guard entry.token != nil else { return nil }
        if entry.followsWall { return entry.dueWallNanos }
        guard let due = entry.dueMonotonicNanos else { return nil }
        let now = loop.clock.monotonicNanos()
        let delay = due > now ? Int64(clamping: due - now) : 0
        return loop.clock.wallNanos() &+ delay
    }
}
