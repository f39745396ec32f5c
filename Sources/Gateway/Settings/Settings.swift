// Settings: everything an operator can configure, as one value. This file holds the whole and its
// fixed parts; listeners, modules and timers have files of their own, and SettingsDecoder says how
// the file becomes this value. Nothing here touches the outside world.

/// The configuration of a gateway.
///
/// Any thread. A value: who holds it in a `let` knows that it never changes. Defaults are those of an empty
/// file.
public struct Settings: Sendable, Equatable {
    /// Prefix of all URLs: empty, or `/prefix` without a slash at its end.
    public var basePath = ""

    /// Number of event loops; nil for one per core.
    public var loops: Int?

    /// Whether anyone may call, although a listener can be reached from other machines.
    public var allowsAnonymous = false

    /// Sockets that accept HTTP; never empty.
    public var listeners: [Listener] = [.loopback]

    /// How certificates and ticket keys are kept fresh.
    public var tls = TLSUpkeep()

    /// Bounds and deadlines of connections and calls.
    public var limits = Limits()

    /// What is logged, and where.
    public var log = Log()

    /// Programs that answer commands, in the order of the file.
    public var modules: [Module] = []

    /// How signals are kept and streamed.
    public var signals = Signals()

    /// How many calls may go on without their callers, and what is kept of them.
    public var jobs = Jobs()

    /// Timers that exist from the start, in the order of the file.
    public var timers: [Timer] = []

    /// Sockets and files whose lines become signals, in the order of the file.
    public var sources: [Source] = []

    /// What happens when signals come, in the order of the file.
    public var reactions: [Reaction] = []

    /// Absolute path of the folder that keeps timers and durable signals; nil to keep nothing.
    public var state: String?

    /// Makes the settings of an empty file.
    public init() {}
}

extension Settings {
    /// Bounds and deadlines.
    ///
    /// All are enforced while bytes arrive.
    public struct Limits: Sendable, Equatable {
        /// Longest request head, in bytes.
        public var headSize = 16 << 10
        /// Longest request target, in bytes.
        public var targetSize = 8 << 10
        /// Most header fields of a request.
        public var headerFields = 100
        /// Longest request body, in bytes.
        public var bodySize = 1 << 20
        /// Deepest nesting of a JSON body.
        public var jsonDepth = 64
        /// Time for a complete request head.
        public var headTimeout = Duration.seconds(10)
        /// Longest pause within a request body.
        public var bodyTimeout = Duration.seconds(30)
        /// Time for a TLS handshake.
        public var handshakeTimeout = Duration.seconds(10)
        /// Longest wait for the next request on a connection.
        public var idleTimeout = Duration.seconds(75)
        /// Longest time without progress while a response is written.
        public var writeTimeout = Duration.seconds(30)
        /// Time for an answer once its client has closed its side of the connection.
        public var halfCloseTimeout = Duration.seconds(1)
        /// Deadline of a call, unless its command has one.
        public var callTimeout = Duration.seconds(60)
        /// Time for open work after the request to stop.
        public var drainTimeout = Duration.seconds(30)
        /// Most connections of the process.
        public var connections = 10_000
        /// Most connections from one address: half of all, so that none can lock the others out.
        public var connectionsPerAddress = 5_000
        /// Most requests of one connection that are read ahead of their answers.
        public var pipelinedRequests = 64
        /// Bytes that an event stream may owe its reader before it is cut.
        public var streamBuffer = 256 << 10

        /// Makes the default limits.
        public init() {}
    }

    /// What is logged, and where.
    public struct Log: Sendable, Equatable {
        /// How grave a record must be to be written; the names are those of swift-log.
        public enum Level: String, Sendable, CaseIterable {
            case trace, debug, info, notice, warning, error, critical
        }

        /// How a record is written.
        public enum Format: String, Sendable, CaseIterable {
            /// One line of words for people.
            case text
            /// One JSON object per line for programs.
            case json
        }

        /// The least grave level written.
        public var level = Level.info
        /// Form of the lines.
        public var format = Format.text
        /// Whether each request is logged.
        public var access = false
        /// Absolute path of the log file; nil for standard error.
        public var file: String?

        /// Makes the default log settings.
        public init() {}
    }

    /// Calls that go on without their callers.
    public struct Jobs: Sendable, Equatable {
        /// Most jobs of the process, running and kept: each may hold a place of its module.
        public var count = 1_000
        /// Most bytes kept of the results of all jobs.
        public var size = 64 << 20
        /// How long a job is kept after its end.
        public var keep = Duration.seconds(600)
        /// Deadline of a job, unless its command has one.
        public var timeout = Duration.seconds(3_600)

