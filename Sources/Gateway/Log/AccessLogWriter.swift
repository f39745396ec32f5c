// AccessLogWriter: keeps what the access log says about requests in flight, and writes their lines.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import Notifier

/// Writes the access log of one loop.
///
/// Loop-confined.
final class AccessLogWriter {
    /// Status of a request whose client ended its side before the answer was there, whatever it could
    /// still be told: nearly all of them have gone.
    private static let left = 499

    private let sink: LogSink
    private let loop: EventLoop

    init(_ sink: LogSink, loop: EventLoop) {
        self.sink = sink
        self.loop = loop
    }

    private static func status(of exchange: Exchange) -> Int {
        exchange.status == 0 || exchange.isGivenUp ? left : exchange.status
    }

    /// A request has begun: its line is read from the head now, because the head does not last.
    func began(_ exchange: Exchange) {
        exchange.note.removeAll()
        exchange.note.append(exchange.methodBytes)
        exchange.note.append(UInt8(ascii: " "))
        exchange.note.append(exchange.target)
    }

    /// A request has ended: answered, refused or abandoned.
    func ended(_ exchange: Exchange) {
        let note = exchange.note.readable
        let space = note.firstIndex(of: UInt8(ascii: " ")) ?? 0
        var id = ByteBuffer()
        exchange.appendID(to: &id)
        var client = exchange.peer?.description ?? "-"
        client.withUTF8 { client in
            sink.append(
                AccessRecord(
                    method: UnsafeRawBufferPointer(rebasing: note[..<space]),
                    target: UnsafeRawBufferPointer(rebasing: note[space...].dropFirst()),
                    status: Self.status(of: exchange),
                    byteCount: exchange.answerByteCount,
                    nanoseconds: Int(clamping: loop.clock.monotonicNanos() &- exchange.startNanos),
                    client: UnsafeRawBufferPointer(client), requestID: id.readable))
        }
        exchange.note.removeAll()
    }
}
