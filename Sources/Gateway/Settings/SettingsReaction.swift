// The reactions of the configuration. Values only; what reacts is in Gateway/Reactions.

extension Settings {
    /// What happens when a signal comes.
    public struct Reaction: Sendable, Equatable {
        /// What it does.
        public enum Action: Sendable, Equatable {
            /// Emits a signal with the event's data, or with data of its own as compact JSON.
            case emit(signal: String, data: [UInt8]?)
            /// Calls a command with the event's data as params, or with params of its own; what
            /// comes back is emitted as `result`, if that is set.
            case call(module: String, command: String, params: [UInt8]?, result: String?)
        }

        /// Its name, for the log and the metrics.
        public var name: String
        /// The signals that it reacts to: a name or a pattern.
        public var signal: String
        /// What it does.
        public var action: Action
        /// What happens when a call is still running at the next signal.
        public var overlap = Timer.Overlap.queue
        /// Reactions per second, in the mean and at once; more are counted and left out.
        public var rate = 100

        /// Makes a reaction with the default rules.
        public init(name: String, signal: String, action: Action) {
            self.name = name
            self.signal = signal
            self.action = action
        }
    }
}
