// The modules of the configuration: what answers commands, one struct per kind, and the
// commands themselves. Values only; the modules that run are built elsewhere.

extension Settings {
    /// Something that answers commands.
    public struct Module: Sendable, Equatable {
        /// What answers.
        public enum Kind: Sendable, Equatable {
            /// A long-lived child that speaks JSON-RPC over its standard streams.
            case process(ProcessModule)
            /// A program run once per call.
            case exec(ExecModule)
            /// An HTTP server behind the gateway.
            case upstream(UpstreamModule)
            /// Fixed answers: compact JSON by command name.
            case reply([String: [UInt8]])
            /// A module written in Swift.
            case builtin(Builtin)
        }

        /// The modules written in Swift.
        public enum Builtin: String, Sendable, CaseIterable {
            /// Answers with its params.
            case echo
        }

        /// Its name in URLs.
        public var name: String
        /// What it is for, in a sentence.
        public var description: String?
        /// What answers.
        public var kind: Kind
        /// Its commands in the order of the file.
        ///
        /// None: a process is asked for them, or takes any name; an upstream takes any name.
        public var commands: [Command]
        /// Patterns of the signals that it may emit.
        public var signals: [String]
        /// Whether the gateway counts as ready only when this module works.
        public var isRequired = false

        /// Makes a module that may emit the signals below its own name.
        public init(name: String, kind: Kind, commands: [Command] = []) {
            self.name = name
            self.kind = kind
            self.commands = commands
            signals = ["\(name).**"]
        }
    }

    /// One command of a module.
    public struct Command: Sendable, Equatable {
        /// Its name in URLs.
        public var name: String
        /// What it does, in a sentence.
        public var description: String?
        /// Whether it changes nothing, so that `GET` may call it.
        public var isSafe = false
        /// The JSON Schema of its params, as compact JSON.
        public var params: [UInt8]?
        /// The JSON Schema of its result, as compact JSON.
        public var result: [UInt8]?
        /// Deadline of a call; nil for the general one.
        public var timeout: Duration?
        /// The program and its arguments, for a command of an exec module; nil for the module's.
        public var exec: [String]?
        /// What a process module calls it, if not by its name.
        public var method: String?
        /// Whether a process module gets it as a notification, which has no answer.
        public var isNotification = false

        /// Makes a command without rules.
        public init(name: String) {
            self.name = name
        }
    }

    /// What children share, long-lived or not.
    public struct ChildSettings: Sendable, Equatable {
        /// Variables passed on from the gateway's own environment, where they are set.
        public static let inheritedByDefault = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ"]

        /// Working directory, an absolute path.
        public var directory: String
        /// Variables set for the child.
        public var environment: [String: String] = [:]
        /// Variables passed on from the gateway's own environment, where they are set.
        public var inheritedEnvironment = inheritedByDefault
        /// Most calls that it works on at a time.
        public var callsInFlight = 64
        /// Most calls that wait for their turn.
        public var queue = 256
        /// Most bytes of them: as much as the longest message, by default.
        public var queueSize = 16 << 20
        /// Longest wait for a turn.
        public var queueTimeout = Duration.seconds(10)
        /// Time from the polite request to stop to the kill.
        public var stopTimeout = Duration.seconds(3)

        /// Makes the default settings of a child in `directory`.
        public init(directory: String) {
            self.directory = directory
        }
    }

    /// A long-lived child that speaks JSON-RPC.
    public struct ProcessModule: Sendable, Equatable {
        /// When the child is started.
        public enum Start: String, Sendable, CaseIterable {
            /// With the first call.
            case lazy
            /// With the gateway.
            case eager
        }

        /// The back-off between restarts.
        public struct Restart: Sendable, Equatable {
            /// First pause.
            public var delay = Duration.milliseconds(100)
            /// Longest pause.
            public var maxDelay = Duration.seconds(30)
            /// Failures in a row after which the module counts as failing.
            public var failures = 5

            /// Makes the default back-off.
            public init() {}
        }

        /// What is made of a child that lives and does not answer.
        public struct Silence: Sendable, Equatable {
            /// What becomes of it.
            public enum Action: String, Sendable, CaseIterable {
                /// It is shown as unresponsive, and goes on.
                case keep
                /// It is ended and the next one started.
                case restart
            }

