// TimerBook+Firing: what happens when a timer is due: what it has missed is counted, the next time
// found, the random delay waited for, and the overlap rule kept.

internal import Notifier

/// What happens to a timer, for whoever keeps or tells it.
enum TimerNews: Equatable {
    /// It began its run of that number.
    case fired(run: Int)
    /// It has left out that many firings.
    case missed(count: Int, reason: Reason)
    /// A run ended.
    case finished(run: Int, TimerResult)
    /// It was paused or resumed.
    case changed
    /// It is gone, or has fired for the last time: what is stored of it can go.
    case removed

    /// Why a firing was left out.
    enum Reason: String {
        /// The one before was still running, or as many as may wait were waiting.
        case overlap
        /// The gateway or the machine was too busy, asleep, or its clock was set forward.
        case late
        /// The gateway was not running.
        case down
    }
}

/// Firings of one timer that were left out and have not been told yet.
struct TimerNotices {
    /// The timer of the loop before whose end no further notice is given.
    var token: TimerToken?

    private var counts: [(count: Int, reason: TimerNews.Reason)] = []

    /// Adds `count` for `reason`.
    mutating func add(_ count: Int, _ reason: TimerNews.Reason) {
        if let place = counts.firstIndex(where: { $0.reason == reason }) {
            counts[place].count &+= count
        } else {
            counts.append((count, reason))
        }
    }

    /// Takes what has been waiting longest.
    mutating func takeFirst() -> (count: Int, reason: TimerNews.Reason)? {
        counts.isEmpty ? nil : counts.removeFirst()
    }
}

extension TimerBook {
    /// Shortest time between two notices of one timer: one that misses each of its firings would
    /// flood the history otherwise.
    static let noticeInterval = Duration.seconds(1)

    /// Runs of one timer that may run or wait at once: a timer that is that far behind will not
    /// catch up.
    static let runLimit = 64

    /// Missed moments of a calendar that are counted one by one; more count as this many.
    static let missedLimit = 1_000

    /// The loop's timer of `entry` has fired.
    func wake(_ entry: TimerEntry) {
        entry.token = nil
        let now = loop.clock.wallNanos()
        if entry.followsWall, let due = entry.dueWallNanos, due > now {
            arm(entry)  // the clock was set back
            return
        }
        let late = advance(entry, now)
        if late > 0 { miss(entry, late, .late) }
        guard has(entry) else { return }
        delay(entry)
    }

    /// Finds the next time of `entry`, which is due; returns how many it has missed.
    private func advance(_ entry: TimerEntry, _ now: Int64) -> Int {
        var late = 0
        switch entry.plan.schedule {
        case .after, .at:
            entry.dueMonotonicNanos = nil
            entry.dueWallNanos = nil
        case .every(let interval):
            let step = UInt64(max(interval.nanoseconds, 1))
            let due = entry.dueMonotonicNanos ?? loop.now
            let steps = loop.now > due ? (loop.now - due) / step : 0
            late = Int(clamping: steps)
            let (ahead, overflow) = (steps &+ 1).multipliedReportingOverflow(by: step)
            entry.dueMonotonicNanos = overflow ? UInt64.max : due &+ ahead
            arm(entry)
        case .cron(let cron):
            late = countMissed(cron.expression, entry, now)
            entry.metWallNanos = now
            findMoment(entry, after: now)
            arm(entry)
        }
        return late
    }

    private func countMissed(
        _ expression: CronExpression, _ entry: TimerEntry, _ now: Int64
    ) -> Int {
        var count = 0
        guard var last = entry.dueWallNanos.map(Self.wholeSeconds) else { return 0 }
        let present = Self.wholeSeconds(now)
        while count < Self.missedLimit, let next = expression.next(after: last, in: entry.zone),
            next <= present
        {
            count += 1
            last = next
        }
        return count
    }

    private func delay(_ entry: TimerEntry) {
        let jitter = entry.plan.jitter.nanoseconds
        guard jitter > 0 else {
            fire(entry)
            return
        }
        // One delay at a time: a grid finer than its delay would pile them up.
        guard entry.delayToken == nil else {
            miss(entry, 1, .overlap)
            return
        }
        entry.delayToken = loop.addTimer(after: .nanoseconds(Int64.random(in: 0...jitter))) {
            [unowned self] in
            entry.delayToken = nil
            fire(entry)
        }
    }

    /// Fires a timer now, whatever its schedule says.
    func fire(_ entry: TimerEntry) {
        if let limit = entry.plan.maxRuns, entry.runs + entry.queuedCount >= limit { return }
        guard !entry.isDone else { return }
        let isFree =
            (entry.runningCount == 0 && entry.queuedCount == 0)
            || (entry.plan.overlap == .parallel && entry.runningCount < Self.runLimit)
        if isFree {
            begin(entry)
        } else if entry.plan.overlap == .queue, entry.queuedCount < Self.runLimit {
            entry.queuedCount += 1
        } else {
            miss(entry, 1, .overlap)
        }
        if isSpent(entry) { finish(entry) }
    }

    private func begin(_ entry: TimerEntry) {
        entry.runs += 1
        entry.runningCount += 1
        entry.lastWallNanos = loop.clock.wallNanos()
        let run = entry.runs
        onNews(entry, .fired(run: run))
        perform(entry) { [weak self] result in
            entry.runningCount -= 1
            entry.lastResult = result
            guard let self else { return }
            onNews(entry, .finished(run: run, result))
            if entry.isDone { show(entry) }
            beginQueued(entry)
        }
    }

    private func beginQueued(_ entry: TimerEntry) {
        guard entry.queuedCount > 0, entry.runningCount == 0 else { return }
        // On the next turn: a command that answers at once would nest as deep as the queue is long.
        loop.addTimer(after: .zero) { [weak self] in
            guard let self, entry.queuedCount > 0, entry.runningCount == 0 else { return }
            entry.queuedCount -= 1
            begin(entry)
            if isSpent(entry) { finish(entry) }
        }
    }

    /// Counts firings that were left out, and tells of them: at once, or with those that follow
    /// within `noticeInterval` of the last notice.
    func miss(_ entry: TimerEntry, _ count: Int, _ reason: TimerNews.Reason) {
        entry.missed &+= count
        entry.notices.add(count, reason)
        if entry.notices.token == nil { tellMissed(entry) }
    }

    /// Tells what was left out for one reason; other reasons follow as others do.
    private func tellMissed(_ entry: TimerEntry) {
        guard let (count, reason) = entry.notices.takeFirst() else { return }
        entry.notices.token = loop.addTimer(after: Self.noticeInterval) { [unowned self] in
            entry.notices.token = nil
            tellMissed(entry)
        }
        onNews(entry, .missed(count: count, reason: reason))
    }

    /// Tells at once what was left out, because the timer goes.
    func tellRest(_ entry: TimerEntry) {
        if let token = entry.notices.token { loop.removeTimer(token) }
        entry.notices.token = nil
        while let (count, reason) = entry.notices.takeFirst() {
            onNews(entry, .missed(count: count, reason: reason))
        }
    }

    private func isSpent(_ entry: TimerEntry) -> Bool {
        if let limit = entry.plan.maxRuns, entry.runs + entry.queuedCount >= limit {
            return entry.queuedCount == 0
        }
        let isWaiting = entry.token != nil || entry.delayToken != nil || entry.isPaused
        return !isWaiting && entry.queuedCount == 0
    }
}
