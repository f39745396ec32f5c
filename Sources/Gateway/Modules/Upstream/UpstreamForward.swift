// UpstreamForward: one call on its way through the gateway: the request to the upstream and its
// answer back, each piece as it comes. Neither side is read while the other is behind.
//
//     client ── head ──→ request made ── first piece, or all ──→ sent ── more pieces ──→
//            ←── pieces ── head with the fields that pass ←── answer

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import Notifier

/// One call that is passed on.
///
/// Loop-confined; the two exchanges hold it.
final class UpstreamForward {
    private let module: UpstreamModule
    private let exchange: Exchange
    private let limit: Duration
    /// The deadline is the configuration's, so that missing it is the upstream's fault.
    private let isLimitOurs: Bool
    private let isProbe: Bool

    @exclusivity(unchecked) private var request: ClientRequest?
    @exclusivity(unchecked) private var call: ClientExchange?
    @exclusivity(unchecked) private var deadline: TimerToken?
    @exclusivity(unchecked) private var isConcluded = false
    @exclusivity(unchecked) private var hasHead = false

    private init(
        _ module: UpstreamModule, _ exchange: Exchange, _ request: consuming ClientRequest,
        _ limit: Duration, isLimitOurs: Bool, isProbe: Bool
    ) {
        self.module = module
        self.exchange = exchange
        self.request = consume request
        self.limit = limit
        self.isLimitOurs = isLimitOurs
        self.isProbe = isProbe
    }

    /// What is sent as the body.
    enum Body {
        /// None: a GET.
        case none
        /// What the client sends, as it comes.
        case streamed
        /// These bytes of JSON, made of what the client sent.
        case json(UnsafeRawBufferPointer)
    }

    /// Passes `exchange` on as a call of `command`, or answers why not; returns what is to become of
    /// the client's body.
    static func begin(
        _ module: UpstreamModule, _ exchange: Exchange, _ command: UnsafeRawBufferPointer,
        _ body: Body, limit: Duration, isLimitOurs: Bool
    ) -> BodyPlan {
        if module.fields.isLooping(exchange) {
            exchange.respondFailure(
                .upstream(
                    module: module.name,
                    UpstreamFault(.looping, "the call has come back to this gateway")))
            return .skip
        }
        let request: ClientRequest
        do throws(ClientError) {
            request = try compose(module, exchange, command, body)
        } catch {
            exchange.respondProblem(
                400, "bad_request", "The request cannot be passed on: \(error).")
            return .skip
        }
        var isProbe = false
        if let refusal = module.refusal(isProbe: &isProbe) {
            exchange.respondFailure(refusal)
            return .skip
        }
        let forward = UpstreamForward(
            module, exchange, request, limit, isLimitOurs: isLimitOurs, isProbe: isProbe)
        exchange.onAbandoned = { forward.clientLeft() }
        switch body {
        case .streamed:
            exchange.onBody = { forward.take($0, isLast: $1) }
            return .stream(limit: module.bodyLimit)
        case .none: forward.send(.none)
        case .json(let bytes): forward.send(.bytes(Payload(bytes)))
        }
        return .skip
    }

    // MARK: The request

    private static func compose(
        _ module: UpstreamModule, _ exchange: Exchange, _ command: UnsafeRawBufferPointer,
        _ body: Body
    ) throws(ClientError) -> ClientRequest {
        var target = module.settings.basePath + "/" + String(decoding: command, as: UTF8.self)
        if exchange.query.count > 0 {
            target += "?" + String(decoding: exchange.query, as: UTF8.self)
        }
        var request = try ClientRequest(
            exchange.method, target: target, authority: module.authority)
        let trace = exchange.field(.traceparent).flatMap { TraceContext.isValid($0) ? $0 : nil }
        var isJSON = false
        if case .json = body { isJSON = true }
        module.fields.pass(
            exchange, dropsContent: isJSON, hasTrace: trace != nil, to: &request)
        if isJSON { try request.append("Content-Type", "application/json") }
        var id = ByteBuffer()
        exchange.appendID(to: &id)
        try module.fields.set(
            UpstreamFields.Origin(
                client: exchange.peer?.host ?? "unix", isSecure: exchange.isSecure,
                host: exchange.authority, requestID: id.readable, trace: trace), to: &request)
        return request
    }

