// StreamFollower: an event stream that is opened again whenever it breaks off (WHATWG HTML §9.2.3),
// until the gateway says that there is no point.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import Notifier

/// Follows the events of a gateway.
///
/// Loop-confined.
final class StreamFollower {
    /// How long to wait before the stream is opened again, if it does not say.
    private static let standardRetry = Duration.seconds(3)

    /// Longest wait while the gateway cannot be reached.
    private static let longestWait = Duration.seconds(30)

    /// Bytes of a refusal that are kept.
    private static let refusalLimit = 64 * 1024

    private let client: GatewayClient
    private let target: String
    private let onEvent: (StreamedEvent) -> Void
    private var reader: EventStreamReader
    /// A stream has been opened before, so the address and the signals are right.
    private var hasBegun = false
    private var failureCount = 0
    private var status = 0
    private var contentType: String?
    private var refusal = ByteBuffer()

    /// Prepares to follow `signals`; `onEvent` gets each event.
    init(
        _ client: GatewayClient, signals: [String], lastEventID: String,
        _ onEvent: @escaping (StreamedEvent) -> Void
    ) {
        self.client = client
        self.onEvent = onEvent
        reader = EventStreamReader(lastEventID: lastEventID)
        target =
            "/v1/events?" + signals.map { "signal=\(URLText.encoded($0))" }.joined(separator: "&")
    }

    /// Opens the stream.
    func open() {
        reader.startAgain()
        status = 0
        refusal.removeAll()
        var request = client.request(.get, target)
        do throws(ClientError) {
            try request.append("Accept", "text/event-stream")
            if !reader.lastEventID.isEmpty {
                try request.append("Last-Event-ID", reader.lastEventID)
            }
        } catch {
            Terminal.fail("the last event's id cannot be sent: \(error)", ExitStatus.usage)
        }
        var events = ClientEvents()
        events.onHead = { [self] in begin($0) }
        events.onBody = { [self] in take($0) }
        events.onEnd = { [self] in end($0) }
        client.send(request, events)
    }

    private func begin(_ exchange: ClientExchange) {
        status = exchange.status
        contentType = exchange.text(.contentType)
        guard status == 200 else { return }
        guard contentType?.lowercased().hasPrefix("text/event-stream") == true else {
            Terminal.fail(
                "\(client.address.text) answered with \(contentType ?? "something"), no event "
                    + "stream\nIs this the address of a gateway?")
        }
        if failureCount > 0 { Terminal.error("signalbox: connected again") }
        hasBegun = true
        failureCount = 0
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        guard status == 200 else {
            let room = Self.refusalLimit - refusal.count
            refusal.append(UnsafeRawBufferPointer(rebasing: bytes.prefix(room)))
            return
        }
        do throws(ClientError) {
            try reader.read(bytes, onEvent)
        } catch {
            Terminal.fail("an event of \(client.address.text) is too large: \(error)")
        }
    }

    private func end(_ error: ClientError?) {
        if let error {
            guard hasBegun else { client.fail(error) }
            openAgain(
                after: status == 200 ? "the stream broke off: \(error)" : client.explain(error))
        } else if status == 200 {
            openAgain(after: "the gateway ended the stream")
        } else {
            refused()
        }
    }

    /// The answer is no stream: wait for a better one, or give up.
    private func refused() {
        if status == 204 {
            // The gateway asks not to come back.
            client.loop.stop()
            return
        }
        let answer = ClientAnswer(
            status: status, contentType: contentType, body: refusal.array())
        let isPassing = status >= 500 || status == 408 || status == 429
        guard hasBegun, isPassing else { answer.fail("cannot listen", asJSON: false) }
        openAgain(after: answer.problem)
    }

    private func openAgain(after reason: String) {
        let retry = reader.retry ?? Self.standardRetry
        // Twice as long after each failure in a row, to spare a gateway that is coming up.
        let factor = 1 << min(failureCount, 5)
        let wait = max(min(retry * factor, Self.longestWait), min(retry, Self.longestWait))
        failureCount += 1
        let line = reason.prefix { $0 != "\n" }
        if failureCount == 1 { Terminal.error("signalbox: \(line); trying again") }
        client.loop.addTimer(after: wait) { [self] in open() }
    }
}