        /// Makes the default job settings.
        public init() {}
    }

    /// How signals are kept and streamed.
    public struct Signals: Sendable, Equatable {
        /// How much is kept for clients that come back.
        public struct History: Sendable, Equatable {
            /// Most events kept.
            public var events = 1_000
            /// Most bytes kept.
            public var size = 16 << 20
            /// Oldest event kept; nil for any age.
            public var age: Duration?

            /// Makes the default history.
            public init() {}

            /// Makes a history of so many events at most, of 16 MiB and any age.
            public init(events: Int) { self.events = events }
        }

        /// What is kept of the signals whose name matches a pattern.
        public struct Rule: Sendable, Equatable {
            /// The names that are meant.
            public var pattern: String
            /// Whether a new stream begins with the last event of each such signal.
            public var latest = false
            /// Whether its events are stored before anybody hears of them; needs a `state`.
            public var durable = false
            /// Most events kept of each such signal; nil for what there is room for.
            public var events: Int?
            /// Most bytes kept of each such signal; nil for what there is room for.
            public var size: Int?
            /// Oldest event kept; nil for the age of the whole history.
            public var age: Duration?

            /// Makes a rule without limits of its own.
            public init(pattern: String) { self.pattern = pattern }
        }

        /// What is kept for replay.
        public var history = History()
        /// What is kept of durable signals, in memory and on the disk; beside `history`.
        public var durableHistory = History(events: 10_000)
        /// Rules for single signals, in the order of the file; the first that matches counts.
        public var rules: [Rule] = []
        /// Most bytes of one event's data.
        public var eventSize = 256 << 10
        /// Pause after which a quiet stream gets a comment.
        public var heartbeat = Duration.seconds(15)
        /// Pause before a client comes back, as streams tell it.
        public var retry = Duration.seconds(2)
        /// Most event streams at a time.
        public var subscriptions = 10_000

        /// Makes the default signal settings.
        public init() {}
    }
}

// MARK: - Reading

extension Settings {
    /// A value of the command line that replaces one of the file.
    public struct Override: Sendable, Equatable {
        /// The key path with dots, such as `log.level`.
        public var key: String
        /// The value: as in an environment variable for plain keys, else JSON5 or a bare string.
        public var value: String

        /// Makes an override.
        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    /// Reads the configuration in `file`; `environment` goes before it, and `overrides` before both.
    ///
    /// - Throws: all faults at once.
    public static func load(
        file: String, environment: [String: String], overrides: [Override] = []
    ) throws(SettingsError) -> Settings {
        try SettingsDecoder.decode(
            text: SettingsFile.read(file), name: file, folder: SettingsFile.folder(of: file),
            environment: environment, overrides: overrides)
    }

    /// Reads the configuration `text`, which faults call `name`; relative paths in it start at
    /// `folder`.
    ///
    /// - Throws: all faults at once.
    public static func parse(
        text: String, name: String, folder: String, environment: [String: String] = [:],
        overrides: [Override] = []
    ) throws(SettingsError) -> Settings {
        try SettingsDecoder.decode(
            text: [UInt8](text.utf8), name: name, folder: folder, environment: environment,
            overrides: overrides)
    }

    /// The settings for one module `main` that runs `command` in `folder`, on the loopback
    /// interface: plain on port 8080, and with a `certificate` encrypted on port 8443.
    ///
    /// - Throws: all faults at once.
    public static func oneModule(
        command: [String], folder: String, certificate: TLSFiles.Certificate? = nil,
        environment: [String: String] = [:], overrides: [Override] = []
    ) throws(SettingsError) -> Settings {
        var listeners: [SettingValue] = [.object(["url": .text("http://localhost:8080")])]
        if let certificate {
            listeners.append(
                .object([
                    "url": .text("https://localhost:8443"),
                    "certificate": .text(certificate.certificate), "key": .text(certificate.key),
                ]))
        }
        let module: [String: SettingValue] = [
            "command": .list(command.map { .text($0) }), "start": .text("eager"),
            // Whoever starts one program by hand wants to see whatever it emits.
            "signals": .list([.text("**")]),
        ]
        let tree: [String: SettingValue] = [
            "listeners": .list(listeners), "modules": .object(["main": .object(module)]),
        ]
        return try SettingsDecoder.decode(
            .object(tree), locator: SettingsLocator(), name: "command line", folder: folder,
            environment: environment, overrides: overrides)
    }
}
