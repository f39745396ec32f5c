// ModuleFacts: what all loops know of a module: a value that its owner sends to the others whenever
// it changes.

internal import JSON

/// The state of a module as people see it.
enum ModuleState: String, Sendable {
    /// States of several children, the one that speaks for all of them first.
    static let order: [ModuleState] = [.ready, .starting, .unresponsive, .failing, .stopped]

    /// Not running; the first call starts it.
    case stopped
    /// Being started; calls wait.
    case starting
    /// Takes calls.
    case ready
    /// Runs and takes calls, but has answered none of the last ones in time.
    case unresponsive
    /// Ended unexpectedly again and again; calls are refused for a while.
    case failing
}

/// One command of a module.
struct CommandFacts: Sendable {
    /// Its name.
    var name: String
    /// What it does, for people.
    var description: String?
    /// Whether GET may call it.
    var isSafe: Bool
    /// The JSON Schema of its parameters, as JSON.
    var params: [UInt8]?
    /// The same, ready to check with.
    var schema: JSONSchema?
    /// How long a call may take, if not as long as the gateway allows.
    var timeout: Duration?
    /// Whether the module sends no answer, so that the call is over when it has been sent.
    var isNotification = false
    /// The fixed answer, as JSON, if the configuration gives one.
    var fixedReply: [UInt8]?
}

/// One child of a module, as people see it.
struct ChildFacts: Sendable, Equatable {
    /// Its state.
    var state: ModuleState
    /// Why it is in that state, if there is something to say.
    var reason: String?
    /// Its process id, if it runs.
    var pid: Int?
    /// How often it was started again after it had ended unexpectedly.
    var restarts = 0
    /// Failures in a row; enough of them open the breaker.
    var failures = 0
}

/// What of a request names the session that a child belongs to.
enum SessionSource: Sendable, Equatable {
    /// The value of a header field.
    case header(String)
    /// The value of a cookie.
    case cookie(String)

    /// Longest name of a session: two SHA-256 digests in hexadecimal.
    static let byteLimit = 128

    /// `the header field X-Session`, `the cookie sid`.
    var text: String {
        switch self {
        case .header(let name): "the header field \(name)"
        case .cookie(let name): "the cookie \(name)"
        }
    }
}

/// What a module and those who call it have done that is worth counting.
///
/// Any thread.
struct ModuleCounters: Sendable {
    /// Calls that came.
    var calls: UInt64 = 0
    /// Answers that found their caller.
    var answers: UInt64 = 0
    /// Lines or messages that were none.
    var malformed: UInt64 = 0
    /// Lines or messages that were too long.
    var overlong: UInt64 = 0
    /// Answers to calls that never were.
    var unknownAnswers: UInt64 = 0
    /// Answers to calls that were over, and second answers.
    var lateAnswers: UInt64 = 0
    /// Signals that the module may not emit, or that were none.
    var refusedSignals: UInt64 = 0
    /// Requests of the child, which the gateway does not take.
    var refusedRequests: UInt64 = 0

    /// The names and values, as the metrics and the module's resource have them.
    var all: [(name: StaticString, help: StaticString, value: UInt64)] {
        [
            ("calls", "Calls that came.", calls),
            ("answers", "Answers that found their caller.", answers),
            ("malformed", "Lines or messages that were none.", malformed),
            ("overlong", "Lines or messages that were too long.", overlong),
            ("unknown_answers", "Answers to calls that never were.", unknownAnswers),
            ("late_answers", "Answers to calls that were over, and second ones.", lateAnswers),
            ("refused_signals", "Signals that it may not emit.", refusedSignals),
            ("refused_requests", "Requests of the child, which are not taken.", refusedRequests),
        ]
    }

    /// Adds what `other` has counted.
    mutating func add(_ other: ModuleCounters) {
        calls &+= other.calls
        answers &+= other.answers
        malformed &+= other.malformed
        overlong &+= other.overlong
        unknownAnswers &+= other.unknownAnswers
        lateAnswers &+= other.lateAnswers
        refusedSignals &+= other.refusedSignals
        refusedRequests &+= other.refusedRequests
    }
}

/// What all loops know of one module.
///
/// Any thread.
struct ModuleFacts: Sendable {
    /// Its name.
    var name: String
    /// What it is for, for people.
    var description: String?
    /// `process`, `exec`, `upstream`, `reply` or `builtin`.
    var kind: String
    /// Its state.
    var state: ModuleState
    /// Why it is in that state, if it is not ready.
    var reason: String?
    /// The children of a module that has them.
    var children: [ChildFacts] = []
    /// What is wrong with how the module describes itself.
    var warnings: [String] = []
    /// Its commands, by name.
    var commands: [CommandFacts]
    /// Whether it takes commands that are not listed.
    var acceptsAnyCommand = false
    /// Whether it is started with the gateway.
    var isEager = false
    /// Whether the gateway is ready only when it is.
    var isRequired = false
    /// Whether it has been ready, or has failed, at least once.
    var hasSettled = false
    /// Whether each call carries a context object.
    var wantsContext = false
    /// What it has done, if it is an upstream.
    var upstream: UpstreamBoard?
    /// What names the session of a call, for a module with a child for each.
    var sessionSource: SessionSource?

    /// Takes over what is known of `all` children: the one in the best state speaks for the module.
    ///
    /// - Parameter limit: how many of them are listed at most.
    mutating func adopt(_ all: [ChildFacts], limit: Int = .max) {
        children = Array(all.prefix(limit))
        let first = ModuleState.order.lazy
            .compactMap { state in all.first { $0.state == state } }.first
        state = first?.state ?? .stopped
        reason = first?.reason
    }

    /// How often a child was started again after it had ended unexpectedly.
    var restarts: Int { children.reduce(0) { $0 + $1.restarts } }

    /// The most failures in a row of a child; enough of them open the breaker.
    var failures: Int { children.reduce(0) { max($0, $1.failures) } }

    /// The process id of the first child that runs.
    var pid: Int? { children.lazy.compactMap(\.pid).first }

    /// Whether the gateway is not ready because of this module: it is required and does not work, or
    /// it is started with the gateway and has not yet shown how that turns out.
    var holdsReadiness: Bool {
        if isEager, !hasSettled { return true }
        switch state {
        case .failing, .starting, .unresponsive: return isRequired
        case .ready, .stopped: return false
        }
    }
}
