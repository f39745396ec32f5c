// ClientExchange: one request of ours and its response: what its owner holds, and what the
// connection that carries it tells. The server's counterpart is Exchange.

internal import Bytes
package import HTTPWire
internal import Notifier

/// What the owner of a request wants to hear.
///
/// Called on the loop, never inside `send` of a pool or a connection; nothing is called after
/// `onEnd`, or after the owner has cancelled.
package struct ClientEvents {
    /// The head of the final response is there; its fields are readable until this returns.
    package var onHead: (ClientExchange) -> Void = { _ in }

    /// The next bytes of the body, readable until this returns.
    package var onBody: (UnsafeRawBufferPointer) -> Void = { _ in }

    /// The response is complete (nil), or will never be.
    ///
    /// Without a call of this with nil, what came of a body must not be taken for all of it.
    package var onEnd: (ClientError?) -> Void = { _ in }

    /// After `send` has returned false: more of the request's body may be sent.
    package var onWritable: () -> Void = {}

    /// Makes events that nobody hears.
    package init() {}
}

/// One request and its response.
///
/// Loop-confined.
package final class ClientExchange {
    /// How far a streamed request body is.
    enum BodyState { case open, ended, broken }

    let request: ClientRequest
    @exclusivity(unchecked) var events: ClientEvents
    @exclusivity(unchecked) var connection: ClientConnection?
    weak var pool: ClientPool?

    /// Pending while it waits for a connection of a pool.
    @exclusivity(unchecked) var queueTimer: TimerToken?
    /// It was sent before, on a connection that turned out to be closed.
    @exclusivity(unchecked) var isRetry = false

    // The request's body.
    @exclusivity(unchecked) var bodyState: BodyState
    /// Bytes of the body that the owner has handed over.
    @exclusivity(unchecked) var handedByteCount = 0
    /// What was handed over before there was a connection.
    @exclusivity(unchecked) var early = ByteBuffer()
    /// `send` has returned false and `onWritable` was not called since.
    @exclusivity(unchecked) var awaitsWritable = false

    // The response.
    @exclusivity(unchecked) var scratch: ClientScratch?
    @exclusivity(unchecked) var headBytes = UnsafeRawBufferPointer(start: nil, count: 0)
    @exclusivity(unchecked) var isPaused = false
    @exclusivity(unchecked) private(set) var hasEnded = false

    /// Status of the final response; 0 until its head is there.
    @exclusivity(unchecked) package internal(set) var status = 0

    /// How the response's body ends; valid from `onHead` on.
    @exclusivity(unchecked) package internal(set) var framing = BodyFraming.none

    init(_ request: consuming ClientRequest, _ events: ClientEvents) {
        if case .stream = request.body { bodyState = .open } else { bodyState = .ended }
        self.request = request
        self.events = events
    }

    // MARK: The response

    /// The value of the first response field of that name; readable while `onHead` runs.
    package func field(_ name: KnownField) -> UnsafeRawBufferPointer? {
        scratch?.head.first(name).map { headBytes[$0] }
    }

    /// The value of the first response field of that name as text, invalid UTF-8 replaced.
    package func text(_ name: KnownField) -> String? {
        field(name).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Number of response fields; 0 unless `onHead` runs.
    package var fieldCount: Int { scratch?.head.fieldCount ?? 0 }

    /// Calls `body` with every response field in order of arrival; while `onHead` runs.
    package func forEachField(
        _ body: (KnownField, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) ->
            Void
    ) {
        guard let scratch else { return }
        for index in 0..<scratch.head.fieldCount {
            let field = scratch.head.field(at: index)
            body(field.known, headBytes[field.name], headBytes[field.value])
        }
    }

    /// Stops reading, so that the peer must wait; one more piece of body may still come.
    package func pauseReading() {
        guard !isPaused, !hasEnded else { return }
        isPaused = true
        connection?.pauseChanged()
    }

    /// Reads again.
    package func resumeReading() {
        guard isPaused, !hasEnded else { return }
        isPaused = false
        connection?.pauseChanged()
    }

    // MARK: The request's body

    /// Sends the next bytes of a streamed body.
    ///
    /// - Returns: whether more may be sent at once; if not, `onWritable` tells when.
    package func send(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bodyState == .open, !hasEnded else { return false }
        let (sum, overflow) = handedByteCount.addingReportingOverflow(bytes.count)
        if case .stream(let length?) = request.body, overflow || sum > length {
            breakBody()
            return false
        }
        handedByteCount = sum
        if let connection, connection.isCarrying(self) {
            awaitsWritable = !connection.sendBody(bytes)
        } else {
            appendBody(bytes, to: &early)
            awaitsWritable = true
        }
        return !awaitsWritable
    }

    /// Ends a streamed body.
    package func endBody() {
        guard bodyState == .open, !hasEnded else { return }
        if case .stream(let length?) = request.body, handedByteCount != length {
            breakBody()
            return
        }
        bodyState = .ended
        awaitsWritable = false
        if let connection, connection.isCarrying(self) {
            connection.endBody()
        } else if isChunked {
            ChunkedEncoder.appendLast(to: &early)
        }
    }

    /// The body will not be what was announced: the peer must not take it for whole.
    private func breakBody() {
        bodyState = .broken
        if let connection {
            connection.failSoon(.bodyLengthWrong)
        } else {
            pool?.failSoon(self, .bodyLengthWrong)
        }
    }

    /// Whether the request's body is sent in chunks.
    var isChunked: Bool {
        if case .stream(nil) = request.body { true } else { false }
    }

    /// Appends a piece of body as it goes on the wire.
    func appendBody(_ bytes: UnsafeRawBufferPointer, to output: inout ByteBuffer) {
        if isChunked {
            ChunkedEncoder.append(bytes, to: &output)
        } else {
            output.append(bytes)
        }
    }

    // MARK: The end

    /// Whether the exchange is over.
    package var isOver: Bool { hasEnded }

    /// Gives the request up; nothing is called after this.
    package func cancel() {
        guard !hasEnded else { return }
        let carrier = connection
        let queue = pool
        settle()
        if let carrier { carrier.abandon() } else { queue?.forget(self) }
    }

    /// Tells the owner that it is over.
    func finish(_ error: ClientError?) {
        guard !hasEnded else { return }
        let onEnd = events.onEnd
        settle()
        onEnd(error)
    }

    /// Lets go of everything: callbacks often hold what holds the exchange.
    private func settle() {
        hasEnded = true
        events = ClientEvents()
        connection = nil
        early.release()
    }
}