            /// Calls in a row that run into the deadline of the configuration without any answer in
            /// between.
            ///
            /// One may be unlucky; 3 are 3 minutes with the usual deadline.
            public var deadlines = 3
            /// What becomes of it: kept, because what looks like silence may be a long piece of work.
            public var action = Action.keep

            /// Makes the default.
            public init() {}
        }

        /// How messages are told apart on the standard streams.
        public enum Framing: String, Sendable, CaseIterable {
            /// One message per line.
            case lines
            /// A head with the message's length before each, as language servers have it.
            case contentLength = "content-length"
        }

        /// What becomes of output that is no message.
        public enum BadOutput: String, Sendable, CaseIterable {
            /// It is noted and passed over.
            case skip
            /// The child is ended and the next one started.
            case fail
        }

        /// Who shares a child.
        public enum Sharing: Sendable, Equatable {
            /// All callers share as many children, each call going to the least busy one.
            case pool(Int)
            /// Each session has a child of its own.
            case perSession(PerSession)
        }

        /// What names sessions, and how many may have a child.
        public struct PerSession: Sendable, Equatable {
            /// Where a request says whose it is.
            public enum Source: Sendable, Equatable {
                /// The value of a header field.
                case header(String)
                /// The value of a cookie.
                case cookie(String)
            }

            /// What names the session of a request.
            public var source: Source
            /// Most sessions with a child: each is a process, which takes memory.
            public var limit = 100
            /// Quiet time after which a session's child is stopped.
            public var idleTimeout = Duration.seconds(600)

            /// Makes the default bounds.
            public init(source: Source) { self.source = source }
        }

        /// One message that each child gets before any call.
        public struct HandshakeStep: Sendable, Equatable {
            /// The method.
            public var method: String
            /// Its params, as compact JSON.
            public var params: [UInt8]
            /// Whether it is a notification, which has no answer.
            public var isNotification: Bool

            /// Makes a step.
            public init(method: String, params: [UInt8], isNotification: Bool) {
                self.method = method
                self.params = params
                self.isNotification = isNotification
            }
        }

        /// The program and its arguments; a program with a slash is an absolute path.
        public var command: [String]
        /// Directory, environment and queue.
        public var child: ChildSettings
        /// Who shares a child: all of them one, by default.
        public var sharing = Sharing.pool(1)
        /// How messages are told apart.
        public var framing = Framing.lines
        /// What becomes of output that is no message.
        public var badOutput = BadOutput.skip
        /// What each child is told before any call.
        public var handshake: [HandshakeStep] = []
        /// The signal that a notification of the child becomes, by its method.
        public var notifications: [String: String] = [:]
        /// When the child is started.
        public var start = Start.lazy
        /// Whether requests carry the member `context`.
        public var passesContext = false
        /// Longest message of the child, in bytes.
        public var lineSize = 16 << 20
        /// Time from the start to the first sign of life.
        public var startTimeout = Duration.seconds(10)
        /// Quiet time after which the child is stopped; nil for never.
        public var idleTimeout: Duration?
        /// Age at which a child is replaced; nil for never.
        public var maxLife: Duration?
        /// Pauses between restarts.
        public var restart = Restart()
        /// When a child seems to hang.
        public var silence = Silence()

        /// Makes the default settings of `command` in `directory`.
        public init(command: [String], directory: String) {
            self.command = command
            child = ChildSettings(directory: directory)
        }
    }

    /// A program run once per call.
    public struct ExecModule: Sendable, Equatable {
        /// What its standard output is.
        public enum Output: String, Sendable, CaseIterable {
            /// A JSON value, passed on.
            case json
            /// Text; the result is one string.
            case text
            /// Lines; the result is a list of strings.
            case lines
        }

        /// The program and its arguments; an argument `{name}` is replaced by that param.
        public var exec: [String]
        /// Directory, environment and queue.
        public var child: ChildSettings
        /// What its standard output is.
        public var output = Output.json
        /// Most bytes of output.
        public var outputSize = 1 << 20
        /// HTTP status of exit codes; codes not listed are 500.
        public var exitStatus: [Int: Int] = [:]

        /// Makes the default settings of `exec` in `directory`.
        public init(exec: [String], directory: String) {
            self.exec = exec
            child = ChildSettings(directory: directory)
        }
    }
}
