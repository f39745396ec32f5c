// TimerKeeping: how timers go to the disk and come back: which facts of a timer are kept, and what
// the time in which the gateway was down means to each kind.

internal import Bytes
internal import JSON
internal import Logging
internal import Notifier

extension TimerEntry {
    /// The timer as it is stored.
    func stored(_ book: TimerBook) -> StoredTimer {
        StoredTimer(
            id: id, plan: storedPlan, isFixed: isFixed, isPaused: isPaused,
            dueWallNanos: book.nextWallNanos(self), runs: Int64(clamping: runs),
            missed: Int64(clamping: missed), lastWallNanos: lastWallNanos, lastResult: lastResult)
    }

    /// The members by which somebody would ask for it, as JSON.
    var storedPlan: [UInt8] {
        JSONBytes.make { json in
            json.beginObject()
            plan.writeMembers(&json)
            json.endObject()
        }
    }

    /// Takes back what an earlier run has stored; returns how many firings were missed meanwhile.
    ///
    /// A delay goes on towards its moment, an interval keeps its grid, a calendar goes on from now.
    /// Delays and intervals of the configuration begin with the gateway.
    func take(_ stored: StoredTimer, wallNanos: Int64, monotonicNanos: UInt64) -> Int {
        runs = max(Int(clamping: stored.runs), 0)
        missed = max(Int(clamping: stored.missed), 0)
        lastWallNanos = stored.lastWallNanos
        lastResult = stored.lastResult
        isPaused = stored.isPaused
        guard let due = stored.dueWallNanos, !isPaused else { return 0 }
        let (wait, overflow) = due.subtractingReportingOverflow(wallNanos)
        guard !overflow else { return 0 }
        switch plan.schedule {
        case .at: return 0
        case .after(let delay):
            if !isFixed { remainingNanos = min(max(wait, 0), delay.nanoseconds) }
            return 0
        case .every(let interval):
            let step = max(interval.nanoseconds, 1)
            guard !isFixed, wait <= step else { return 0 }
            let late = wait < 0 ? (0 &- wait) / step + 1 : 0
            let (ahead, far) = late.multipliedReportingOverflow(by: step)
            guard !far else { return 0 }
            dueMonotonicNanos = monotonicNanos &+ UInt64(max(ahead &+ wait, 1))
            return Int(clamping: late)
        case .cron(let cron):
            metWallNanos = lastWallNanos ?? 0
            return missedMoments(cron.expression, due, wallNanos)
        }
    }

    private func missedMoments(
        _ expression: CronExpression, _ due: Int64, _ now: Int64
    ) -> Int {
        guard due <= now else { return 0 }
        var count = 1
        var last = TimerBook.wholeSeconds(due)
        while count < TimerBook.missedLimit, let next = expression.next(after: last, in: zone),
            next <= TimerBook.wholeSeconds(now)
        {
            count += 1
            last = next
        }
        return count
    }
}

extension TimerBook {
    /// Adds a timer with what an earlier run has stored of it.
    ///
    /// - Throws: `TimerRefusal`.
    func add(id: String, _ plan: TimerPlan, isFixed: Bool, from stored: StoredTimer?)
        throws(TimerRefusal)
    {
        var missed = 0
        let entry = try add(id: id, plan, isFixed: isFixed) { entry in
            guard let stored, stored.isFixed == isFixed, stored.plan == entry.storedPlan else {
                return
            }
            missed = entry.take(
                stored, wallNanos: loop.clock.wallNanos(),
                monotonicNanos: loop.clock.monotonicNanos())
        }
        if missed > 0 { miss(entry, missed, .down) }
    }
}

extension TimerPlan {
    /// The plan that was stored as JSON; nil if it is none.
    init?(stored: [UInt8]) {
        let value = stored.withUnsafeBytes { try? JSONValue.parse($0) }
        guard let value, let request = try? TimerRequest(value) else { return nil }
        self = request.plan
    }
}

extension GatewayLoop {
    /// Puts the timers of the configuration and those of an earlier run into the book.
    func addTimers(_ control: Control) {
        var stored: [String: StoredTimer] = [:]
        for timer in facts.state?.stored.timers ?? [] { stored[timer.id] = timer }
        for timer in facts.settings.timers {
            guard let plan = TimerPlan(timer) else { continue }
            let known = stored.removeValue(forKey: timer.name)
            addTimer(control, timer.name, plan, isFixed: true, known)
        }
        for timer in stored.values.sorted(by: { $0.id < $1.id }) {
            guard !timer.isFixed else {
                // It has left the configuration.
                control.journal?.note(timer.id, nil, isLazy: true)
                continue
            }
            guard let plan = TimerPlan(stored: timer.plan) else {
                log(.error, "timer \(timer.id) of an earlier run is no timer of this version")
                continue
            }
            addTimer(control, timer.id, plan, isFixed: false, timer)
        }
    }

    private func addTimer(
        _ control: Control, _ id: String, _ plan: TimerPlan, isFixed: Bool, _ stored: StoredTimer?
    ) {
        do throws(TimerRefusal) {
            try control.timers.add(id: id, plan, isFixed: isFixed, from: stored)
        } catch {
            log(.error, "timer \(id) does not run: \(error)")
        }
    }

    /// Stores what has happened to a timer.
    func keep(_ entry: TimerEntry, _ news: TimerNews, _ control: Control) {
        guard let journal = control.journal else { return }
        switch news {
        case .removed: journal.note(entry.id, nil, isLazy: false)
        case .changed: journal.note(entry.id, entry.stored(control.timers), isLazy: false)
        case .fired, .finished, .missed:
            guard control.timers.has(entry) else { return }
            journal.note(entry.id, entry.stored(control.timers), isLazy: true)
        }
    }
}
