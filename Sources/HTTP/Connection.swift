// Connection: one peer. Its phases, its deadline, and how it ends.
//
//     handshake → idle → head → body → answering → idle …            (keep-alive)
//                                   └→ ending → lingering → closed   (after an error or `close`)
//
// Bytes are parsed where they were read, in the loop's scratch memory; the connection owns bytes
// only while a message is incomplete, a request must wait for its turn, or an answer is unsent.
// Reading, writing, deadlines and bodies are in files of their own.

internal import Bytes
internal import CLinux
internal import Glibc
internal import HTTPWire
internal import Notifier
internal import TLS

/// One peer of the server.
///
/// Loop-confined.
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
    package var peer: SocketAddress { peerAddress.socketAddress }

    private let peerAddress: PeerAddress
    let slot: Int
    /// Number of the accept: the higher, the newer.
    let serial: UInt64
    /// The server, for those who are in a hurry.
    // SAFETY: the server owns its connections and closes them before it goes; an exchange that
    // somebody still holds has lost its connection by then.
    let shared: Unmanaged<ServerLoop>
    let tls: TLSSession?
    @exclusivity(unchecked) var phase: Phase
    @exclusivity(unchecked) var exchange: Exchange?
    /// On the list of those to be flushed.
    @exclusivity(unchecked) var isTouched = false
    /// The peer has ended its stream, and all it sent has been read.
    @exclusivity(unchecked) var peerHasEnded = false
    /// The end of the peer's stream was reported while bytes before it were unread.
    @exclusivity(unchecked) var peerIsLeaving = false
    /// The socket took no more: the poller tells when it does again.
    @exclusivity(unchecked) var isWaitingToWrite = false
    /// The poller has told so since.
    @exclusivity(unchecked) var mayWrite = false
    /// What the kernel had not got rid of when the socket took no more.
    @exclusivity(unchecked) var unsentByteCount: Int32 = 0
    @exclusivity(unchecked) var isReadingPaused = false
    /// Requests are being taken: an answer given now is given by a handler further up the stack.
    @exclusivity(unchecked) var isProcessing = false
    /// Whole requests may be among what is kept; they are taken after the next flush.
    // INVARIANT: if set, the connection is touched or waits to write, so a flush will come.
    @exclusivity(unchecked) var isDeferred = false
    /// What was read and not yet taken: part of a head, or pipelined requests.
    @exclusivity(unchecked) var pending = ByteBuffer()
    /// Plain bytes to send.
    @exclusivity(unchecked) var sendQueue = SendQueue()
    /// TLS records to send.
    @exclusivity(unchecked) var records = ByteBuffer()
    /// There was no room for the peer; it is only told so.
    @exclusivity(unchecked) private(set) var isTurnedAway = false
    /// The peer takes the end of the connection for the end of the present answer.
    @exclusivity(unchecked) var endIsFraming = false
    /// All that waits belongs to an answer that has begun, and nothing of that has left.
    @exclusivity(unchecked) var answerIsUnsent = false
    /// When lingering ends, whatever still comes.
    @exclusivity(unchecked) var lingerEndNanos: UInt64 = 0

    private var socket: Descriptor?
    private var token: WatchToken?

    init(
        _ socket: consuming Descriptor, slot: Int, serial: UInt64, peer: SocketAddress,
        tls: TLSSession?, server: ServerLoop
    ) {
        self.slot = slot
        self.serial = serial
        peerAddress = PeerAddress(peer)
        self.tls = tls
        shared = Unmanaged.passUnretained(server)
        number = socket.number
        phase = tls == nil ? .idle : .handshake
        self.socket = consume socket
    }

    /// The socket's number; -1 once closed.
    @exclusivity(unchecked) private(set) var number: Int32

    /// Begins to watch the socket and sets the first deadline.
    func open() throws(SystemError) {
        // SAFETY: the server holds it while it is watched, and to the end of the turn in which a
        // callback closes it; the server itself outlives its connections.
        let own = Unmanaged.passUnretained(self)
        let shared = shared
        token = try server.loop.watch(number, .read) { ready in
            own._withUnsafeGuaranteedRef { connection in
                shared._withUnsafeGuaranteedRef { connection.becameReady(ready, $0) }
            }
            return .keep
        }
        server.arm(self, tls == nil ? server.ticks.head : server.ticks.handshake)
    }

    /// What the connections of a loop share.
    var server: ServerLoop { @inline(__always) get { shared.takeUnretainedValue() } }

    /// Whether the connection can still carry bytes.
    package var isOpen: Bool { phase != .closed }

    /// Whether nothing has been asked that is not answered.
    var isIdle: Bool { phase == .idle && !isDeferred && backlog == 0 }

    /// Number of plain and encrypted bytes that wait for the peer.
    var backlog: Int { sendQueue.byteCount + records.count }

    // MARK: Events

    @inline(__always)
    private func becameReady(_ ready: Readiness, _ server: ServerLoop) {
        if ready == .read {
            if server.mayRead(self) { readSome(server) }
        } else {
            becameReadyForMore(ready, server)
        }
    }

    private func becameReadyForMore(_ ready: Readiness, _ server: ServerLoop) {
        if ready.contains(.error) {
            close()
            return
        }
        if ready.contains(.write) {
            mayWrite = true
            server.touch(self)
        }
        if ready.contains(.read), server.mayRead(self) { readSome(server) }
        if !ready.isDisjoint(with: .ended) { endWasReported(ready.contains(.hangUp)) }
    }

    /// Tells the poller what the connection waits for.
    func updateInterest() {
        guard let token else { return }
        var interest: Interest = []
        if !peerHasEnded {
            if !isReadingPaused {
                interest.insert(.read)
            } else if !peerIsLeaving {
                interest.insert(.peerClosed)
            }
        }
        if isWaitingToWrite { interest.insert(.write) }
        server.loop.change(token, to: interest)
    }

    // MARK: Endings

    /// Ends the connection because of a request that the server itself refuses, with an answer that
    /// says why, unless there is one already.
    ///
    /// - Parameter method: the request's, if it is known already; an answer to HEAD has no body.
    func refuse(_ refusal: Refusal, method: Method = .get) {
        if case .wire = refusal { server.counters.malformed &+= 1 }
        switch exchange?.answer {
        case .none?: exchange?.refuse(refusal)
        case .ended?: endAfterFlush()
        case .streaming?, .abandoned?: close()
        case nil: standIn(method).refuse(refusal)
        }
    }

    /// An exchange for a request whose head is not there.
    private func standIn(_ method: Method) -> Exchange {
        let fresh = server.takeExchange()
        exchange = fresh
        fresh.begin(on: self, refusedMethod: method)
        return fresh
    }

    /// Tells a peer that there is no room for it, before it has asked anything.
    func turnAway(_ refusal: Refusal) {
        isTurnedAway = true
        let fresh = standIn(.get)
        fresh.extraFields.append("Retry-After: 1\r\n")
        fresh.refuse(refusal)
    }

    /// Lets what waits go out, then ends the connection so that the peer can read all of it.
    func endAfterFlush() {
        guard phase != .closed else { return }
        phase = .ending
        armForPhase()
        server.touch(self)
    }

    /// Ends a connection on which no answer is due: at once if nothing waits to be sent.
    func endGracefully() {
        guard backlog == 0 else {
            endAfterFlush()
            return
        }
        if let tls {
            tls.close(into: &records)
            flushRecords()
        }
        close()
    }

    /// Shuts the sending side and reads on for a while.
    func linger() {
        guard !peerHasEnded else {
            close()
            return
        }
        phase = .lingering
        dropExchange()
        lingerEndNanos =
            server.loop.now &+ (server.isDraining ? server.drainLingerNanos : server.lingerNanos)
        isReadingPaused = false
        isDeferred = false
        updateInterest()
        dropPending()
        _ = shutdown(number, Int32(SHUT_WR))
        armForPhase()
    }

    /// The server is ending: what has arrived is still answered, and then the connection closes.
    func drain() {
        switch phase {
        case .handshake:
            readSome(server)
            if phase == .handshake { close() }
        case .idle:
            if !isReadingPaused { readSome(server) }
            if phase == .idle, !isDeferred { endGracefully() }
        case .body, .answering: exchange?.serverIsDraining()
        case .lingering:
            lingerEndNanos = min(lingerEndNanos, server.loop.now &+ server.drainLingerNanos)
            armForPhase()
        case .head, .ending, .closed: break
        }
    }

    /// Closes at once; an exchange under way is abandoned.
    package func close() {
        guard phase != .closed else { return }
        phase = .closed
        if let token { server.loop.unwatch(token) }
        token = nil
        if endIsFraming, backlog > 0 || exchange?.isOpen == true {
            // Only a reset tells this peer that its answer is not whole.
            SocketOption.resetAtClose(number)
        }
        dropExchange()
        sendQueue.removeAll(server.pool)
        records.removeAll()
        server.pool.reclaim(&records)
        dropPending()
        number = -1
        socket = nil
        server.release(self)
    }

    private func dropExchange() {
        exchange?.abandon()
        server.retire(&exchange)
    }

    private func dropPending() {
        pending.removeAll()
        server.pool.reclaim(&pending)
    }
}
