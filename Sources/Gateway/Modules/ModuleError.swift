// ModuleError: why a call has no result, with the status and the code that say so. The only place,
// beside WireError, where HTTP status codes are chosen.

internal import Bytes
internal import JSON

/// A call that failed.
enum ModuleError: Error, Sendable {
    /// No module of that name.
    case unknownModule(String)
    /// The module has no such command.
    case unknownCommand(module: String, command: String)
    /// GET was used for a command that is not declared safe.
    case notSafe(module: String, command: String)
    /// The parameters are not what the command takes; one sentence for each fault.
    case badParameters([(pointer: String, message: String)])
    /// The module answered with an error of its own.
    case failed(module: String, RPCError)
    /// The child ended while it had the call.
    case exited(module: String, ChildEnd)
    /// The program of an exec module ended with an exit code other than 0, for which the configuration
    /// may have a status.
    case runFailed(module: String, ChildEnd, status: Int?)
    /// The child could not be started.
    case notStarted(module: String, reason: String)
    /// The child keeps failing; nothing is tried for `retryAfter` seconds.
    case failing(module: String, ChildEnd, retryAfter: Int)
    /// Too many calls are waiting.
    case overloaded(module: String)
    /// The call waited for its turn as long as it may.
    case waitedTooLong(module: String, limit: Duration)
    /// As many sessions as the module may have have a child of their own.
    case tooManySessions(module: String, limit: Int)
    /// The module has a child for each session, and the request names none.
    case sessionRequired(module: String, source: String)
    /// The call took longer than it may.
    case timedOut(module: String, limit: Duration)
    /// The module's answer is not what its protocol says.
    case nonsense(module: String, reason: String)
    /// The upstream gave no answer.
    case upstream(module: String, UpstreamFault)
    /// The caller has gone.
    case cancelled
    /// The gateway is shutting down.
    case draining

    /// An error that a module declared (JSON-RPC 2.0 §5.1).
    struct RPCError: Sendable {
        /// Its code.
        var code: Int
        /// What it says.
        var message: String
        /// Its `data`, as JSON, if any.
        var data: [UInt8]?
        /// The status it asks for: a 4xx or 5xx in `data.status`.
        var status: Int?
    }

    /// How a child ended, and the last it said.
    struct ChildEnd: Sendable {
        /// The exit code, if it exited.
        var exitCode: Int?
        /// The signal's number, if one ended it.
        var signal: Int?
        /// Whether it ended in a way that is not known.
        var isUnknown = false
        /// Its last lines on stderr, oldest first.
        var lastLines: [String] = []
        /// Why it was not started, or why the gateway ended it.
        var reason: String?

        /// Whether there was a child at all.
        var wasRunning: Bool { exitCode != nil || signal != nil || isUnknown }

        /// `was ended by SIGKILL (9)`, `exited with code 3`, or why there was none.
        var sentence: String {
            guard wasRunning else {
                return "could not be started" + (reason.map { ": \($0)" } ?? "")
            }
            if let reason { return "\(reason) and was ended for it" }
            if let signal { return "was ended by \(SignalNumber.name(signal))" }
            if let exitCode { return "exited with code \(exitCode)" }
            return "ended in an unknown way"
        }
    }

    /// The HTTP status.
    var status: Int {
        switch self {
        case .unknownModule, .unknownCommand: 404
        case .notSafe: 405
        case .badParameters: 422
        case .failed(_, let error): error.status ?? Self.status(ofCode: error.code)
        case .runFailed(_, _, let status): status ?? 500
        case .exited, .nonsense: 502
        case .notStarted, .failing, .overloaded, .waitedTooLong, .tooManySessions, .draining: 503
        case .sessionRequired: 400
        case .timedOut: 504
        case .upstream(_, let fault): fault.status
        case .cancelled: 499
        }
    }

    /// The status for the error codes that JSON-RPC reserves.
    private static func status(ofCode code: Int) -> Int {
        switch code {
        case -32601: 404
        case -32602: 422
        default: 500
        }
    }

    /// A stable name for programs.
    var code: StaticString {
        switch self {
        case .unknownModule: "unknown_module"
        case .unknownCommand: "unknown_command"
        case .notSafe: "method_not_allowed"
        case .badParameters: "bad_parameters"
        case .failed, .runFailed: "module_error"
        case .exited: "module_exited"
        case .notStarted: "module_not_started"
        case .failing: "module_failing"
        case .overloaded: "overloaded"
        case .waitedTooLong: "queue_timeout"
        case .tooManySessions: "too_many_sessions"
        case .sessionRequired: "session_required"
        case .timedOut: "timed_out"
        case .nonsense: "module_nonsense"
        case .upstream(_, let fault): fault.code
        case .cancelled: "cancelled"
        case .draining: "draining"
        }
    }

    /// Whether the same call may succeed later without harm from having been tried.
    var isRetryable: Bool {
        switch self {
        case .notStarted, .failing, .overloaded, .waitedTooLong, .tooManySessions, .draining: true
        case .upstream(_, let fault): fault.isRetryable
        default: false
        }
    }

    /// Seconds after which it makes sense to try again.
    var retryAfter: Int? {
        switch self {
        case .failing(_, _, let seconds): seconds
        case .notStarted, .overloaded, .waitedTooLong, .tooManySessions, .draining: 1
        case .upstream(_, let fault): fault.retryAfter
        default: nil
        }
    }

    /// What happened, in a sentence.
    var detail: String {
        switch self {
        case .unknownModule(let name): "There is no module \"\(name)\"."
        case .unknownCommand(let module, let command):
            "Module \"\(module)\" has no command \"\(command)\"."
        case .notSafe(let module, let command):
            "Command \"\(module)/\(command)\" is not declared safe: use POST."
        case .badParameters(let faults):
            "The parameters have \(Quantity.text(faults.count, "fault"))."
        case .failed(let module, let error): "Module \"\(module)\" says: \(error.message)"
        case .runFailed(let module, let end, _):
            "Module \"\(module)\" "
                + (end.lastLines.last.map { "says: \($0)" } ?? end.sentence + ".")
        case .exited(let module, let end):
            "Module \"\(module)\" \(end.sentence) while it had this call."
        case .notStarted(let module, let reason):
            "Module \"\(module)\" could not be started: \(reason)."
        case .failing(let module, let end, _):
            "Module \"\(module)\" keeps failing: it \(end.sentence)."
        case .overloaded(let module): "Module \"\(module)\" has too many calls waiting."
        case .waitedTooLong(let module, let limit):
            "The call waited \(SettingUnits.text(limit)) for its turn at module \"\(module)\", and did"
                + " not get it."
        case .tooManySessions(let module, let limit):
            "Module \"\(module)\" has a child for each session, and \(limit) already."
        case .sessionRequired(let module, let source):
            "Module \"\(module)\" has a child for each session, which \(source) names; this request"
                + " has none, or one that is no name."
        case .timedOut(let module, let limit):
            "There was no answer from module \"\(module)\" within \(SettingUnits.text(limit))."
        case .nonsense(let module, let reason):
            "Module \"\(module)\" answered with something that is no answer: \(reason)."
        case .upstream(let module, let fault):
            "The server behind module \"\(module)\" gave no answer: \(fault.reason)."
        case .cancelled: "The caller has gone."
        case .draining: "The gateway is shutting down."
        }
    }
}

/// Names of POSIX signals for messages.
enum SignalNumber {
    /// `SIGKILL (9)`.
    static func name(_ number: Int) -> String {
        let names = [
            1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS",
            8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
        ]
        return names[number].map { "\($0) (\(number))" } ?? "signal \(number)"
    }
}