    /// Takes a piece of the client's body.
    private func take(_ piece: UnsafeRawBufferPointer, isLast: Bool) {
        guard let call else {
            // Nothing was sent yet, so that a small request leaves in one piece.
            guard !isLast else {
                send(piece.isEmpty ? .none : .bytes(Payload(piece)))
                return
            }
            send(.stream(length: exchange.announcedByteCount))
            if let call = self.call, !call.send(piece) { exchange.pauseBody() }
            return
        }
        guard !call.isOver else { return }
        if !piece.isEmpty, !call.send(piece) { exchange.pauseBody() }
        if isLast {
            call.endBody()
            exchange.resumeBody()
            armDeadline()
        }
    }

    private func send(_ body: ClientBody) {
        guard var request = request.take() else { return }
        request.body = body
        var events = ClientEvents()
        events.onHead = { [self] in answerBegins($0) }
        events.onBody = { [self] in pass($0) }
        events.onEnd = { [self] in answerEnded($0) }
        events.onWritable = { [self] in exchange.resumeBody() }
        if case .stream = body {} else { armDeadline() }
        do throws(ClientError) {
            call = try module.pool.send(request, events)
        } catch {
            answerEnded(error)
        }
    }

    private func armDeadline() {
        guard deadline == nil, !hasHead, !isConcluded else { return }
        deadline = module.surroundings.loop.addTimer(after: limit) { [self] in deadlinePassed() }
    }

    private func disarmDeadline() {
        if let deadline { module.surroundings.loop.removeTimer(deadline) }
        deadline = nil
    }

    // MARK: The answer

    private func answerBegins(_ answer: ClientExchange) {
        hasHead = true
        disarmDeadline()
        if isProbe { module.works() }
        answer.forEachField { known, name, value in
            guard module.fields.mayReturn(known, name) else { return }
            // What the parser let in can be written again.
            try? exchange.extraFields.appendField(name: name, value: value)
        }
        // What an upstream says is its own: no browser shall make a script of it.
        exchange.extraFields.append("X-Content-Type-Options: nosniff\r\n")
        let length: Int?
        switch answer.framing {
        case .length(let count): length = count
        case .chunked, .untilClose: length = nil
        case .none:
            // With HEAD and 304 the field tells of a body that does not come.
            let told = answer.field(.contentLength).flatMap {
                Int(String(decoding: $0, as: UTF8.self))
            }
            length = exchange.method == .head || answer.status == 304 ? told : 0
        }
        exchange.beginStream(answer.status, length: length)
    }

    private func pass(_ bytes: UnsafeRawBufferPointer) {
        exchange.send(bytes)
        guard exchange.isOpen, exchange.backlog > UpstreamModule.answerBacklog, let call else {
            return
        }
        call.pauseReading()
        exchange.onSent = { call.resumeReading() }
    }

    private func answerEnded(_ error: ClientError?) {
        guard let error else {
            conclude(.answered)
            exchange.endStream()
            return
        }
        if let fault = UpstreamFault(error) {
            conclude(.failed("\(error)"))
            fail(.upstream(module: module.name, fault))
        } else {
            conclude(.refused)
            fail(error.isClosing ? .draining : .overloaded(module: module.name))
        }
    }

    private func deadlinePassed() {
        deadline = nil
        call?.cancel()
        conclude(isLimitOurs ? .failed("no answer in time") : .abandoned)
        fail(.timedOut(module: module.name, limit: limit))
    }

    private func clientLeft() {
        call?.cancel()
        conclude(.abandoned)
    }

    /// Tells the client; an answer of which something has left is broken off, so that it is not taken
    /// for whole.
    private func fail(_ error: ModuleError) {
        exchange.onAbandoned = nil
        if !hasHead || exchange.takeBack() {
            exchange.respondFailure(error)
        } else {
            exchange.breakOff(afterFlush: true)
        }
    }

    private func conclude(_ conclusion: UpstreamModule.Conclusion) {
        guard !isConcluded else { return }
        isConcluded = true
        disarmDeadline()
        module.conclude(conclusion, isProbe: isProbe)
    }
}

extension ClientError {
    /// Whether the client side is ending.
    fileprivate var isClosing: Bool { self == .closed }
}
