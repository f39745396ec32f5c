// ServerLoop: what the connections of one loop share: scratch memory, parser, date, deadlines, the
// list of those with something to send. A connection is small because all this is here.
//
//     descriptor ready → Connection reads into `scratch` → parser → handler → SendQueue
//     end of the turn  → `flush()`: one write for each touched connection, then release the closed

package import Bytes
internal import Glibc
internal import HTTPWire
package import Notifier
package import TLS

/// The TLS context for new connections, which a reload replaces. Loop-confined.
package final class TLSSource {
    /// The present context.
    package var context: TLSContext

    /// Holds `context`.
    package init(_ context: TLSContext) { self.context = context }
}

/// Counters of one loop's server side.
package struct ServerCounters: Sendable {
    /// Connections accepted.
    package var accepted: UInt64 = 0
    /// Connections refused because the limit was reached.
    package var refused: UInt64 = 0
    /// Requests whose head was complete.
    package var requests: UInt64 = 0
    /// Requests refused by the wire rules.
    package var malformed: UInt64 = 0
    /// Connections ended by a deadline.
    package var timedOut: UInt64 = 0
    /// TLS handshakes that failed.
    package var failedHandshakes: UInt64 = 0
}

/// The server side of one loop. Loop-confined.
package final class ServerLoop {
    /// Bytes read at once: a 64 KiB body with its head fits, and is then handled in place.
    static let scratchByteCount = 256 * 1024

    /// Connections flushed before the loop looks at its descriptors again.
    package let loop: EventLoop

    /// Bounds and deadlines.
    package let limits: ServerLimits

    /// Spare memory of this loop's buffers.
    package let pool = BufferPool()

    /// What has happened so far.
    @exclusivity(unchecked) package internal(set) var counters = ServerCounters()

    /// Whether the server is ending: answers then close their connections.
    @exclusivity(unchecked) package private(set) var isDraining = false

    let handler: any RequestHandler
    let parser: RequestParser
    let coder = ContentCoder()
    let ticks: DeadlineTicks
    let scratch: UnsafeMutableRawPointer
    @exclusivity(unchecked) var head = RequestHead()
    @exclusivity(unchecked) var plaintext = ByteBuffer()
    @exclusivity(unchecked) var vectors: UnsafeMutableBufferPointer<iovec>

    private let sweep = IdleSweep()
    @exclusivity(unchecked) private var connections: ContiguousArray<Connection?> = []
    @exclusivity(unchecked) private var freeSlots: ContiguousArray<Int> = []
    @exclusivity(unchecked) private var touched: ContiguousArray<Connection> = []
    @exclusivity(unchecked) private var spareExchanges: ContiguousArray<Exchange> = []
    @exclusivity(unchecked) private var date = ByteBuffer(capacity: 64)
    @exclusivity(unchecked) private var nextDateNanos: UInt64 = 0
    @exclusivity(unchecked) private var listeners: [Listener] = []
    @exclusivity(unchecked) private var requestNumber: UInt64

    /// Makes the server side of `loop`; `handler` answers its requests.
    package init(
        loop: EventLoop, limits: ServerLimits, handler: any RequestHandler, idSeed: UInt64
    ) {
        self.loop = loop
        self.limits = limits
        self.handler = handler
        parser = RequestParser(limits: limits.wire)
        ticks = DeadlineTicks(limits)
        requestNumber = idSeed
        scratch = .allocate(byteCount: Self.scratchByteCount, alignment: 64)
        vectors = .allocate(capacity: 64)
        sweep.onExpired = { [unowned self] slot in connections[slot]?.deadlinePassed() }
        loop.addIdleSweep(sweep)
        loop.addFlusher { [unowned self] in flush() }
    }

    deinit {
        scratch.deallocate()
        vectors.deallocate()
    }

    // MARK: Listeners and connections

    /// Number of open connections.
    package var connectionCount: Int { connections.count - freeSlots.count }

    /// Serves connections of `socket`; `tls` holds the context of each new one.
    ///
    /// - Throws: `SystemError` if the loop cannot watch it.
    @discardableResult
    package func listen(
        _ socket: consuming Descriptor, tls: TLSSource?
    ) throws(SystemError) -> Listener {
        let listener = try Listener(
            adopting: socket, isTLS: tls != nil, loop: loop, acceptsPerTurn: limits.acceptsPerTurn
        ) { [unowned self] number, peer in
            accept(Descriptor(owning: number), peer, tls?.context)
        }
        listeners.append(listener)
        return listener
    }

    /// Starts a connection on an accepted or otherwise connected, non-blocking `socket`.
    package func accept(
        _ socket: consuming Descriptor, _ peer: SocketAddress, _ tls: TLSContext?
    ) {
        counters.accepted &+= 1
        guard connectionCount < limits.connections, !isDraining else {
            refuse(socket, isTLS: tls != nil)
            return
        }
        let slot = freeSlots.popLast() ?? connections.count
        if slot == connections.count { connections.append(nil) }
        if peer.family != AF_UNIX {
            SocketOption.set(socket.number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        }
        let session = tls.flatMap { try? TLSSession(server: $0) }
        if tls != nil, session == nil {
            freeSlots.append(slot)
            counters.failedHandshakes &+= 1
            return
        }
        let connection = Connection(socket, slot: slot, peer: peer, tls: session, server: self)
        do throws(SystemError) {
            try connection.open()
            connections[slot] = connection
        } catch {
            freeSlots.append(slot)
        }
    }

    /// Tells a peer over the limit so, as far as one write goes, and closes.
    private func refuse(_ socket: consuming Descriptor, isTLS: Bool) {
        counters.refused &+= 1
        guard !isTLS else { return }
        let answer: StaticString = """
            HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
            Content-Length: 0\r\n\r\n
            """
        _ = send(
            socket.number, answer.utf8Start, answer.utf8CodeUnitCount,
            Int32(MSG_NOSIGNAL))
    }

    /// Frees the slot of a closed connection.
    func release(_ connection: Connection) {
        guard connections[connection.slot] === connection else { return }
        connections[connection.slot] = nil
        freeSlots.append(connection.slot)
        sweep.disarm(connection.slot)
    }

    /// Sets the deadline of a connection.
    @inline(__always)
    func arm(_ connection: Connection, _ ticks: UInt32) {
        sweep.arm(connection.slot, ticks: ticks)
    }

    /// Takes the deadline of a connection away.
    func disarm(_ connection: Connection) { sweep.disarm(connection.slot) }

    /// Stops accepting, closes idle connections, and lets the others finish their answers.
    package func drain() {
        isDraining = true
        for listener in listeners { listener.close() }
        listeners = []
        for connection in connections { connection?.drain() }
    }

    /// Closes every connection at once.
    package func closeAll() {
        for connection in connections { connection?.close() }
    }

    // MARK: The end of the turn

    /// Notes that `connection` has something to send.
    @inline(__always)
    func touch(_ connection: Connection) {
        guard !connection.isTouched else { return }
        connection.isTouched = true
        touched.append(connection)
    }

    private func flush() {
        // A flush may finish an answer and begin the next pipelined one, which touches again.
        var index = 0
        while index < touched.count {
            let connection = touched[index]
            connection.isTouched = false
            connection.flush()
            index += 1
        }
        touched.removeAll(keepingCapacity: true)
    }

    // MARK: Exchanges

    /// An exchange to use for the next request.
    func takeExchange() -> Exchange {
        spareExchanges.popLast() ?? Exchange()
    }

    /// Takes an ended exchange back, unless somebody still holds it.
    func reclaim(_ exchange: inout Exchange?) {
        if isKnownUniquelyReferenced(&exchange), let spare = exchange, spareExchanges.count < 64 {
            spare.reset()
            spareExchanges.append(spare)
        } else {
            exchange?.connection = nil
        }
        exchange = nil
    }

    /// The number of the next request; unique in the process.
    @inline(__always)
    func nextRequestID() -> UInt64 {
        requestNumber &+= 1
        return requestNumber
    }

    /// Appends the present `Date` value, 29 bytes, formatted once a second.
    @inline(__always)
    func appendDate(to buffer: inout ByteBuffer) {
        if loop.now >= nextDateNanos { refreshDate() }
        buffer.append(date.readable)
    }

    private func refreshDate() {
        let wall = loop.clock.wallNanos()
        let second: Int64 = 1_000_000_000
        date.removeAll()
        HTTPDate.append(epochSeconds: Int(wall / second), to: &date)
        nextDateNanos = loop.now &+ UInt64(second - wall % second)
    }
}

/// The deadlines in the sweep's ticks, computed once.
struct DeadlineTicks {
    let handshake: UInt32
    let head: UInt32
    let body: UInt32
    let idle: UInt32
    let write: UInt32
    let linger: UInt32
    let grace: UInt32

    /// Translates the durations of `limits`.
    init(_ limits: ServerLimits) {
        handshake = IdleSweep.ticks(limits.handshakeTimeout)
        head = IdleSweep.ticks(limits.headTimeout)
        body = IdleSweep.ticks(limits.bodyTimeout)
        idle = IdleSweep.ticks(limits.idleTimeout)
        write = IdleSweep.ticks(limits.writeTimeout)
        linger = IdleSweep.ticks(limits.lingerTimeout)
        grace = IdleSweep.ticks(limits.halfCloseGrace)
    }
}
