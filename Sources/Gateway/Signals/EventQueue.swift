// EventQueue: events on their way to the streams of one loop. What a group of streams has not been
// given yet goes out together: each event is encoded once in each format, each group gets one payload.

internal import Bytes
internal import HTTPWire

/// The events that some group of streams of one loop has not been given yet.
///
/// Events are named by their place, which counts on for ever: each group has one from which it goes on.
///
/// Loop-confined.
struct EventQueue: ~Copyable {
    /// Bytes of events that wait at most; at more all groups are given what waits.
    static let byteLimit = 64 * 1024

    private struct Waiting {
        let event: SignalEvent
        /// Groups that have not been given it.
        var groups: Int
        var encoded: (Payload?, Payload?, Payload?) = (nil, nil, nil)
    }

    /// What groups that want all of `places` share.
    private struct Whole {
        var places: Range<UInt64>
        var payload: Payload
    }

    private var waiting: ContiguousArray<Waiting> = []
    private var start: UInt64 = 0
    private var whole: [UInt8: Whole] = [:]
    private var text = ByteBuffer()

    /// Bytes of the events that wait.
    private(set) var byteCount = 0

    /// Whether nothing waits.
    var isEmpty: Bool { waiting.isEmpty }

    /// Number of events that wait.
    var count: Int { waiting.count }

    /// The place of the next event.
    var end: UInt64 { start &+ UInt64(waiting.count) }

    /// Adds an event for so many groups, at least one.
    mutating func append(_ event: SignalEvent, groups: Int) {
        waiting.append(Waiting(event: event, groups: groups))
        byteCount += event.byteCount
    }

    /// One group has been given what is at `places`: what all have been given is forgotten.
    mutating func passed(_ places: Range<UInt64>) {
        guard !places.isEmpty else { return }
        for index in indices(places) { waiting[index].groups -= 1 }
        guard waiting.first?.groups == 0 else { return }
        let done = waiting.firstIndex { $0.groups > 0 } ?? waiting.count
        for index in 0..<done { byteCount -= waiting[index].event.byteCount }
        start &+= UInt64(done)
        if done == waiting.count {
            waiting.removeAll(keepingCapacity: waiting.count <= 256)
            if !whole.isEmpty { whole.removeAll() }
        } else {
            waiting.removeFirst(done)
        }
    }

    /// The sequence numbers of the first and the last event at `places`, which must not be empty.
    func sequences(_ places: Range<UInt64>) -> ClosedRange<UInt64> {
        let indices = indices(places)
        let first = waiting[indices.lowerBound].event.sequence
        return first...max(waiting[indices.upperBound - 1].event.sequence, first)
    }

    /// What streams of `kind` that are at `position` get of the events at `places`, and how many
    /// events that is; nil if there is nothing for them.
    mutating func payload(
        for kind: StreamKind, _ places: Range<UInt64>, after position: UInt64 = 0,
        _ encoder: EventEncoder
    ) -> (payload: Payload, events: Int)? {
        let indices = indices(places)
        var matching = 0
        // The payload of a single event is the one that all groups share.
        var only = 0
        for index in indices where isWanted(index, kind, position) {
            matching += 1
            only = index
        }
        guard matching > 0 else { return nil }
        let isWhole = matching == indices.count
        let key = kind.format.rawValue << 1 | (kind.isChunked ? 1 : 0)
        if isWhole, let known = whole[key], known.places == places {
            return (known.payload, matching)
        }
        if matching == 1, !kind.isChunked {
            return (encoded(only, kind.format, encoder), 1)
        }
        text.removeAll()
        for index in indices where isWhole || isWanted(index, kind, position) {
            if kind.format == .array, !text.isEmpty { text.append(UInt8(ascii: ",")) }
            let part = encoded(index, kind.format, encoder)
            withExtendedLifetime(part) { text.append(part.bytes) }
        }
        let payload = Self.framed(text, kind.isChunked)
        if isWhole { whole[key] = Whole(places: places, payload: payload) }
        return (payload, matching)
    }

    private func isWanted(_ index: Int, _ kind: StreamKind, _ position: UInt64) -> Bool {
        let event = waiting[index].event
        return event.sequence > position && kind.filter.wants(event)
    }

    private func indices(_ places: Range<UInt64>) -> Range<Int> {
        Int(places.lowerBound &- start)..<Int(places.upperBound &- start)
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
