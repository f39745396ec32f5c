// ClientConnection: one connection of ours to a server: its phases, its deadline, and the requests
// that it carries one after the other. Reading responses is in ClientConnection+Reading.swift.
//
//     connecting → handshake → idle → head → body → idle …      (keep-alive)
//     any → closed
//
// It is used again only if nothing about the end of the last response is in doubt.

internal import HTTPWire
internal import Bytes
package import Notifier
internal import TLS

/// One connection to a server.
///
/// Loop-confined; its loop keeps it until it is closed. Not to be used after the loop is gone.
package final class ClientConnection {
    /// What the connection waits for.
    enum Phase: UInt8 {
        /// Addresses, and one of them to take the connection.
        case connecting
        /// The peer's part of the TLS handshake.
        case handshake
        /// A request.
        case idle
        /// The head of the final response.
        case head
        /// The rest of the body.
        case body
        /// Nothing: it is over.
        case closed
    }

    /// Whom it leads to.
    package let origin: ClientOrigin
    /// Called once when the connection is over.
    package var onClosed: (() -> Void)?

    let limits: ClientLimits
    let parser: ResponseParser
    unowned let loop: EventLoop
    unowned let room: ClientLoop
    weak var pool: ClientPool?

    @exclusivity(unchecked) private(set) var slot = -1
    @exclusivity(unchecked) var phase = Phase.connecting
    @exclusivity(unchecked) var socket: ClientSocket?
    @exclusivity(unchecked) var exchange: ClientExchange?
    /// Requests it has carried, the present one included.
    @exclusivity(unchecked) var requestCount = 0

    // The present response.
    /// Some of an answer has arrived.
    @exclusivity(unchecked) var hasAnswerBegun = false
    /// Nothing said so far speaks against another request.
    @exclusivity(unchecked) var keepsAlive = true
    @exclusivity(unchecked) var interimsLeft = 0
    @exclusivity(unchecked) var bodyLeft = 0
    @exclusivity(unchecked) var bodyByteCount = 0
    @exclusivity(unchecked) var progressMark = 0
    @exclusivity(unchecked) var decoder = ChunkedDecoder(isResponse: true)
    /// Part of a head.
    @exclusivity(unchecked) var pending = ByteBuffer()

    let ticks: ClientTicks
    var connector: ClientConnector?

    /// Begins to connect to `origin`.
    package convenience init(to origin: ClientOrigin, limits: ClientLimits, on loop: EventLoop) {
        self.init(to: origin, limits: limits, on: loop, pool: nil)
        start()
    }

    /// Prepares a connection; `start` begins to connect.
    init(to origin: ClientOrigin, limits: ClientLimits, on loop: EventLoop, pool: ClientPool?) {
        self.origin = origin
        self.limits = limits
        self.loop = loop
        self.pool = pool
        ticks = ClientTicks(limits)
        parser = ResponseParser(limits: limits.wire)
        room = loop.local(ClientLoop.self)
        slot = room.keep(self)
    }

    /// Begins to connect; what it carries by then goes out as soon as it is connected.
    func start() {
        room.arm(self, ticks.connect)
        origin.resolver.find { [weak self] in self?.connect(to: $0) }
    }

    /// Whether it is not over.
    package var isOpen: Bool { phase != .closed }

    /// Whether it is connected and carries no request.
    package var isFree: Bool { phase == .idle }

    /// Sends a request, or keeps it until the connection is made.
    ///
    /// - Throws: `ClientError.closed` if it is over or carries another request.
    package func send(
        _ request: consuming ClientRequest, _ events: ClientEvents
    ) throws(ClientError) -> ClientExchange {
        let exchange = ClientExchange(request, events)
        guard carry(exchange) else { throw .closed }
        return exchange
    }

    /// Closes at once; a request under way ends with `ClientError.closed`.
    package func close() {
        fail(.closed)
    }

    // MARK: Events

    /// Something happened to the socket.
    func becameReady(_ ready: Readiness) {
        // The registration holds self unowned; a callback may close and release it.
        withExtendedLifetime(self) {
            if !ready.isDisjoint(with: .ended) { socket?.endWasSignalled = true }
            if ready.contains(.write) { write() }
            if ready.contains(.read) || !ready.isDisjoint(with: .ended) { readSome() }
        }
    }

    /// The owner wants to read, or wants not to.
    func pauseChanged() {
        guard let socket, let exchange, isCarrying(exchange) else { return }
        socket.isReading = !exchange.isPaused
        socket.updateInterest()
        armForPhase()
        if !exchange.isPaused, socket.endWasSignalled {
            // The loop does not tell of an end twice. Not now: this may be inside `onBody`.
            loop.addTimer(after: .zero) { [weak self] in self?.readSome() }
        }
    }

    /// Arms the deadline that fits the phase.
    ///
    /// Those of connecting and of the handshake cover the whole of it and are armed once.
    func armForPhase() {
        guard let socket, let exchange, isCarrying(exchange) else { return }
        if phase == .head, socket.isBlocked {
            room.arm(self, ticks.write)
        } else if exchange.isPaused || (phase == .head && exchange.bodyState == .open) {
            // It is our side that takes its time.
            room.disarm(self)
        } else {
            room.arm(self, phase == .head ? ticks.head : ticks.body)
        }
    }

    /// The connection's deadline has passed.
    func deadlinePassed() {
        switch phase {
        case .connecting: fail(.timedOut(.connect))
        case .handshake: fail(.timedOut(.handshake))
        case .idle: release()
        case .head: fail(.timedOut(socket?.isBlocked == true ? .write : .head))
        case .body: fail(.timedOut(.body))
        case .closed: break
        }
    }

    // MARK: Endings

    /// The response is complete; `hasLeftover` if the peer sent more than that.
    func complete(hasLeftover: Bool) {
        guard let socket, let done = exchange else { return }
        exchange = nil
        done.connection = nil
        let isReusable =
            keepsAlive && !hasLeftover && !socket.endWasSignalled && done.bodyState == .ended
            && socket.backlog == 0 && socket.sendError == nil
        if isReusable {
            phase = .idle
            room.arm(self, ticks.idle)
            socket.isReading = true
            socket.updateInterest()
            if requestCount == 1, let resumption = socket.tls?.resumption {
                pool?.resumption = resumption
            }
            pool?.connectionIsFree(self)
        } else {
            release()
        }
        done.finish(nil)
    }

    /// The connection ended or broke before its exchange did.
    ///
    /// A request that is harmless to repeat is repeated if the connection had been kept from an
    /// earlier one and no byte of an answer came: then the peer closed it while the request was under
    /// way (RFC 9112 §9.3.1). That happens once, as the second attempt gets a new connection.
    func lost(_ error: ClientError) {
        guard let pool, let exchange, !hasAnswerBegun, requestCount > 1,
            exchange.request.isRepeatable
        else {
            fail(error)
            return
        }
        self.exchange = nil
        exchange.connection = nil
        exchange.isRetry = true
        pool.putFirst(exchange)
        release()
    }

    /// Ends the connection and its exchange.
    func fail(_ error: ClientError) {
        guard phase != .closed else { return }
        let failed = exchange
        exchange = nil
        failed?.connection = nil
        release()
        failed?.finish(error)
    }

    /// As `fail`, but after the caller has returned; only for what no connection survives, so that
    /// it cannot hit another exchange.
    func failSoon(_ error: ClientError) {
        loop.addTimer(after: .zero) { [weak self] in self?.fail(error) }
    }

    /// Ends the connection; its exchange has been told, or wants to hear no more.
    func abandon() {
        exchange = nil
        release()
    }

    /// The loop is gone: nobody is told, and nothing of it may be touched.
    func letGo() {
        phase = .closed
        exchange?.connection = nil
        exchange = nil
    }

    /// Closes everything and tells the pool.
    func release() {
        guard phase != .closed else { return }
        phase = .closed
        connector?.cancel()
        connector = nil
        socket?.close()
        pending.release()
        room.release(self)
        pool?.connectionEnded(self)
        let tell = onClosed
        onClosed = nil
        tell?()
    }
}
