// ModuleFacts: what all loops know of a module: a value that its owner sends to the others whenever
// it changes.

internal import JSON

/// The state of a module as people see it.
enum ModuleState: String, Sendable {
    /// Not running; the first call starts it.
    case stopped
    /// Being started; calls wait.
    case starting
    /// Takes calls.
    case ready
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
    /// The fixed answer, as JSON, if the configuration gives one.
    var fixedReply: [UInt8]?
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
    /// The child's process id.
    var pid: Int?
    /// How often it was started again after it had ended unexpectedly.
    var restarts = 0
    /// Its commands, by name.
    var commands: [CommandFacts]
    /// Whether it takes commands that are not listed.
    var acceptsAnyCommand = false
    /// Whether it is started with the gateway, which is ready only when it is.
    var isEager = false
    /// Whether each call carries a context object.
    var wantsContext = false
    /// What it has done, if it is an upstream.
    var upstream: UpstreamBoard?
}
