// CallStream: the answer to a call as records: what the module reports while it works, then exactly
// one `result` or `error`. An answer that is cut off has neither.
//
//     text/event-stream                   application/x-ndjson
//     event: progress                     {"progress":{"percent":40}}
//     data: {"percent":40}                {"dropped":3}
//                                         {"result":{"done":true}}
//
// The head leaves with the first progress, or when a call has been silent for a while. A call that
// fails before has an ordinary error answer with its status.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Notifier

/// The answer to one call, bit by bit.
///
/// Loop-confined.
private final class CallStream {
    private let exchange: Exchange
    private let style: AnswerStyle
    private let loop: EventLoop
    private let bufferLimit: Int
    private let interval: Duration
    private var timer: TimerToken?
    private var hasBegun = false
    private var hasEnded = false
    private var unreported = 0
    private let onDropped: (Int) -> Void

    init(
        _ exchange: Exchange, _ style: AnswerStyle, _ loop: EventLoop, _ settings: Settings,
        onDropped: @escaping (Int) -> Void
    ) {
        self.exchange = exchange
        self.style = style
        self.loop = loop
        self.onDropped = onDropped
        bufferLimit = settings.limits.streamBuffer
        interval = settings.signals.heartbeat
        timer = loop.addTimer(every: interval) { [weak self] in self?.beat() ?? .stop }
    }

    /// A value that the module reported; `dropped` were lost before it.
    func progress(_ value: UnsafeRawBufferPointer, _ dropped: Int) {
        guard !hasEnded else { return }
        drop(dropped)
        begin()
        let backlog = exchange.backlog
        guard backlog == 0 || backlog + value.count <= bufferLimit else {
            drop(1)
            return
        }
        tellDropped()
        record("progress") { $0.append(value) }
    }

    private func drop(_ count: Int) {
        guard count > 0 else { return }
        unreported += count
        onDropped(count)
    }

    private func tellDropped() {
        guard unreported > 0 else { return }
        let count = unreported
        unreported = 0
        record("dropped") { $0.append(decimal: count) }
    }

    /// What came of the call: the last record.
    func finish(_ outcome: CallOutcome) {
        guard !hasEnded else { return }
        end()
        switch outcome {
        case .result(let json):
            begin()
            tellDropped()
            record("result") { $0.append(json) }
        case .failure(let error):
            guard hasBegun else {
                exchange.respondFailure(error)
                return
            }
            tellDropped()
            record("error") { out in
                var problem = ByteBuffer()
                Problem.append(error, of: exchange, to: &problem)
                problem.dropLast(1)  // its line end
                out.append(problem.readable)
            }
        }
        exchange.endStream()
    }

    /// Nothing more is to be written.
    func end() {
        hasEnded = true
        if let timer { loop.removeTimer(timer) }
        timer = nil
    }

    private func begin() {
        guard !hasBegun else { return }
        hasBegun = true
        exchange.extraFields.append(
            "Cache-Control: no-store, no-transform\r\nX-Accel-Buffering: no\r\n")
        exchange.beginStream(
            200, type: style == .events ? "text/event-stream" : "application/x-ndjson")
    }

    /// Shows a reader, and the proxies between, that the call is still at work.
    private func beat() -> Disposition {
        guard !hasEnded, exchange.isOpen else { return .stop }
        begin()
        if style == .events, exchange.backlog == 0 {
            var text = ByteBuffer()
            text.append(": ")
            text.append(decimal: Int(clamping: interval.components.seconds))
            text.append("\n\n")
            exchange.send(text.readable)
        }
        return .keep
    }

    private func record(_ name: StaticString, _ write: (inout ByteBuffer) -> Void) {
        var value = ByteBuffer()
        write(&value)
        var text = ByteBuffer()
        if style == .events {
            let name = UnsafeRawBufferPointer(
                start: name.utf8Start, count: name.utf8CodeUnitCount)
            // The name has no line break, so this cannot fail.
            try? EventStream.append(event: name, data: value.readable, to: &text)
        } else {
            text.append("{\"")
            text.append(name)
            text.append("\":")
            Self.appendOnOneLine(value.readable, to: &text)
            text.append("}\n")
        }
        exchange.send(text.readable)
    }

    /// Appends JSON that may have line breaks between its tokens without them.
    private static func appendOnOneLine(
        _ json: UnsafeRawBufferPointer, to out: inout ByteBuffer
    ) {
        guard json.contains(where: { $0 == 0x0A || $0 == 0x0D }) else {
            out.append(json)
            return
        }
        // It has been checked when it came, to the same depth.
        if (try? JSONScanner.compact(json, into: &out)) == nil { out.append("null") }
    }
}

extension GatewayLoop {
    /// Calls a command and answers with records.
    func stream(
        _ found: Found, _ params: UnsafeRawBufferPointer, _ exchange: Exchange, _ terms: CallTerms
    ) {
        let stream = CallStream(exchange, terms.style, loop, facts.settings) { [unowned self] in
            droppedProgress &+= UInt64($0)
        }
        let observer = CallObserver(progress: { stream.progress($0, $1) })
        let ticket = startCall(found, params, terms, observer: observer) { stream.finish($0) }
        guard ticket.isOpen else { return }
        exchange.onAbandoned = {
            stream.end()
            ticket.cancel()
        }
    }
}
