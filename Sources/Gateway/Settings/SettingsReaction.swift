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
            /// Runs a program once for each event.
            case exec(Program)
        }

        /// A program that is run once for each event, which it reads from its standard input.
        public struct Program: Sendable, Equatable {
            /// The program, where it runs, and what its output is.
            ///
            /// `{id}`, `{source}`, `{time}` and `{type}` among its arguments stand for those of the
            /// event.
            public var run: ExecModule
            /// Time after which it is ended; nil for that of any call.
            public var timeout: Duration?
            /// The signal that carries its output, if that is wanted.
            public var result: String?

            /// Makes a program without rules of its own, whose output nobody wants.
            public init(run: ExecModule) { self.run = run }
        }

        /// Its name, for the log and the metrics.
        public var name: String
        /// The signals that it reacts to: a name or a pattern.
        public var signal: String
        /// What it does.
        public var action: Action
        /// What happens when a call or program is still running at the next signal.
        public var overlap = Timer.Overlap.queue
        /// Most calls or programs that run at once, if they may.
        public var inFlight = 64
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
