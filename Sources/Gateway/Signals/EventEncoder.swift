// EventEncoder: from events to the bytes of a stream, in each of its formats. Framing as chunks and
// compression come later, when it is known what goes out together.

internal import Bytes
internal import HTTPWire
internal import JSON

/// Encodes what event streams carry.
///
/// Loop-confined.
final class EventEncoder {
    private let epoch: SignalEpoch
    private let source: String
    private let noticeSource: String
    private var id = ByteBuffer()
    private var object = ByteBuffer()
    private var stamp = ByteBuffer()

    /// Makes an encoder for events of `epoch`; CloudEvents name paths below `basePath` as source.
    init(epoch: SignalEpoch, basePath: String = "") {
        self.epoch = epoch
        source = basePath + "/v1/signals"
        noticeSource = basePath + "/v1/events"
    }

    /// Appends the id of the event with `sequence`.
    func appendID(_ sequence: UInt64, to out: inout ByteBuffer) {
        epoch.appendID(sequence, to: &out)
    }

    // MARK: Events

    /// Appends `event`.
    ///
    /// - Parameter isSnapshot: it is a latest value: a text/event-stream then has no `id:` for it,
    ///   as nothing between it and the stream's beginning was asked for.
    func append(
        _ event: SignalEvent, _ format: StreamFormat, isSnapshot: Bool = false,
        to out: inout ByteBuffer
    ) {
        id.removeAll()
        epoch.appendID(event.sequence, to: &id)
        // Names and ids hold no line breaks (SignalName), so appending cannot fail.
        switch format {
        case .named:
            try? EventStream.append(
                id: isSnapshot ? nil : id.readable, event: event.name.bytes,
                data: event.data.bytes, to: &out)
        case .cloudEvents:
            object.removeAll()
            appendObject(event, to: &object)
            try? EventStream.append(
                id: isSnapshot ? nil : id.readable, data: object.readable, to: &out)
        case .lines:
            appendObject(event, to: &out)
            out.append(UInt8(ascii: "\n"))
        case .array: appendObject(event, to: &out)
        }
    }

    /// Appends `event` as a CloudEvent 1.0; `id` holds its id.
    private func appendObject(_ event: SignalEvent, to out: inout ByteBuffer) {
        stamp.removeAll()
        let (seconds, nanos) = max(event.wallNanos, 0).quotientAndRemainder(
            dividingBy: 1_000_000_000)
        LogMoment(seconds: Int(seconds), nanoseconds: Int(nanos)).append(to: &stamp)
        JSONWriter.append(to: &out) { json in
            begin(&json, source, event.name.bytes)
            json.key("time")
            json.string(stamp.readable)
            json.key("data")
            json.raw(event.data.bytes)
            json.endObject()
        }
    }

    private func begin(
        _ json: inout JSONWriter, _ source: String, _ type: UnsafeRawBufferPointer
    ) {
        json.beginObject()
        json.key("specversion")
        json.string("1.0" as StaticString)
        json.key("id")
        json.string(id.readable)
        json.key("source")
        json.string(source)
        json.key("type")
        json.string(type)
    }

    // MARK: Beginning and silence

    /// Appends the first lines of a stream: when to come back, and which run this is.
    func appendOpening(_ format: StreamFormat, retryMillis: Int, to out: inout ByteBuffer) {
        guard !format.isObject else { return }
        EventStream.append(retryMilliseconds: retryMillis, to: &out)
        out.append(": stream ")
        out.append(epoch.text)
        out.append("\n\n")
    }

    /// Appends what keeps a quiet stream open: a comment that tells the interval, or an empty line.
    func appendHeartbeat(_ format: StreamFormat, seconds: Int, to out: inout ByteBuffer) {
        guard !format.isObject else {
            out.append(UInt8(ascii: "\n"))
            return
        }
        out.append(": ")
        out.append(decimal: seconds)
        out.append("\n\n")
    }

    /// Appends where a new stream begins, so that it can resume even if it is cut before its first
    /// event: an event without data, which readers take for its id alone.
    func appendPosition(_ sequence: UInt64, _ format: StreamFormat, to out: inout ByteBuffer) {
        guard !format.isObject else { return }
        out.append("id: ")
        epoch.appendID(sequence, to: &out)
        out.append("\n\n")
    }

    // MARK: Notices

    /// Appends the notice that events were lost, whose id continues the stream behind them.
    func append(_ gap: SignalGap, _ format: StreamFormat, to out: inout ByteBuffer) {
        appendNotice("signalbox.gap", gap.position, format, to: &out) { json in
            json.key("signals")
            json.beginArray()
            for loss in gap.losses { json.string(loss.signal) }
            json.endArray()
            json.key("from")
            json.string(gap.from)
            json.key("to")
            json.string(epoch.id(gap.upTo))
            json.key("lost")
            json.beginObject()
            for loss in gap.losses {
                json.key(loss.signal)
                json.string(epoch.id(loss.upTo))
            }
            json.endObject()
            json.key("reason")
            json.string(gap.reason.rawValue)
        }
    }

    /// Appends the notice that the gateway ends, and when to come back.
    func appendClosing(
        at sequence: UInt64, _ format: StreamFormat, retryMillis: Int, to out: inout ByteBuffer
    ) {
        if !format.isObject { EventStream.append(retryMilliseconds: retryMillis, to: &out) }
        appendNotice("signalbox.closing", sequence, format, to: &out) { json in
            json.key("reason")
            json.string("shutdown" as StaticString)
            json.key("retry")
            json.int(retryMillis)
        }
    }

    private func appendNotice(
        _ type: StaticString, _ sequence: UInt64, _ format: StreamFormat,
        to out: inout ByteBuffer, _ members: (inout JSONWriter) -> Void
    ) {
        let name = UnsafeRawBufferPointer(start: type.utf8Start, count: type.utf8CodeUnitCount)
        id.removeAll()
        epoch.appendID(sequence, to: &id)
        object.removeAll()
        JSONWriter.append(to: &object) { json in
            if format != .named {
                begin(&json, noticeSource, name)
                json.key("data")
            }
            json.beginObject()
            members(&json)
            json.endObject()
            if format != .named { json.endObject() }
        }
        switch format {
        case .named:
            try? EventStream.append(
                id: id.readable, event: name, data: object.readable, to: &out)
        case .cloudEvents:
            try? EventStream.append(id: id.readable, data: object.readable, to: &out)
        case .lines:
            out.append(object.readable)
            out.append(UInt8(ascii: "\n"))
        case .array: out.append(object.readable)
        }
    }
}
