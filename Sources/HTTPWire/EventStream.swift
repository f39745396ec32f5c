// EventStream: the text/event-stream format (WHATWG HTML §9.2), writing side.
//
//     id: k3f9-1042 \n
//     event: host.disk.full \n
//     data: {"free":0} \n
//     \n
//
// A reader ends a line at CR, LF or CRLF. Data and comments are split at all three, so their bytes
// can never begin a field of their own; ids and names with a line break are refused.

package import Bytes

/// Writes events.
package enum EventStream {
    /// Longest Last-Event-ID that is looked at, 256 bytes; ours have fewer than 40.
    package static var maximumIDBytes: Int { 256 }

    /// Appends one event.
    ///
    /// Empty `data` still makes an event; each line of it becomes a `data:` line.
    ///
    /// - Throws: `WireError.misuse` if `id` or `event` contains CR, LF or NUL; nothing is appended
    ///   then.
    package static func append(
        id: UnsafeRawBufferPointer? = nil, event: UnsafeRawBufferPointer? = nil,
        data: UnsafeRawBufferPointer, to output: inout ByteBuffer
    ) throws(WireError) {
        guard id?.allSatisfy(isInLine) ?? true, event?.allSatisfy(isInLine) ?? true else {
            throw .misuse(.eventFieldInvalid)
        }
        output.reserve(data.count + (id?.count ?? 0) + (event?.count ?? 0) + 32)
        if let id {
            output.append("id: ")
            output.append(id)
            output.append("\n")
        }
        if let event {
            output.append("event: ")
            output.append(event)
            output.append("\n")
        }
        appendLines("data: ", data, to: &output)
        output.append("\n")
    }

    /// Appends a comment, which readers skip; used as heartbeat.
    package static func append(comment: UnsafeRawBufferPointer, to output: inout ByteBuffer) {
        appendLines(": ", comment, to: &output)
        output.append("\n")
    }

    /// Appends how long a reader should wait before it connects again.
    package static func append(retryMilliseconds: Int, to output: inout ByteBuffer) {
        output.append("retry: ")
        output.append(decimal: max(retryMilliseconds, 0))
        output.append("\n")
    }

    /// Whether `id`, from a field or a query, can be an id that we once sent.
    package static func isValidLastEventID(_ id: UnsafeRawBufferPointer) -> Bool {
        id.count > 0 && id.count <= maximumIDBytes && id.allSatisfy(isInLine)
    }

    private static func isInLine(_ byte: UInt8) -> Bool {
        byte != 0x0A && byte != 0x0D && byte != 0x00
    }

    /// Appends `prefix` and LF around each line of `text`; one empty line if it is empty.
    private static func appendLines(
        _ prefix: StaticString, _ text: UnsafeRawBufferPointer, to output: inout ByteBuffer
    ) {
        var start = 0
        while true {
            let end = lineEnd(text, from: start)
            output.append(prefix)
            output.append(UnsafeRawBufferPointer(rebasing: text[start..<end]))
            output.append("\n")
            guard end < text.count else { return }
            let isPair = text[end] == 0x0D && end + 1 < text.count && text[end + 1] == 0x0A
            start = end + (isPair ? 2 : 1)
        }
    }

    /// The offset of the next CR or LF from `start` on, or the end.
    private static func lineEnd(_ text: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard let base = text.baseAddress else { return text.count }
        var position = start
        while text.count &- position >= 8 {
            let word = Words.load(base, position)
            let marks = Words.equal(word, 0x0A) | Words.equal(word, 0x0D)
            if marks != 0 { return position &+ Words.first(marks) }
            position &+= 8
        }
        while position < text.count, text[position] != 0x0A, text[position] != 0x0D {
            position &+= 1
        }
        return position
    }
}
