// InProcess: modules written in Swift that run inside the gateway, on whichever loop got the call:
// here the callback form, which costs nothing. The form with `async` and `Codable` is CodableModule.

internal import Bytes
internal import JSON
public import Notifier

/// One call of a command of a Swift module.
///
/// Any thread.
public struct Call: Sendable {
    /// The command's name.
    public let command: String

    /// The parameters: one valid JSON value.
    public let params: [UInt8]

    /// The loop that has the call, for tasks and for `sleep`.
    public let executor: LoopExecutor

    /// What is known of the caller, as JSON; empty unless the module's `wantsContext` is true.
    public let context: [UInt8]

    /// Whether anybody wants to know how the call is getting on: a caller who watches it, or a job.
    public let isWatched: Bool

    let reply: Reply

    /// The request's id, as the client has it in `X-Request-Id`.
    public var requestID: String? { member("request_id") }

    /// The client's address.
    public var client: String? { member("client") }

    /// The client's trace context (W3C `traceparent`), if it brought one.
    public var traceparent: String? { member("traceparent") }

    private func member(_ name: String) -> String? {
        context.withUnsafeBytes { (try? JSONValue.parse($0))?[name]?.string }
    }
}

/// Takes the answer to one call; the first answer counts.
///
/// Any thread.
public struct Reply: Sendable {
    private let ticket: LoopBound<CallTicket>
    private let handle: LoopHandle
    private let module: String

    init(_ ticket: CallTicket, _ handle: LoopHandle, module: String) {
        self.ticket = LoopBound(ticket, handle)
        self.handle = handle
        self.module = module
    }

    /// Calls `action` on the loop if the answer is no longer wanted: the caller has gone, or the
    /// deadline has passed.
    ///
    /// Not after an answer; a later action takes the place of an earlier one.
    public func onCancel(_ action: @escaping @Sendable () -> Void) {
        onLoop { ticket in
            if ticket.isOpen { ticket.onCancel(action) } else { action() }
        }
    }

    /// Answers with `json`, which must be one valid JSON value.
    public func result(_ json: [UInt8]) {
        onLoop { ticket in json.withUnsafeBytes { ticket.finish(.result($0)) } }
    }

    /// Tells how the call is getting on, if anybody watches it; nobody hears of it after the answer.
    ///
    /// - Parameter json: one valid JSON value on one line.
    public func progress(_ json: [UInt8]) {
        onLoop { ticket in
            guard ticket.isOpen, let observer = ticket.observer else { return }
            json.withUnsafeBytes { observer.progress($0, 0) }
        }
    }

    /// Answers with an error.
    ///
    /// - Parameters:
    ///   - status: the HTTP status for the caller, 400 to 599.
    ///   - message: a sentence for people.
    public func fail(_ status: Int = 500, _ message: String) {
        fail(status, message, data: nil)
    }

    /// As above, with JSON for programs.
    func fail(_ status: Int, _ message: String, data: [UInt8]?) {
        let isSound = (400...599).contains(status)
        let error = ModuleError.failed(
            module: module,
            .init(code: -32000, message: message, data: data, status: isSound ? status : 500))
        onLoop { ticket in ticket.fail(error) }
    }

    /// Answers that the parameters are not what the command takes.
    func refuse(_ pointer: String, _ message: String) {
        onLoop { ticket in ticket.fail(.badParameters([(pointer: pointer, message: message)])) }
    }

    private func onLoop(_ body: @escaping @Sendable (CallTicket) -> Void) {
        if handle.isOnLoop {
            body(ticket.value)
        } else {
            let ticket = ticket
            handle.post { _ in body(ticket.value) }
        }
    }
}

/// A module written in Swift.
///
/// Its commands run on the loop that received the call: they must not block it. What takes long
/// belongs on a `WorkerPool`; the reply may come later and from any thread.
public protocol Module: Sendable {
    /// The names of its commands; empty if it takes any.
    var commands: [String] { get }

    /// What each of its commands is for; by default nothing is said, and none is safe.
    var descriptions: [CommandDescription] { get }

    /// Whether each call carries what is known of the caller; false by default.
    var wantsContext: Bool { get }

    /// Answers `call` through `reply`, now or later.
    func call(_ call: Call, reply: Reply)
}

extension Module {
    /// The commands by name.
    public var descriptions: [CommandDescription] { commands.map { CommandDescription($0) } }

    /// The caller does not matter.
    public var wantsContext: Bool { false }
}

/// A command of a Swift module as others see it.
public struct CommandDescription: Sendable {
    /// Its name.
    public var name: String
    /// What it does, in a sentence.
    public var summary: String?
    /// Whether it changes nothing, so that `GET` may call it.
    public var isSafe: Bool

    /// Describes a command.
    public init(_ name: String, summary: String? = nil, isSafe: Bool = false) {
        self.name = name
        self.summary = summary
        self.isSafe = isSafe
    }
}

/// The back end of a Swift module.
///
/// Loop-confined.
final class InProcessBackend: ModuleBackend {
    private let module: any Module
    private let name: String
    private let executor: LoopExecutor

    init(_ module: any Module, name: String, loop: EventLoop) {
        self.module = module
        self.name = name
        executor = LoopExecutor(loop.handle)
    }

    func call(_ call: ModuleCall, _ ticket: CallTicket) {
        let reply = Reply(ticket, executor.handle, module: name)
        module.call(
            Call(
                command: String(decoding: call.command, as: UTF8.self), params: Array(call.params),
                executor: executor, context: Array(call.context),
                isWatched: ticket.observer != nil, reply: reply),
            reply: reply)
    }
}

/// The built-in module `echo`: the result is the parameters.
///
/// Loop-confined.
final class EchoBackend: ModuleBackend {
    func call(_ call: ModuleCall, _ ticket: CallTicket) { ticket.finish(.result(call.params)) }
}
