// DeliveryStage: the real table of streams on a real server, whose clock only the test moves.

import Bytes
import Compression
import Foundation
import Notifier
import Testing

@testable import Gateway
@testable import HTTP

/// A loop with streams and their readers.
final class DeliveryStage: RequestHandler {
    let clock = ManualClock(wallSeconds: 784_111_777)
    let loop: EventLoop
    let table: SubscriptionTable
    private(set) var server: ServerLoop!
    private(set) var readers: [StreamReader] = []
    private var last: UInt64 = 0

    init(bufferLimit: Int = 1 << 20) throws {
        loop = try EventLoop(clock: clock)
        table = SubscriptionTable(
            loop: loop, encoder: EventEncoder(epoch: SignalEpoch("k3f9abcd")),
            bufferLimit: bufferLimit, heartbeat: .seconds(3600))
        server = ServerLoop(loop: loop, limits: ServerLimits(), handler: self, idSeed: 0)
        table.watchRounds()
    }

    deinit { server.closeAll() }

    /// Opens a stream that wants `pattern` and is live behind `position`, by default the last event.
    @discardableResult
    func open(
        _ pattern: String, _ format: StreamFormat = .named, isCompressed: Bool = false,
        position: UInt64? = nil, receiveBuffer: Int32? = nil
    ) throws -> StreamReader {
        var ends: [Int32] = [-1, -1]
        let kind =
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        try #require(socketpair(AF_UNIX, kind, 0, &ends) == 0)
        if let receiveBuffer { SocketOption.set(ends[0], SOL_SOCKET, SO_SNDBUF, receiveBuffer) }
        let address = try #require(try SocketAddress.resolve(.unix(path: "/peer")).first)
        server.accept(Descriptor(owning: ends[0]), address, nil)
        let reader = StreamReader(ends[1], format, isCompressed: isCompressed)
        reader.position = position ?? last
        reader.filter = SignalFilter([try #require(SignalPattern(pattern))])
        opening = reader
        let head = Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        try #require(send(ends[1], head, head.count, 0) == head.count)
        while opening != nil { turn() }
        readers.append(reader)
        return reader
    }

    private var opening: StreamReader?

    /// Emits a signal, which the table takes; returns its sequence number.
    @discardableResult
    func emit(_ name: String, byteCount: Int = 1) -> UInt64 {
        last += 1
        let data = [UInt8](repeating: 0x31, count: byteCount)
        table.deliver(
            SignalEvent(
                sequence: last, name: Payload(Array(name.utf8)), data: Payload(data), wallNanos: 0))
        return last
    }

    /// Makes one turn of the loop, in which no time passes.
    func turn() { loop.step(sleep: false) }

    /// Makes turns until nothing waits, with enough time in between for every rest.
    func settle() {
        repeat {
            clock.advance(by: .milliseconds(5))
            turn()
            for reader in readers { reader.read() }
        } while !table.queue.isEmpty
        turn()
        for reader in readers { reader.read() }
    }

    // MARK: RequestHandler

    func receive(_ exchange: Exchange) -> BodyPlan {
        guard let reader = opening else { return .skip }
        opening = nil
        if reader.format != .array {
            exchange.beginStream(200, type: reader.format.mediaType, endsWithConnection: true)
        }
        let kind = StreamKind(
            filter: reader.filter, format: reader.format, isChunked: false,
            isCompressed: reader.isCompressed)
        let subscription = table.add(
            exchange, kind, pause: reader.format == .array ? .seconds(60) : nil)
        table.resume(subscription, ReplaySlice(position: reader.position))
        return .skip
    }

    func complete(_ exchange: Exchange) {}

    func describe(
        _ refusal: Refusal, of exchange: Exchange, into body: inout ByteBuffer
    ) -> StaticString { "text/plain" }

    func ended(_ exchange: Exchange) { table.ended(exchange) }
}

/// The far end of a stream.
final class StreamReader {
    let format: StreamFormat
    let isCompressed: Bool
    /// What it asks for, and what it had when it began.
    var filter = SignalFilter([])
    var position: UInt64 = 0
    /// All that came.
    private(set) var received: [UInt8] = []
    private(set) var isAtEnd = false
    private var number: Int32

    init(_ number: Int32, _ format: StreamFormat, isCompressed: Bool) {
        self.number = number
        self.format = format
        self.isCompressed = isCompressed
    }

    deinit { close() }

    /// Reads what there is.
    func read() {
        var bytes = [UInt8](repeating: 0, count: 65536)
        while number >= 0, !isAtEnd {
            let count = recv(number, &bytes, bytes.count, 0)
            guard count > 0 else {
                isAtEnd = count == 0 || errno != EAGAIN
                return
            }
            received += bytes.prefix(count)
        }
    }

    /// Goes away.
    func close() {
        if number >= 0 { Glibc.close(number) }
        number = -1
    }

    /// The numbers of the events that came.
    var numbers: [UInt64] {
        let head = received.firstRange(of: Array("\r\n\r\n".utf8))
        var body = Array(received[(head?.upperBound ?? received.endIndex)...])
        if isCompressed { body = Self.inflated(body) }
        let text = String(decoding: body, as: UTF8.self)
        let marker = format == .named ? "id: k3f9abcd-" : #""id":"k3f9abcd-"#
        return text.components(separatedBy: marker).dropFirst().compactMap {
            UInt64($0.prefix { $0.isNumber })
        }
    }
    private static func inflated(_ packed: [UInt8]) -> [UInt8] {
        var text = ByteBuffer()
        let inflater = try? Inflater(.gzip, outputLimit: 1 << 24)
        packed.withUnsafeBytes { try? inflater?.append($0, to: &text) }
        return text.array()
    }
}
