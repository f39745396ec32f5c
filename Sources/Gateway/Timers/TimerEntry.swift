// TimerEntry: one timer that exists, with what has become of it so far.

internal import Notifier

/// One timer as people see it.
///
/// Loop-confined, on the control loop.
final class TimerEntry {
    /// Its name in URLs.
    let id: String
    /// When it fires and what it does.
    let plan: TimerPlan
    /// Whether it comes from the configuration.
    let isFixed: Bool
    /// The clock of a cron timer.
    let zone: TimeZoneRules

    /// Firings so far.
    var runs = 0
    /// Firings left out: the one before was not done, the timer was too late, or it had been down.
    var missed = 0
    /// Whether it has been told to rest.
    var isPaused = false
    /// Whether it has fired for the last time.
    var isDone = false
    /// When its last run ended, if it has fired for the last time: monotonic, in nanoseconds.
    var endNanos: UInt64?
    /// Wall time of the last firing, in nanoseconds since 1970.
    var lastWallNanos: Int64?
    /// What came of the last firing.
    var lastResult: TimerResult?

    /// The timer of the loop that wakes it.
    var token: TimerToken?
    /// The timer of the loop that ends its random delay.
    var delayToken: TimerToken?
    /// When it fires next: for intervals and delays.
    var dueMonotonicNanos: UInt64?
    /// When it fires next: for moments and calendars.
    var dueWallNanos: Int64?
    /// The last moment of a calendar that it has met, so that a clock set back does not repeat it.
    var metWallNanos: Int64 = 0
    /// What was left of a delay when it was paused.
    var remainingNanos: Int64?
    /// Firings whose calls have not come back.
    var runningCount = 0
    /// Firings that wait for those.
    var queuedCount = 0
    /// What has been left out and not been told yet.
    var notices = TimerNotices()

    init(id: String, plan: TimerPlan, isFixed: Bool, zone: TimeZoneRules) {
        self.id = id
        self.plan = plan
        self.isFixed = isFixed
        self.zone = zone
    }

    /// Bytes it keeps in memory.
    var byteCount: Int { id.utf8.count + plan.byteCount }

    /// Whether the wall clock decides when it fires.
    var followsWall: Bool {
        switch plan.schedule {
        case .at, .cron: true
        case .after, .every: false
        }
    }

    /// Whether it fires once at most.
    var isOnce: Bool {
        switch plan.schedule {
        case .after, .at: true
        case .every, .cron: false
        }
    }
}
