// EventRound: events on their way to the streams of one loop. What has come since the last round
// goes out together: each event is encoded once in each format, each group gets one payload.

internal import Bytes
internal import HTTPWire

/// The events that the streams of one loop have not been given yet.
///
/// Loop-confined.
struct EventRound: ~Copyable {
    /// Bytes of events that wait at most; more make the round begin.
    static let byteLimit = 64 * 1024

    private struct Waiting {
        let event: SignalEvent
        var encoded: (Payload?, Payload?, Payload?) = (nil, nil, nil)
    }

    private var waiting: ContiguousArray<Waiting> = []
    private var whole: [UInt8: Payload] = [:]
    private var text = ByteBuffer()

    /// Bytes of the events that wait.
    private(set) var byteCount = 0

    /// Whether nothing waits.
    var isEmpty: Bool { waiting.isEmpty }

    /// Number of events that wait.
    var count: Int { waiting.count }

    /// Sequence number of the first event; 0 if nothing waits.
    var first: UInt64 { waiting.first?.event.sequence ?? 0 }

    /// Sequence number of the last event; 0 if nothing waits.
    var last: UInt64 { waiting.last?.event.sequence ?? 0 }

    /// Adds an event.
    mutating func append(_ event: SignalEvent) {
        waiting.append(Waiting(event: event))
        byteCount += event.byteCount
    }

    /// Forgets what waited: it has been delivered.
    mutating func removeAll() {
        waiting.removeAll(keepingCapacity: waiting.count <= 256)
        if !whole.isEmpty { whole.removeAll() }
        byteCount = 0
    }

    /// What streams of `kind` that are at `position` get of this round, and how many events that is;
    /// nil if there is nothing for them.
    mutating func payload(
        for kind: StreamKind, after position: UInt64 = 0, _ encoder: EventEncoder
    ) -> (payload: Payload, events: Int)? {
        var matching = 0
        text.removeAll()
        // The payload of a single event is the one that all groups share.
        var only = 0
        for index in waiting.indices {
            let event = waiting[index].event
            guard event.sequence > position, kind.filter.wants(event) else { continue }
            matching += 1
            only = index
        }
        guard matching > 0 else { return nil }
        let isWhole = matching == waiting.count
        let key = kind.format.rawValue << 1 | (kind.isChunked ? 1 : 0)
        if isWhole, let known = whole[key] { return (known, matching) }
        if matching == 1, !kind.isChunked {
            return (encoded(only, kind.format, encoder), 1)
        }
        for index in waiting.indices {
            let event = waiting[index].event
            guard isWhole || event.sequence > position && kind.filter.wants(event) else { continue }
            if kind.format == .array, !text.isEmpty { text.append(UInt8(ascii: ",")) }
            let part = encoded(index, kind.format, encoder)
            withExtendedLifetime(part) { text.append(part.bytes) }
        }
        let payload = Self.framed(text, kind.isChunked)
        if isWhole { whole[key] = payload }
        return (payload, matching)
    }

    private mutating func encoded(
        _ index: Int, _ format: StreamFormat, _ encoder: EventEncoder
    ) -> Payload {
        switch format {
        case .named: if let known = waiting[index].encoded.0 { return known }
        case .cloudEvents: if let known = waiting[index].encoded.1 { return known }
        case .lines: if let known = waiting[index].encoded.2 { return known }
        case .array: break
        }
        var bytes = ByteBuffer()
        encoder.append(waiting[index].event, format, to: &bytes)
        let payload = Payload(bytes.readable)
        switch format {
        case .named: waiting[index].encoded.0 = payload
        case .cloudEvents: waiting[index].encoded.1 = payload
        case .lines: waiting[index].encoded.2 = payload
        case .array: break
        }
        return payload
    }

    /// `text` as one chunk, or as it is.
    private static func framed(_ text: borrowing ByteBuffer, _ isChunked: Bool) -> Payload {
        guard isChunked else { return Payload(text.readable) }
        var chunk = ByteBuffer(capacity: text.count + 24)
        ChunkedEncoder.append(text.readable, to: &chunk)
        return Payload(chunk.readable)
    }
}
