// CallTerms: what the head of a request says about its call: how long it may take, how it is to be
// answered, whose it is. Taken out at once, because the head may be gone when the call begins.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Notifier

/// How a call is to be answered.
enum AnswerStyle {
    /// By its result, with the status that it deserves.
    case whole
    /// By records as they come, as an event stream.
    case events
    /// By records as they come, one JSON object per line.
    case lines
}

/// What a request wants of its call.
struct CallTerms {
    /// How long the call may take from now.
    var limit: Duration
    /// How long it might take when the request came.
    var wholeLimit: Duration
    /// Whether that time is what the configuration grants, and not less because the caller wants it.
    var isLimitOurs = true
    /// How it is to be answered.
    var style = AnswerStyle.whole
    /// Whether the caller does not wait for it.
    var isAsync = false
    /// The context object for the module, as JSON; empty if it wants none.
    var context: [UInt8] = []
    /// Whose child is meant; empty for nobody's.
    var session: [UInt8] = []

    /// A call that may take `limit`.
    init(limit: Duration) {
        self.limit = limit
        wholeLimit = limit
    }
}

extension GatewayLoop {
    /// The terms of a request for a call of `found`; nil if it was answered that it lacks something.
    ///
    /// - Parameter allowsAsync: whether the call may become a job.
    func terms(
        of exchange: Exchange, _ found: Found, allowsAsync: Bool = false
    ) -> CallTerms? {
        let terms = rpcTerms(found, exchange, allowsAsync: allowsAsync)
        if terms == nil {
            let facts = modules.facts[found.module]
            exchange.respondFailure(
                .sessionRequired(module: facts.name, source: facts.sessionSource?.text ?? ""))
        }
        return terms
    }

    /// The terms of a call of `found` in a request that may have several; nil if it names no session
    /// although the module needs one.
    func rpcTerms(
        _ found: Found, _ exchange: Exchange, allowsAsync: Bool = false
    ) -> CallTerms? {
        var terms = CallTerms(limit: timeLimit(found.command))
        if let prefer = exchange.list(.prefer) {
            let preference = Prefer(prefer)
            if preference.isAsync, allowsAsync {
                terms.isAsync = true
                terms.limit = found.command?.facts.timeout ?? facts.settings.jobs.timeout
            } else if let seconds = preference.wait {
                let wanted = Duration.seconds(seconds)
                terms.isLimitOurs = wanted >= terms.limit
                terms.limit = min(terms.limit, wanted)
            }
            terms.wholeLimit = terms.limit
        }
        // `*/*`, which most programs send, needs no negotiation.
        if let accept = exchange.list(.accept), accept.count > 3 {
            terms.style = AnswerStyle(accept: accept)
        }
        if let source = modules.sessionSource(found.module) {
            guard let session = source.session(of: exchange) else { return nil }
            terms.session = session
        }
        if modules.wantsContext(found.module) { terms.context = context(exchange, terms) }
        return terms
    }

    /// The deadline of a call: the command's or the general one.
    func timeLimit(_ command: CommandRecord?) -> Duration {
        command?.facts.timeout ?? facts.settings.limits.callTimeout
    }

    /// The context object of a call.
    private func context(_ exchange: Exchange, _ terms: CallTerms) -> [UInt8] {
        var out = ByteBuffer()
        JSONWriter.append(to: &out) { json in
            json.beginObject()
            json.key("request_id")
            var id = ByteBuffer()
            exchange.appendID(to: &id)
            json.string(id.readable)
            json.key("deadline")
            json.string(
                Timestamp.text(loop.clock.wallNanos() &+ terms.limit.nanoseconds))
            json.key("user")
            json.null()
            json.key("session")
            if terms.session.isEmpty {
                json.null()
            } else {
                terms.session.withUnsafeBytes { json.string($0) }
            }
            json.key("client")
            json.string(exchange.peer?.host ?? "unknown")
            json.key("tls_subject")
            if let subject = exchange.clientSubject { json.string(subject) } else { json.null() }
            json.key("traceparent")
            if let trace = exchange.field(.traceparent), TraceContext.isValid(trace) {
                json.string(trace)
            } else {
                json.null()
            }
            json.endObject()
        }
        return out.array()
    }
}

extension AnswerStyle {
    private static let offers: [StaticString] = [
        "application/json", "text/event-stream", "application/x-ndjson",
    ]

    /// The style that `accept` likes best.
    ///
    /// A whole answer if it says nothing of any of them: a client that takes only HTML is better off
    /// with JSON than with 406.
    init(accept: UnsafeRawBufferPointer) {
        switch Negotiation.mediaType(accept: accept, offers: Self.offers) {
        case 1: self = .events
        case 2: self = .lines
        default: self = .whole
        }
    }
}

extension SessionSource {
    /// The session that a request names; nil if it names none, or something that is no name.
    fileprivate func session(of exchange: Exchange) -> [UInt8]? {
        let value: UnsafeRawBufferPointer?
        switch self {
        case .header(let name):
            value = Array(name.utf8).withUnsafeBytes { exchange.field(named: $0) }
        case .cookie(let name):
            value = exchange.field(.cookie).flatMap { field in
                Array(name.utf8).withUnsafeBytes { Cookie.value(named: $0, in: field) }
            }
        }
        guard let value, value.count > 0, value.count <= Self.byteLimit else { return nil }
        return Array(value)
    }
}

/// The `Prefer` field (RFC 7240), as far as calls look at it.
struct Prefer {
    /// The seconds of `wait=N`, 1 to 86,400.
    private(set) var wait: Int?
    /// Whether `respond-async` is asked for.
    private(set) var isAsync = false

    /// Reads the field's value; what it does not know is passed over.
    init(_ value: UnsafeRawBufferPointer) {
        for part in value.split(separator: UInt8(ascii: ",")) {
            let text = String(decoding: part, as: UTF8.self)
                .filter { $0 != " " && $0 != "\t" }.lowercased()
            if text == "respond-async" { isAsync = true }
            if text.hasPrefix("wait="), let seconds = Int(text.dropFirst(5)),
                (1...86_400).contains(seconds)
            {
                wait = wait ?? seconds
            }
        }
    }
}
