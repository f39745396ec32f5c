// EventStreamReader: the text/event-stream format (WHATWG HTML §9.2.6), reading side, from any cut
// of the bytes. Writing is HTTPWire's EventStream.

internal import Bytes

/// One event of a stream.
package struct StreamedEvent: Equatable, Sendable {
    /// Its name; `message` if the stream gives none.
    package var name: String

    /// Its data, lines joined by LF.
    package var data: String

    /// The id that a stream resumed behind it would name; empty if there has been none.
    package var id: String
}

/// Reads the events of one stream, and of those that continue it.
package struct EventStreamReader: ~Copyable {
    /// Most bytes of one event that are kept; more is an error.
    package static let defaultLimit = 16 * 1024 * 1024

    /// The last id seen in a complete event; what `Last-Event-ID` asks to go on from.
    package private(set) var lastEventID: String

    /// How long to wait before the stream is opened again; nil if it did not say.
    package private(set) var retry: Duration?

    private let limit: Int
    private var line = ByteBuffer()
    private var data = ByteBuffer()
    private var name = ""
    private var id: String
    private var isAtStart = true
    /// The last byte was CR: an LF that follows belongs to it.
    private var endedInCR = false

    /// Makes a reader; `lastEventID` is where an earlier stream ended.
    package init(lastEventID: String = "", limit: Int = defaultLimit) {
        self.lastEventID = lastEventID
        self.limit = limit
        id = lastEventID
    }

    /// Forgets what was incomplete, because the stream broke off and another one continues it.
    package mutating func startAgain() {
        line.removeAll()
        data.removeAll()
        name = ""
        id = lastEventID
        isAtStart = true
        endedInCR = false
    }

    /// Takes the next bytes and calls `onEvent` for each event that they complete.
    ///
    /// - Throws: `ClientError.bodyTooLarge` for an event beyond the limit.
    package mutating func read(
        _ bytes: UnsafeRawBufferPointer, _ onEvent: (StreamedEvent) -> Void
    ) throws(ClientError) {
        var start = 0
        for index in 0..<bytes.count {
            let byte = bytes[index]
            guard byte == 0x0A || byte == 0x0D else {
                endedInCR = false
                continue
            }
            if byte == 0x0A, endedInCR {
                endedInCR = false
            } else {
                try keep(bytes, start, index)
                try takeLine(onEvent)
                endedInCR = byte == 0x0D
            }
            start = index + 1
        }
        try keep(bytes, start, bytes.count)
    }

    private mutating func keep(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int
    ) throws(ClientError) {
        guard end - start <= limit - line.count - data.count else {
            throw .bodyTooLarge(limit: limit)
        }
        line.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
    }

    private mutating func takeLine(_ onEvent: (StreamedEvent) -> Void) throws(ClientError) {
        // A byte order mark in front of everything is skipped.
        if isAtStart, line.readable.starts(with: [0xEF, 0xBB, 0xBF]) { line.consume(3) }
        isAtStart = false
        guard !line.isEmpty else {
            endEvent(onEvent)
            return
        }
        let text = line.readable
        let colon = text.firstIndex(of: UInt8(ascii: ":")) ?? text.count
        var valueStart = min(colon + 1, text.count)
        if valueStart < text.count, text[valueStart] == 0x20 { valueStart += 1 }
        takeField(
            UnsafeRawBufferPointer(rebasing: text[..<colon]),
            UnsafeRawBufferPointer(rebasing: text[valueStart...]))
        line.removeAll()
    }

    private mutating func takeField(
        _ field: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) {
        if ASCII.isExactly(field, "data") {
            data.append(value)
            data.append(0x0A)
        } else if ASCII.isExactly(field, "event") {
            name = String(decoding: value, as: UTF8.self)
        } else if ASCII.isExactly(field, "id") {
            if !value.contains(0) { id = String(decoding: value, as: UTF8.self) }
        } else if ASCII.isExactly(field, "retry") {
            guard value.allSatisfy({ ASCII.isDigit($0) }),
                let millis = Int(String(decoding: value, as: UTF8.self))
            else { return }
            retry = .milliseconds(millis)
        }
    }

    /// An empty line ends the event; one without data is none, but its id counts.
    private mutating func endEvent(_ onEvent: (StreamedEvent) -> Void) {
        lastEventID = id
        if !data.isEmpty {
            data.dropLast(1)
            onEvent(
                StreamedEvent(name: name.isEmpty ? "message" : name, data: data.text(), id: id))
        }
        data.removeAll()
        name = ""
    }
}
