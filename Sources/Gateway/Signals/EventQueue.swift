// EventQueue: events on their way to the streams of one loop. What a group of streams wants and has
// not been given yet goes out together: each event is encoded once in each format, each group gets one
// payload, and groups that want the same events share it.

internal import Bytes
internal import HTTPWire

/// The events that some group of streams of one loop wants and has not been given yet.
///
/// Events are named by their place, which counts on for ever: each group has those that it wants.
///
/// Loop-confined.
struct EventQueue: ~Copyable {
    /// Bytes of events that wait at most; at more all groups are given what waits.
    static let byteLimit = 64 * 1024

    private struct Waiting {
        let event: SignalEvent
        /// Groups that want it and have not been given it.
        var groups: Int
        var encoded: (Payload?, Payload?, Payload?) = (nil, nil, nil)
    }

    /// What groups that want the same places share.
    private struct Shared {
        var places: ContiguousArray<UInt64>
        var payload: Payload
    }

    private var waiting: ContiguousArray<Waiting> = []
    private var start: UInt64 = 0
    private var shared: [UInt8: Shared] = [:]
    private var text = ByteBuffer()

    /// Bytes of the events that wait.
    private(set) var byteCount = 0

    /// Whether nothing waits.
    var isEmpty: Bool { waiting.isEmpty }

    /// Number of events that wait.
    var count: Int { waiting.count }

    /// The place of the next event.
    var end: UInt64 { start &+ UInt64(waiting.count) }

    /// Adds an event that so many groups want, at least one.
    mutating func append(_ event: SignalEvent, groups: Int) {
        waiting.append(Waiting(event: event, groups: groups))
        byteCount += event.byteCount
    }

    /// One group has been given what is at `places`: what all have been given is forgotten.
    mutating func passed(_ places: ContiguousArray<UInt64>) {
        for place in places { waiting[index(place)].groups -= 1 }
        guard waiting.first?.groups == 0 else { return }
        let done = waiting.firstIndex { $0.groups > 0 } ?? waiting.count
        for index in 0..<done { byteCount -= waiting[index].event.byteCount }
        start &+= UInt64(done)
        if done == waiting.count {
            waiting.removeAll(keepingCapacity: waiting.count <= 256)
            if !shared.isEmpty { shared.removeAll() }
        } else {
            waiting.removeFirst(done)
        }
    }

    /// The sequence number of the event at `place`.
    func sequence(_ place: UInt64) -> UInt64 { waiting[index(place)].event.sequence }

    /// What streams of `kind` that are at `position` get of the events at `places`, which they want,
    /// and how many events that is; nil if there is nothing for them.
    mutating func payload(
        for kind: StreamKind, _ places: ContiguousArray<UInt64>, after position: UInt64 = 0,
        _ encoder: EventEncoder
    ) -> (payload: Payload, events: Int)? {
        let first = places.firstIndex { sequence($0) > position } ?? places.count
        let count = places.count - first
        guard count > 0 else { return nil }
        // The payload of a single event is the one that all groups share.
        if count == 1, !kind.isChunked {
            return (encoded(index(places[first]), kind.format, encoder), 1)
        }
        let key = kind.format.rawValue << 1 | (kind.isChunked ? 1 : 0)
        if first == 0, let known = shared[key], known.places == places {
            return (known.payload, count)
        }
        text.removeAll()
        for place in places[first...] {
            if kind.format == .array, !text.isEmpty { text.append(UInt8(ascii: ",")) }
            let part = encoded(index(place), kind.format, encoder)
            withExtendedLifetime(part) { text.append(part.bytes) }
        }
        let payload = Self.framed(text, kind.isChunked)
        if first == 0 { shared[key] = Shared(places: places, payload: payload) }
        return (payload, count)
    }

    @inline(__always)
    private func index(_ place: UInt64) -> Int { Int(place &- start) }

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
