// The timers of the configuration. Values only; the timers that run are in TimerBook.

extension Settings {
    /// A timer that exists from the start.
    public struct Timer: Sendable, Equatable {
        /// When it fires.
        public enum Schedule: Sendable, Equatable {
            /// Once, so long after the start.
            case after(Duration)
            /// Again and again, on a grid.
            case every(Duration)
            /// Once, at a moment of RFC 3339.
            case at(String)
            /// By five cron fields or a name such as `@hourly`, in a time zone of the IANA list; nil
            /// for UTC.
            case cron(String, timezone: String?)
        }

        /// What it does.
        public enum Action: Sendable, Equatable {
            /// Emits a signal with compact JSON data.
            case emit(signal: String, data: [UInt8])
            /// Calls a command with compact JSON params.
            case call(module: String, command: String, params: [UInt8])
        }

        /// What happens when a call is still running at the next moment.
        public enum Overlap: String, Sendable, CaseIterable {
            /// The new one is left out and counted.
            case skip
            /// The new one waits.
            case queue
            /// Both run.
            case parallel
        }

        /// Its id in URLs.
        public var name: String
        /// When it fires.
        public var schedule: Schedule
        /// What it does.
        public var action: Action
        /// What happens when calls overlap.
        public var overlap = Overlap.skip
        /// Longest random delay of each firing.
        public var jitter = Duration.zero
        /// Number of firings after which it ends; nil for none.
        public var maxRuns: Int?

        /// Makes a timer with the default rules.
        public init(name: String, schedule: Schedule, action: Action) {
            self.name = name
            self.schedule = schedule
            self.action = action
        }
    }
}
