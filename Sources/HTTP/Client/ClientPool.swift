// ClientPool: the connections of one loop to one server, and the requests that wait for one. Bounded
// in every direction: connections, idle ones among them, waiting requests and their time.
//
//     send → idle connection, newest first → new connection → queue → error

internal import HTTPWire
package import Notifier
internal import TLS

/// The connections to one server.
///
/// Loop-confined; a pool that is let go closes them.
package final class ClientPool {
    /// Whom they lead to.
    package let origin: ClientOrigin

    /// Bounds and deadlines.
    package let limits: ClientLimits

    /// What shortens the next TLS handshake.
    var resumption: TLSResumption?

    private let loop: EventLoop
    private var connections: [ClientConnection] = []
    /// Connections without a request, the one used last at the end.
    private var idle: [ClientConnection] = []
    private var queue: [ClientExchange] = []
    private var isClosed = false
    private var isPlacing = false

    /// Makes a pool without connections.
    package init(_ origin: ClientOrigin, limits: ClientLimits = ClientLimits(), on loop: EventLoop)
    {
        self.origin = origin
        self.limits = limits
        self.loop = loop
    }

    deinit { for connection in connections { connection.close() } }

    /// Connections that are open or being opened.
    package var connectionCount: Int { connections.count }

    /// Connections without a request.
    package var idleCount: Int { idle.count }

    /// Requests that wait for a connection.
    package var waitingCount: Int { queue.count }

    /// Sends a request on a free connection, or as soon as there is one.
    ///
    /// - Throws: `ClientError.queueFull`, or `.closed` after `close`; nothing is called then.
    @discardableResult
    package func send(
        _ request: consuming ClientRequest, _ events: ClientEvents
    ) throws(ClientError) -> ClientExchange {
        guard !isClosed else { throw .closed }
        let exchange = ClientExchange(request, events)
        exchange.pool = self
        if queue.isEmpty, place(exchange) { return exchange }
        guard queue.count < limits.queueLength else {
            throw .queueFull(limit: limits.queueLength)
        }
        queue.append(exchange)
        exchange.queueTimer = loop.addTimer(after: limits.queueTimeout) {
            [weak self, weak exchange] in
            guard let self, let exchange else { return }
            exchange.queueTimer = nil
            forget(exchange)
            exchange.finish(.timedOut(.queue))
        }
        return exchange
    }

    /// Closes connections without a request, as when the server has been replaced.
    package func closeIdle() {
        for connection in idle { connection.close() }
    }

    /// Closes everything at once; requests under way or waiting end with `ClientError.closed`.
    package func close() {
        isClosed = true
        let waiting = queue
        queue = []
        for exchange in waiting {
            dequeued(exchange)
            exchange.finish(.closed)
        }
        for connection in connections { connection.close() }
    }

    // MARK: Placing

    /// Finds a connection for `exchange`; returns whether there is one.
    private func place(_ exchange: ClientExchange) -> Bool {
        if exchange.isRetry {
            // The first attempt met a connection that the peer had closed; others may be as old.
            if connections.count >= limits.connections { idle.first?.close() }
        } else {
            while let connection = idle.popLast() {
                if connection.carry(exchange) { return true }
            }
        }
        guard connections.count < limits.connections else { return false }
        let fresh = ClientConnection(to: origin, limits: limits, on: loop, pool: self)
        connections.append(fresh)
        guard fresh.carry(exchange) else { return false }
        fresh.start()
        return true
    }

    /// Gives connections to those that wait, in their order.
    private func placeWaiting() {
        // Placing may close connections, which ends up here again.
        guard !isPlacing, !isClosed else { return }
        isPlacing = true
        defer { isPlacing = false }
        while let exchange = queue.first {
            queue.removeFirst()
            guard place(exchange) else {
                queue.insert(exchange, at: 0)
                return
            }
            dequeued(exchange)
        }
    }

    private func dequeued(_ exchange: ClientExchange) {
        if let timer = exchange.queueTimer { loop.removeTimer(timer) }
        exchange.queueTimer = nil
    }

    /// Lets go of a waiting exchange.
    func forget(_ exchange: ClientExchange) {
        queue.removeAll { $0 === exchange }
        dequeued(exchange)
    }

    /// Lets `exchange` wait in front of all others.
    func putFirst(_ exchange: ClientExchange) { queue.insert(exchange, at: 0) }

    /// Ends a waiting exchange after the caller has returned.
    func failSoon(_ exchange: ClientExchange, _ error: ClientError) {
        loop.addTimer(after: .zero) { [weak self, weak exchange] in
            guard let self, let exchange, exchange.connection == nil else { return }
            forget(exchange)
            exchange.finish(error)
        }
    }

    // MARK: Connections

    /// A connection can take a request.
    func connectionIsFree(_ connection: ClientConnection) {
        idle.append(connection)
        placeWaiting()
        if idle.count > limits.idleConnections { idle.first?.close() }
    }

    /// A connection is over.
    func connectionEnded(_ connection: ClientConnection) {
        idle.removeAll { $0 === connection }
        connections.removeAll { $0 === connection }
        placeWaiting()
    }
}
