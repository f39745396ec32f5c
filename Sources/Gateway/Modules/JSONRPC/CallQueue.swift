// CallQueue: calls that wait for a child, first come, first served. Bounded by their number, by
// their bytes, and each by the time that it may wait.

internal import Bytes
internal import Notifier

/// A call that waits for a child.
///
/// Loop-confined.
struct WaitingCall {
    let command: Payload
    let params: Payload
    let context: Payload
    let ticket: CallTicket
    fileprivate let expiry: TimerToken

    /// Bytes kept for it.
    fileprivate var byteCount: Int { command.count + params.count + context.count }

    /// The call as a back end gets it.
    ///
    /// Readable as long as this value is.
    var call: ModuleCall {
        ModuleCall(command: command.bytes, params: params.bytes, context: context.bytes)
    }
}

/// The calls of one module that wait for their turn.
///
/// Loop-confined.
final class CallQueue {
    private let module: String
    private let settings: Settings.ChildSettings
    private unowned let loop: EventLoop
    private var calls: [WaitingCall] = []

    /// Calls taken from the front of `calls`, whose places are still there.
    private var taken = 0

    /// Bytes of all that wait.
    private(set) var byteCount = 0

    /// Makes an empty queue with the bounds of `settings`.
    init(module: String, _ settings: Settings.ChildSettings, loop: EventLoop) {
        self.module = module
        self.settings = settings
        self.loop = loop
    }

    /// Number of calls that wait.
    var count: Int { calls.count - taken }

    /// Whether none waits.
    @inline(__always)
    var isEmpty: Bool { calls.count == taken }

    /// Lets `call` wait; fails its ticket if there is no room for it.
    func add(_ call: ModuleCall, _ ticket: CallTicket) {
        let size = call.command.count + call.params.count + call.context.count
        guard count < settings.queue, byteCount + size <= settings.queueSize else {
            ticket.fail(.overloaded(module: module))
            return
        }
        let limit = settings.queueTimeout
        let expiry = loop.addTimer(after: limit) { [unowned self] in
            remove(ticket)
            ticket.fail(.waitedTooLong(module: module, limit: limit))
        }
        calls.append(
            WaitingCall(
                command: Payload(call.command), params: Payload(call.params),
                context: Payload(call.context), ticket: ticket, expiry: expiry))
        byteCount += size
        ticket.onCancel { [unowned self] in
            remove(ticket)
            loop.removeTimer(expiry)
        }
    }

    /// Takes the call out that has waited longest.
    func takeFirst() -> WaitingCall? {
        guard taken < calls.count else { return nil }
        let first = calls[taken]
        taken += 1
        // Moving the rest up each time would cost the square of the queue's length.
        if taken == calls.count || taken >= 64 {
            calls.removeFirst(taken)
            taken = 0
        }
        byteCount -= first.byteCount
        loop.removeTimer(first.expiry)
        return first
    }

    private func remove(_ ticket: CallTicket) {
        guard let place = calls[taken...].firstIndex(where: { $0.ticket === ticket }) else {
            return
        }
        byteCount -= calls[place].byteCount
        calls.remove(at: place)
    }

    /// Fails all that wait.
    func failAll(_ error: ModuleError) {
        let failed = calls[taken...]
        calls = []
        taken = 0
        byteCount = 0
        for call in failed {
            loop.removeTimer(call.expiry)
            call.ticket.fail(error)
        }
    }
}
