// Connection: one peer. Its phases, its deadline, and the order of requests and answers on it.
//
//     handshake → idle → head → body → answering → idle …            (keep-alive)
//                                   └→ ending → lingering → closed   (after an error or `close`)
//
// Bytes are parsed where they were read, in the loop's scratch memory; the connection owns bytes
// only while a message is incomplete or an answer unsent. Reading, writing and bodies are in files
// of their own.

internal import Bytes
internal import Glibc
internal import HTTPWire
internal import Notifier
internal import TLS

/// One peer of the server. Loop-confined.
package final class Connection {
    /// What the connection waits for.
    enum Phase: UInt8 {
        /// The peer's part of the TLS handshake.
        case handshake
        /// The first byte of a request.
        case idle
        /// The rest of a head.
        case head
        /// The rest of a body.
        case body
        /// The handler's answer.
        case answering
        /// The last answer to leave.
        case ending
        /// The peer's end of stream, so that our last answer is not lost to a reset.
        case lingering
        /// Nothing: it is over.
        case closed
    }

    /// The peer's address.
    package let peer: SocketAddress

    let slot: Int
    unowned let server: ServerLoop
    let tls: TLSSession?
    @exclusivity(unchecked) var phase: Phase
    @exclusivity(unchecked) var exchange: Exchange?
    @exclusivity(unchecked) var isTouched = false
    /// The peer has ended its stream.
    @exclusivity(unchecked) var peerHasEnded = false
    @exclusivity(unchecked) var isWaitingToWrite = false
    @exclusivity(unchecked) var isReadingPaused = false
    @exclusivity(unchecked) var isProcessing = false
    /// What was read and not yet taken: part of a head, or pipelined requests.
    @exclusivity(unchecked) var pending = ByteBuffer()
    /// Plain bytes to send.
    @exclusivity(unchecked) var sendQueue = SendQueue()
    /// TLS records to send.
    @exclusivity(unchecked) var records = ByteBuffer()
    /// Bytes that may still be read and dropped while lingering.
    @exclusivity(unchecked) var lingerBytesLeft = 0

    private var socket: Descriptor?
    private var token: WatchToken?

    init(
        _ socket: consuming Descriptor, slot: Int, peer: SocketAddress, tls: TLSSession?,
        server: ServerLoop
    ) {
        self.slot = slot
        self.peer = peer
        self.tls = tls
        self.server = server
        number = socket.number
        phase = tls == nil ? .idle : .handshake
        self.socket = consume socket
    }

    /// The socket's number; -1 once closed.
    @exclusivity(unchecked) private(set) var number: Int32

    /// Begins to watch the socket and sets the first deadline.
    func open() throws(SystemError) {
        token = try server.loop.watch(number, .read) { [unowned self] ready in
            becameReady(ready)
            return .keep
        }
        server.arm(self, tls == nil ? server.ticks.head : server.ticks.handshake)
    }

    /// Whether the connection can still carry bytes.
    package var isOpen: Bool { phase != .closed }

    /// Number of plain and encrypted bytes that wait for the peer.
    var backlog: Int { sendQueue.byteCount + records.count }

    // MARK: Events

    private func becameReady(_ ready: Readiness) {
        // The registration holds self unowned; a callback may close and release it.
        withExtendedLifetime(self) {
            if ready.contains(.error) {
                close()
                return
            }
            if ready.contains(.write) { server.touch(self) }
            if ready.contains(.read) {
                readSome()
            } else if !ready.isDisjoint(with: .ended) {
                peerEnded()
            }
        }
    }

    /// The peer will send nothing more.
    func peerEnded() {
        guard !peerHasEnded, phase != .closed else { return }
        peerHasEnded = true
        updateInterest()
        switch phase {
        case .answering:
            guard let exchange, exchange.isWorthFinishing else {
                close()
                return
            }
            // It may have closed only its sending side; a peer that is gone looks the same.
            server.arm(self, server.ticks.grace)
        case .ending where backlog > 0: break
        default: close()
        }
    }

    /// The connection's deadline has passed.
    func deadlinePassed() {
        server.counters.timedOut &+= phase == .idle || phase == .lingering ? 0 : 1
        switch phase {
        case .head: refuse(.headTimeout)
        case .body where backlog == 0 && exchange?.hasBegunAnswer == false:
            refuse(.bodyTimeout)
        case .idle: endGracefully()
        default: close()
        }
    }

    /// Arms the deadline that fits the phase.
    func armForPhase() {
        if backlog > 0, isWaitingToWrite {
            server.arm(self, server.ticks.write)
            return
        }
        switch phase {
        case .handshake: server.arm(self, server.ticks.handshake)
        case .idle: server.arm(self, server.ticks.idle)
        case .head: server.arm(self, server.ticks.head)
        case .body: server.arm(self, server.ticks.body)
        case .answering:
            if peerHasEnded {
                server.arm(self, server.ticks.grace)
            } else {
                server.disarm(self)
            }
        case .ending: server.arm(self, server.ticks.write)
        case .lingering: server.arm(self, server.ticks.linger)
        case .closed: server.disarm(self)
        }
    }

    /// Tells the poller what the connection waits for.
    func updateInterest() {
        guard let token else { return }
        var interest: Interest = []
        if !peerHasEnded { interest.insert(isReadingPaused ? .peerClosed : .read) }
        if isWaitingToWrite { interest.insert(.write) }
        server.loop.change(token, to: interest)
    }

    // MARK: Endings

    /// Answers a request that the server itself refuses, once, and ends the connection.
    func refuse(_ refusal: Refusal) {
        server.counters.malformed &+= 1
        if let exchange, exchange.hasBegunAnswer {
            close()
            return
        }
        let refused = exchange ?? server.takeExchange()
        exchange = refused
        refused.refuse(refusal, on: self)
    }

    /// Lets what waits go out, then ends the connection so that the peer can read all of it.
    func endAfterFlush() {
        guard phase != .closed else { return }
        phase = .ending
        armForPhase()
        server.touch(self)
    }

    /// Says goodbye on an idle connection and closes it.
    func endGracefully() {
        if let tls {
            tls.close(into: &records)
            flushRecords()
        }
        close()
    }

    /// Shuts the sending side and reads on for a while.
    func linger() {
        phase = .lingering
        lingerBytesLeft = server.limits.lingerBytes
        isReadingPaused = false
        updateInterest()
        pending.removeAll()
        server.pool.reclaim(&pending)
        if peerHasEnded {
            close()
            return
        }
        _ = shutdown(number, Int32(SHUT_WR))
        armForPhase()
    }

    /// The server is ending: close if idle, else after the present answer.
    func drain() {
        switch phase {
        case .idle where backlog == 0: endGracefully()
        case .answering: exchange?.serverIsDraining()
        case .handshake: close()
        default: break
        }
    }

    /// Closes at once; an exchange under way is abandoned.
    package func close() {
        guard phase != .closed else { return }
        phase = .closed
        if let token { server.loop.unwatch(token) }
        token = nil
        if let abandoned = exchange {
            abandoned.abandon()
            server.reclaim(&exchange)
        }
        sendQueue.removeAll(server.pool)
        records.removeAll()
        server.pool.reclaim(&records)
        pending.removeAll()
        server.pool.reclaim(&pending)
        number = -1
        socket = nil
        server.release(self)
    }
}
