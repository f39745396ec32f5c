// AnswerHead: what the heads of all answers share, composed once a second because of its date.

internal import Bytes
internal import HTTPWire
internal import Notifier

/// The beginning of answers.
struct AnswerHead: ~Copyable {
    private var date = ByteBuffer(capacity: 64)
    private var common = ByteBuffer(capacity: 128)
    private var nextNanos: UInt64 = 0

    /// Appends the present `Date` value, 29 bytes.
    @inline(__always)
    mutating func appendDate(_ loop: EventLoop, to buffer: inout ByteBuffer) {
        if loop.now >= nextNanos { refresh(loop) }
        buffer.append(date.readable)
    }

    /// Appends an answer like nearly all, 200 with JSON, in one go.
    @inline(__always)
    mutating func appendCommonAnswer(
        _ id: UInt64, _ body: UnsafeRawBufferPointer, _ loop: EventLoop,
        to buffer: inout ByteBuffer
    ) {
        if loop.now >= nextNanos { refresh(loop) }
        let head = common.readable
        let length: StaticString = "\r\nContent-Length: "
        // Behind head and id: that field, up to 20 digits, the end of the head, the body.
        let count = head.count + RequestID.byteCount + length.utf8CodeUnitCount + 24 + body.count
        buffer.fill(atLeast: count) { room in
            guard let start = room.baseAddress, let first = head.baseAddress else { return 0 }
            // SAFETY: `room` has `count` bytes.
            start.copyMemory(from: first, byteCount: head.count)
            var end = start + head.count
            RequestID.write(id, to: end)
            end += RequestID.byteCount
            end.copyMemory(from: length.utf8Start, byteCount: length.utf8CodeUnitCount)
            end += length.utf8CodeUnitCount
            end = Decimal.write(UInt(bitPattern: body.count), to: end)
            end.storeBytes(of: UInt32(0x0A0D_0A0D).littleEndian, as: UInt32.self)
            end += 4
            if let bytes = body.baseAddress {
                end.copyMemory(from: bytes, byteCount: body.count)
                end += body.count
            }
            return end - start
        }
    }

    private mutating func refresh(_ loop: EventLoop) {
        let wall = loop.clock.wallNanos()
        let second: Int64 = 1_000_000_000
        date.removeAll()
        HTTPDate.append(epochSeconds: Int(wall / second), to: &date)
        common.removeAll()
        common.append("HTTP/1.1 200 OK\r\nDate: ")
        common.append(date.readable)
        common.append("\r\nContent-Type: application/json\r\nX-Request-Id: ")
        nextNanos = loop.now &+ UInt64(second - wall % second)
    }
}
