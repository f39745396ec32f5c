// InProcess: modules written in Swift that run inside the gateway, on whichever loop got the call.

internal import Bytes
internal import Notifier

/// One call of a command of a Swift module.
///
/// Any thread.
public struct Call: Sendable {
    /// The command's name.
    public let command: String

    /// The parameters: one valid JSON value.
    public let params: [UInt8]
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

    /// Answers with `json`, which must be one valid JSON value.
    public func result(_ json: [UInt8]) {
        if handle.isOnLoop {
            json.withUnsafeBytes { ticket.value.finish(.result($0)) }
        } else {
            let ticket = ticket
            handle.post { _ in json.withUnsafeBytes { ticket.value.finish(.result($0)) } }
        }
    }

    /// Answers with an error.
    ///
    /// - Parameters:
    ///   - status: the HTTP status for the caller, 400 to 599.
    ///   - message: a sentence for people.
    public func fail(_ status: Int = 500, _ message: String) {
        let isSound = (400...599).contains(status)
        let error = ModuleError.failed(
            module: module,
            .init(code: -32000, message: message, data: nil, status: isSound ? status : 500))
        if handle.isOnLoop {
            ticket.value.fail(error)
        } else {
            let ticket = ticket
            handle.post { _ in ticket.value.fail(error) }
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

    /// Answers `call` through `reply`, now or later.
    func call(_ call: Call, reply: Reply)
}

/// The back end of a Swift module.
///
/// Loop-confined.
final class InProcessBackend: ModuleBackend {
    private let module: any Module
    private let name: String
    private let handle: LoopHandle

    init(_ module: any Module, name: String, loop: EventLoop) {
        self.module = module
        self.name = name
        handle = loop.handle
    }

    func call(_ call: ModuleCall, _ ticket: CallTicket) {
        module.call(
            Call(
                command: String(decoding: call.command, as: UTF8.self), params: Array(call.params)),
            reply: Reply(ticket, handle, module: name))
    }
}

/// The built-in module `echo`: the result is the parameters.
///
/// Loop-confined.
final class EchoBackend: ModuleBackend {
    func call(_ call: ModuleCall, _ ticket: CallTicket) { ticket.finish(.result(call.params)) }
}
