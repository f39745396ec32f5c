// ClientConnection+Writing: sending a request: whole, or as its owner brings the body. It is written
// at once, not at the end of the turn: there is one request at a time, and nothing to gather.

internal import Bytes
internal import HTTPWire
internal import Notifier

extension ClientConnection {
    /// Takes `exchange` on, to be sent now or when the connection is made; returns whether it does.
    func carry(_ exchange: ClientExchange) -> Bool {
        guard self.exchange == nil else { return false }
        // Whatever has come since the last response was not asked for: then this one must not be
        // used, or its bytes would be taken for the answer.
        if phase == .idle { readSome() }
        guard phase != .closed else { return false }
        self.exchange = exchange
        exchange.connection = self
        if phase == .idle { begin(exchange) }
        return true
    }

    /// Whether the request of `exchange` is on its way.
    func isCarrying(_ exchange: ClientExchange) -> Bool {
        self.exchange === exchange && (phase == .head || phase == .body)
    }

    /// Sends the request of `exchange`, on a connection that is free.
    func begin(_ exchange: ClientExchange) {
        guard let socket else { return }
        phase = .head
        requestCount += 1
        hasAnswerBegun = false
        keepsAlive = true
        interimsLeft = limits.interimCount
        socket.queue.compose(room.pool) { output in
            exchange.request.composeHead(into: &output)
            output.append(exchange.early.readable)
        }
        exchange.early.release()
        if case .bytes(let payload) = exchange.request.body {
            socket.queue.append(payload, room.pool)
        }
        pauseChanged()
        flush()
        if exchange.awaitsWritable {
            loop.addTimer(after: .zero) { [weak self] in self?.write() }
        }
    }

    /// Sends a piece of the request's body; returns whether more may follow at once.
    func sendBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let socket, let exchange else { return false }
        // A peer that reads no more may still be answering: the rest goes nowhere, its answer counts.
        guard socket.sendError == nil else { return true }
        socket.queue.compose(room.pool) { exchange.appendBody(bytes, to: &$0) }
        flush()
        return socket.backlog < limits.sendBacklog
    }

    /// The request's body is complete.
    func endBody() {
        guard let socket, let exchange else { return }
        if exchange.isChunked, socket.sendError == nil {
            socket.queue.compose(room.pool) { ChunkedEncoder.appendLast(to: &$0) }
        }
        flush()
    }

    /// Writes what waits and tells the owner of a body when there is room.
    func write() {
        flush()
        guard let socket, let exchange, exchange.awaitsWritable, isCarrying(exchange),
            !socket.isBlocked
        else { return }
        exchange.awaitsWritable = false
        exchange.events.onWritable()
    }

    private func flush() {
        guard let socket else { return }
        let before = socket.backlog
        let wasBlocked = socket.isBlocked
        _ = socket.flush()
        // A peer that takes nothing gets no more time, however much is added.
        if !wasBlocked || socket.backlog < before { armForPhase() }
    }
}
