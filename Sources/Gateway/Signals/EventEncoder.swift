// EventEncoder: from events to the bytes of a text/event-stream, as chunks where the stream is
// chunked, so that the same payload serves every stream of a loop.

internal import Bytes
internal import HTTPWire
internal import JSON

/// Encodes what event streams carry.
///
/// Loop-confined.
final class EventEncoder {
    /// The media type of an event stream.
    static let mediaType: StaticString = "text/event-stream"

    private let epoch: SignalEpoch
    private let heartbeatSeconds: Int
    private var text = ByteBuffer()
    private var id = ByteBuffer()
    private var framed = ByteBuffer()
    private var heartbeats: (plain: Payload, chunk: Payload)?

    /// Makes an encoder for events of `epoch`.
    init(epoch: SignalEpoch, heartbeat: Duration) {
        self.epoch = epoch
        heartbeatSeconds = Int(clamping: heartbeat.components.seconds)
    }

    /// The event as one part of a stream.
    func encode(_ event: SignalEvent, asChunk: Bool) -> Payload {
        text.removeAll()
        id.removeAll()
        epoch.appendID(event.sequence, to: &id)
        // Names and ids hold no line breaks (SignalName), so this cannot fail.
        try? EventStream.append(
            id: id.readable, event: event.name.bytes, data: event.data.bytes, to: &text)
        return frame(asChunk)
    }

    /// The comment that keeps a quiet stream open.
    func heartbeat(asChunk: Bool) -> Payload {
        if let heartbeats { return asChunk ? heartbeats.chunk : heartbeats.plain }
        text.removeAll()
        text.append(": ")
        text.append(decimal: heartbeatSeconds)
        text.append("\n\n")
        let made = (plain: frame(false), chunk: frame(true))
        heartbeats = made
        return asChunk ? made.chunk : made.plain
    }

    private func frame(_ asChunk: Bool) -> Payload {
        guard asChunk else { return Payload(text.readable) }
        framed.removeAll()
        ChunkedEncoder.append(text.readable, to: &framed)
        return Payload(framed.readable)
    }

    /// Appends the first lines of a stream: when to come back, and which run this is.
    func appendOpening(retryMillis: Int, to out: inout ByteBuffer) {
        EventStream.append(retryMilliseconds: retryMillis, to: &out)
        out.append(": stream ")
        out.append(epoch.text)
        out.append("\n\n")
    }

    /// Appends the notice that events were lost, whose id continues the stream behind them.
    func appendGap(
        _ gap: SignalGap, upTo slice: ReplaySlice, _ filter: SignalFilter,
        to out: inout ByteBuffer
    ) {
        var data = ByteBuffer()
        JSONWriter.append(to: &data) { json in
            json.beginObject()
            json.key("signals")
            json.beginArray()
            for pattern in filter.patterns { json.string(pattern.text) }
            json.endArray()
            json.key("from")
            json.string(gap.from)
            json.key("to")
            json.string(gap.to)
            json.key("reason")
            json.string(gap.reason.rawValue)
            json.endObject()
        }
        var event = ByteBuffer()
        event.append("signalbox.gap")
        var lost = ByteBuffer()
        lost.append(text: gap.to)
        // The id has the form of ours, so this cannot fail.
        try? EventStream.append(
            id: lost.readable, event: event.readable, data: data.readable, to: &out)
    }

    /// Appends the notice that the gateway ends, and when to come back.
    func appendClosing(retryMillis: Int, to out: inout ByteBuffer) {
        EventStream.append(retryMilliseconds: retryMillis, to: &out)
        out.append("event: signalbox.closing\ndata: {\"reason\":\"shutdown\",\"retry\":")
        out.append(decimal: retryMillis)
        out.append("}\n\n")
    }
}
