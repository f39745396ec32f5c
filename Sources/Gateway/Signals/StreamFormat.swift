// StreamFormat: the forms in which a stream brings its events, and what a request may ask of it.

internal import HTTPWire

/// The form of the events of one stream.
enum StreamFormat: UInt8, Sendable, CaseIterable {
    /// `text/event-stream`, the signal's name as `event:`, its data as `data:`.
    case named
    /// `text/event-stream` without `event:`; the data is a CloudEvent.
    case cloudEvents
    /// `application/x-ndjson`: a CloudEvent a line.
    case lines
    /// One JSON array of CloudEvents, when there are any: a long poll.
    case array

    /// Its media type.
    var mediaType: StaticString {
        switch self {
        case .named, .cloudEvents: "text/event-stream"
        case .lines: "application/x-ndjson"
        case .array: "application/json"
        }
    }

    /// Whether its events are CloudEvents, one JSON object each.
    var isObject: Bool { self == .lines || self == .array }
}

/// What streams with the same events and the same bytes have in common.
struct StreamKind: Hashable, Sendable {
    /// What they ask for.
    var filter: SignalFilter
    /// Form of the events.
    var format: StreamFormat
    /// Whether their parts are framed as chunks.
    var isChunked: Bool
    /// Whether what they get is compressed, each by itself.
    var isCompressed: Bool
}
