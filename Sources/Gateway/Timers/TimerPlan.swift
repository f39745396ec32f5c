// TimerPlan: what somebody wants of a timer: when it fires and what it does. Values only; TimerBook
// makes it run, TimerRequest and the settings make plans.

/// When a timer fires and what it does.
///
/// Any thread.
struct TimerPlan: Sendable, Equatable {
    /// When.
    enum Schedule: Sendable, Equatable {
        /// Once, after so long.
        case after(Duration)
        /// Again and again, on a grid of the monotonic clock.
        case every(Duration)
        /// Once, at a moment in nanoseconds since 1970.
        case at(Int64)
        /// By the calendar of a place.
        case cron(Cron)
    }

    /// A cron expression and where its clock hangs.
    struct Cron: Sendable, Equatable {
        /// The expression as it was written.
        let text: String
        /// What it means.
        let expression: CronExpression
        /// Name of the time zone; nil for UTC.
        let timezone: String?
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
    /// What becomes of a firing while the one before is still running.
    var overlap = Settings.Timer.Overlap.skip
    /// Longest random delay of each firing.
    var jitter = Duration.zero
    /// Firings after which it ends.
    var maxRuns: Int?

    /// Bytes it keeps in memory, its bookkeeping included.
    var byteCount: Int {
        let bookkeeping = 512
        switch action {
        case .emit(let signal, let data): return bookkeeping + signal.utf8.count + data.count
        case .call(let module, let command, let params):
            return bookkeeping + module.utf8.count + command.utf8.count + params.count
        }
    }
}

extension TimerPlan {
    /// The plan of a configured timer; nil if its texts are not what the settings promise.
    init?(_ timer: Settings.Timer) {
        let schedule: Schedule
        switch timer.schedule {
        case .after(let delay): schedule = .after(delay)
        case .every(let interval): schedule = .every(interval)
        case .at(let text):
            guard let nanos = Timestamp.parse(text) else { return nil }
            schedule = .at(nanos)
        case .cron(let text, let timezone):
            guard let expression = try? CronExpression(text) else { return nil }
            schedule = .cron(Cron(text: text, expression: expression, timezone: timezone))
        }
        let action: Action
        switch timer.action {
        case .emit(let signal, let data): action = .emit(signal: signal, data: data)
        case .call(let module, let command, let params):
            action = .call(module: module, command: command, params: params)
        }
        self.init(schedule: schedule, action: action)
        overlap = timer.overlap
        jitter = timer.jitter
        maxRuns = timer.maxRuns
    }
}

extension TimerPlan {
    /// Longest random delay that a schedule can have, at most a day: the time between two firings,
    /// since a longer one would leave most of them out.
    static func longestJitter(_ schedule: Schedule) -> Duration {
        switch schedule {
        case .after, .at: TimerBook.longestJitter
        case .every(let interval): min(interval, TimerBook.longestJitter)
        case .cron(let cron):
            min(.seconds(cron.expression.shortestGapMinutes * 60), TimerBook.longestJitter)
        }
    }

    /// What is wrong with its random delay, if anything is.
    var jitterFault: String? {
        let longest = Self.longestJitter(schedule)
        guard jitter > longest else { return nil }
        let isBySchedule = longest < TimerBook.longestJitter
        return "must be at most \(SettingUnits.text(longest))"
            + (isBySchedule ? ", the shortest time between two firings" : "")
    }
}

/// What came of one firing.
enum TimerResult: Sendable, Equatable {
    /// It did what it is for; a word on what.
    case done(String)
    /// It did not; a sentence on why.
    case failed(String)

    /// The word or sentence.
    var text: String {
        switch self {
        case .done(let text), .failed(let text): text
        }
    }
}

/// Why a timer was not taken.
enum TimerRefusal: Error, Equatable {
    /// There are as many as there may be, or their data would be too much.
    case tooMany
    /// The id is taken.
    case exists
    /// There is no such time zone; the sentence says why.
    case timezone(String)
    /// Its cron expression names a day that no month has.
    case never
}
