// StreamRequest: what a request for an event stream asks for, read from its query and its fields.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import Notifier

/// What a request for an event stream asks for.
struct StreamRequest {
    /// Why a request cannot have a stream.
    struct Fault: Error {
        let status: Int
        let code: StaticString
        let detail: String

        init(_ detail: String, status: Int = 400, code: StaticString = "bad_request") {
            self.status = status
            self.code = code
            self.detail = detail
        }
    }

    /// Seconds between heartbeats that a client may ask for: less would be a load, more no use.
    static let heartbeatSeconds = 1...3600

    /// Seconds that a long poll may wait: what is in front of us has deadlines of its own.
    static let waitSeconds = 0...300

    /// The signals.
    let filter: SignalFilter
    /// Where it begins.
    let point: ResumePoint
    /// The form of the events.
    let format: StreamFormat
    /// Whether it is to be compressed.
    let isCompressed: Bool
    /// Its heartbeat, or the longest wait of a long poll; nil for the usual heartbeat.
    let pause: Duration?

    /// Reads the query and the fields.
    init(_ exchange: Exchange, epoch: SignalEpoch) throws(Fault) {
        var query = StreamQuery()
        QueryString.forEach(exchange.query) { query.take($0, $1) }
        if let fault = query.fault { throw fault }
        guard !query.patterns.isEmpty else {
            throw Fault("Say which signals: ?signal=host.**&signal=demo.tick")
        }
        guard query.byteCount <= SignalFilter.byteLimit,
            query.patterns.count <= SignalFilter.patternLimit
        else {
            throw Fault(
                "At most \(SignalFilter.patternLimit) signals for one stream,"
                    + " and \(Quantity.bytes(SignalFilter.byteLimit)) of them.")
        }
        guard query.conditions.count <= SignalFilter.conditionLimit else {
            throw Fault("At most \(SignalFilter.conditionLimit) conditions for one stream.")
        }
        filter = SignalFilter(query.patterns, where: query.conditions)
        format = try Self.format(exchange.list(.accept), query)
        isCompressed = query.isCompressed && query.wait == nil
        pause = (query.wait ?? query.heartbeat).map { .seconds($0) }
        if let field = exchange.field(.lastEventID) {
            point = ResumePoint(field, epoch: epoch)
        } else if var lastID = query.lastID {
            point = lastID.withUTF8 { ResumePoint(UnsafeRawBufferPointer($0), epoch: epoch) }
        } else {
            point = .live
        }
    }

    /// The format that the client accepts, of those that its query leaves.
    private static func format(
        _ accept: UnsafeRawBufferPointer?, _ query: StreamQuery
    ) throws(Fault) -> StreamFormat {
        let offers: [StreamFormat] =
            query.wait != nil
            ? [.array] : query.wantsCloudEvents ? [.cloudEvents, .lines] : [.named, .lines]
        guard
            let choice = Negotiation.mediaType(accept: accept, offers: offers.map(\.mediaType))
        else {
            let types = offers.map { "\($0.mediaType)" }.joined(separator: " or ")
            throw Fault("This answers with \(types).", status: 406, code: "not_acceptable")
        }
        return offers[choice]
    }
}

/// The members of a query for a stream.
private struct StreamQuery {
    var patterns: [SignalPattern] = []
    var conditions: [SignalCondition] = []
    var byteCount = 0
    var lastID: String?
    var wantsCloudEvents = false
    var isCompressed = false
    var heartbeat: Int?
    var wait: Int?
    /// Parameters that have been there and may not come again.
    var seen: Set<String> = []
    var fault: StreamRequest.Fault?

    mutating func take(_ name: String?, _ value: String?) {
        guard let name, let value else {
            fault = StreamRequest.Fault(
                "The query is not well-formed, or has more than \(QueryString.memberLimit) members.",
                code: "bad_query")
            return
        }
        switch name {
        case "signal": takePattern(value)
        case "where": takeCondition(value)
        default:
            guard seen.insert(name == "lastEventId" ? "last_event_id" : name).inserted else {
                fault = StreamRequest.Fault(
                    "There is more than one \"\(name.prefix(64))\".", code: "bad_query")
                return
            }
            takeOnce(name, value)
        }
    }

    private mutating func takeOnce(_ name: String, _ value: String) {
        switch name {
        case "last_event_id", "lastEventId": lastID = value
        case "heartbeat": heartbeat = seconds(value, StreamRequest.heartbeatSeconds, name)
        case "wait": wait = seconds(value, StreamRequest.waitSeconds, name)
        case "format":
            if value != "cloudevents" {
                fault = StreamRequest.Fault("The format can be \"cloudevents\".")
            }
            wantsCloudEvents = true
        case "compress":
            if value != "gzip" { fault = StreamRequest.Fault("Streams are compressed by gzip.") }
            isCompressed = true
        default:
            fault = StreamRequest.Fault(
                "There is no parameter \"\(name.prefix(64))\": there are "
                    + "signal, where, last_event_id, format, wait, heartbeat and compress.",
                code: "bad_query")
        }
    }

    private mutating func takePattern(_ text: String) {
        guard let pattern = SignalPattern(text) else {
            fault = StreamRequest.Fault("\"\(text)\" is no signal pattern: use a.b, a.* or a.**.")
            return
        }
        byteCount += text.utf8.count
        patterns.append(pattern)
    }

    private mutating func takeCondition(_ text: String) {
        guard let condition = SignalCondition(text) else {
            fault = StreamRequest.Fault(
                "\"\(text)\" is no condition: use where=/mount:/var, a JSON pointer and a value. "
                    + "One that begins with a quotation mark is a JSON string from end to end.")
            return
        }
        byteCount += text.utf8.count
        conditions.append(condition)
    }

    private mutating func seconds(
        _ text: String, _ range: ClosedRange<Int>, _ name: String
    ) -> Int? {
        if let number = Int(text), range.contains(number) { return number }
        fault = StreamRequest.Fault(
            "\(name) is a number of seconds, \(range.lowerBound) to \(range.upperBound).")
        return nil
    }
}
