// ContentLengthFraming: messages behind a head of fields, as the Language Server Protocol's base
// protocol has them. Sans-IO.
//
//     Content-Length: 17 CRLF  CRLF  {"jsonrpc":"2.0"…
//
// A body that lies in one chunk is handed out where it lies. A head that is none cannot be passed
// over, for nobody can tell where the next one begins: the stream is broken from there on. A body
// that is too long is passed over, as its length is known.

internal import Bytes

/// Cuts a stream of bytes into messages.
///
/// Loop-confined.
struct ContentLengthFraming: ~Copyable {
    /// Longest head in bytes: the two fields that the protocol knows take 80.
    static let headByteLimit = 1024

    /// Memory kept from one message to the next at most.
    private static let keptCapacity = 64 << 10

    /// What was found; the bytes are valid during the call of the sink.
    enum Found {
        /// A message.
        case message(UnsafeRawBufferPointer)
        /// The beginning of a message that is longer than the limit.
        case overlong(UnsafeRawBufferPointer)
        /// More of that message, in order; whether it ends with this.
        case skipped(UnsafeRawBufferPointer, isLast: Bool)
        /// Something that is no head, and its beginning; nothing follows.
        case broken(UnsafeRawBufferPointer)
    }

    private let maxLength: Int
    private var buffer = ByteBuffer()

    /// Bytes of the body that is being taken; nil while a head is.
    private var bodyLength: Int?

    /// Bytes of an overlong body still to be passed over.
    private var skipLength = 0
    private var isBroken = false

    /// Bodies may have up to `maxLength` bytes.
    init(maxLength: Int) { self.maxLength = maxLength }

    /// Whether a message has begun and not ended.
    var isWithinMessage: Bool { !buffer.isEmpty || bodyLength != nil || skipLength > 0 }

    /// Hands what `chunk` completes to `sink`.
    mutating func feed(_ chunk: UnsafeRawBufferPointer, _ sink: (Found) -> Void) {
        var rest = chunk
        while rest.count > 0, !isBroken {
            if skipLength > 0 {
                let count = min(skipLength, rest.count)
                skipLength -= count
                let piece = UnsafeRawBufferPointer(rebasing: rest[..<count])
                sink(.skipped(piece, isLast: skipLength == 0))
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if let length = bodyLength {
                rest = takeBody(rest, length, sink)
            } else {
                rest = takeHead(rest, sink)
            }
        }
    }

    // MARK: Body

    private mutating func takeBody(
        _ chunk: UnsafeRawBufferPointer, _ length: Int, _ sink: (Found) -> Void
    ) -> UnsafeRawBufferPointer {
        if length > maxLength { return takeOverlong(chunk, length, sink) }
        let missing = length - buffer.count
        let count = min(missing, chunk.count)
        let piece = UnsafeRawBufferPointer(rebasing: chunk[..<count])
        if count == missing {
            bodyLength = nil
            if buffer.isEmpty {
                sink(.message(piece))
            } else {
                buffer.append(piece)
                sink(.message(buffer.readable))
                // One large message is no reason to keep its memory for the child's whole life.
                if buffer.capacity > Self.keptCapacity {
                    buffer.release()
                } else {
                    buffer.removeAll()
                }
            }
        } else {
            buffer.append(piece)
        }
        return UnsafeRawBufferPointer(rebasing: chunk[count...])
    }

    /// Bytes of an overlong message that are kept to tell whose answer it was.
    private static let prefixLength = 4096

    private mutating func takeOverlong(
        _ chunk: UnsafeRawBufferPointer, _ length: Int, _ sink: (Found) -> Void
    ) -> UnsafeRawBufferPointer {
        let wanted = min(Self.prefixLength, length)
        let count = min(wanted - buffer.count, chunk.count)
        buffer.append(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
        if buffer.count == wanted {
            bodyLength = nil
            skipLength = length - wanted
            sink(.overlong(buffer.readable))
            buffer.removeAll()
        }
        return UnsafeRawBufferPointer(rebasing: chunk[count...])
    }

    // MARK: Head

    /// Takes bytes up to the empty line.
    private mutating func takeHead(
        _ chunk: UnsafeRawBufferPointer, _ sink: (Found) -> Void
    ) -> UnsafeRawBufferPointer {
        var used = 0
        while used < chunk.count, buffer.count < Self.headByteLimit {
            let byte = chunk[used]
            used += 1
            buffer.append(byte)
            guard byte == 0x0A else { continue }
            let head = buffer.readable
            guard Self.eachField(of: head, { _, _ in true }) else { break }
            guard head.count >= 4, head[head.count - 2] == 0x0D, head[head.count - 3] == 0x0A else {
                continue
            }
            guard let length = Self.length(in: head) else { break }
            buffer.removeAll()
            if length == 0 {
                sink(.message(UnsafeRawBufferPointer(start: nil, count: 0)))
            } else {
                bodyLength = length
            }
            return UnsafeRawBufferPointer(rebasing: chunk[used...])
        }
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        let mayGoOn = buffer.readable.last != 0x0A || Self.isUnfinished(buffer.readable)
        if used == chunk.count, buffer.count < Self.headByteLimit, mayGoOn { return nothing }
        isBroken = true
        sink(.broken(buffer.readable))
        buffer.removeAll()
        return nothing
    }

    /// Whether complete lines are fields, and the empty line has not come.
    private static func isUnfinished(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let hasEnded =
            bytes.count >= 4 && bytes[bytes.count - 2] == 0x0D && bytes[bytes.count - 3] == 0x0A
        return !hasEnded && eachField(of: bytes) { _, _ in true }
    }

    /// The value of the one Content-Length of a head; nil if a line breaks the rules.
    private static func length(in head: UnsafeRawBufferPointer) -> Int? {
        var length: Int?
        let isSound = eachField(of: head) { name, value in
            if ASCII.equals(name, "content-length") {
                guard length == nil, value.count > 0, value.count <= 10,
                    value.allSatisfy(ASCII.isDigit)
                else { return false }
                length = value.reduce(0) { $0 * 10 + Int($1 &- 48) }
            }
            return true
        }
        return isSound ? length : nil
    }

    /// Calls `body` with each `Name: value` line; false if a line is none, does not end in CRLF, or
    /// `body` says so.
    private static func eachField(
        of head: UnsafeRawBufferPointer,
        _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool
    ) -> Bool {
        var start = 0
        while start < head.count {
            guard let end = head[start...].firstIndex(of: 0x0A), end > start, head[end - 1] == 0x0D
            else { return false }
            // The empty line ends a head; none begins with it.
            if end - 1 == start { return start > 0 }
            guard let colon = head[start..<(end - 1)].firstIndex(of: UInt8(ascii: ":")),
                colon > start, head[start..<colon].allSatisfy(ASCII.isToken)
            else { return false }
            var from = colon + 1
            var to = end - 1
            while from < to, ASCII.isBlank(head[from]) { from += 1 }
            while to > from, ASCII.isBlank(head[to - 1]) { to -= 1 }
            let name = UnsafeRawBufferPointer(rebasing: head[start..<colon])
            let value = UnsafeRawBufferPointer(rebasing: head[from..<to])
            guard body(name, value) else { return false }
            start = end + 1
        }
        return true
    }
}
