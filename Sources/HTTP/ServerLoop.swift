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

/// The server side of one loop.
///
/// Loop-confined.
package final class ServerLoop {
    /// Bytes of a body read at once.
    static let scratchByteCount = 256 * 1024

    /// Bytes of requests read at once: a 64 KiB body with its head fits, and is then handled in
    /// place.
    ///
    /// Beside `pipelineBytes` this bounds what a peer can make us keep.
    static let readByteCount = 80 * 1024

    /// Slots that the table of connections keeps.
    static let slotsKept = 256

    /// Idle connections closed at once when the process is out of descriptors.
    static let shedCount = 16

    /// The loop.
    package let loop: EventLoop

    /// Bounds and deadlines.
    package let limits: ServerLimits

    /// The places for connections, which the loops of a process share.
    package let quota: ConnectionQuota

    /// Spare memory of this loop's buffers.
    package let pool = BufferPool()

    /// What has happened so far.
    @exclusivity(unchecked) package internal(set) var counters = ServerCounters()

    /// Called at the end of the next turn in which connections are written to or closed, once for
    /// each `tellActivity`.
    package var onActivity: () -> Void = {}
    @exclusivity(unchecked) private var tellsActivity = false

    /// Whether the server is ending: answers then close their connections.
    @exclusivity(unchecked) package private(set) var isDraining = false

    /// Told of each connection that lacked the proxy's header it should have begun with.
    package var onUnproxied: (_ proxy: SocketAddress, _ reason: String) -> Void = { _, _ in }

    /// Proxies that have not yet said for whom they connect.
    @exclusivity(unchecked) var greetings: [ObjectIdentifier: ProxyGreeting] = [:]

    let handler: any RequestHandler
    let parser: RequestParser
    let coder = ContentCoder()
    let ticks: DeadlineTicks
    let scratch: UnsafeMutableRawPointer
    /// The beginning of answers.
    @exclusivity(unchecked) var answerHead = AnswerHead()
    /// The head that was parsed last; behind a pointer, because a property of a class is copied when
    /// one of its functions is called.
    let head = UnsafeMutablePointer<RequestHead>.allocate(capacity: 1)
    @exclusivity(unchecked) var plaintext = ByteBuffer()
    @exclusivity(unchecked) var vectors: UnsafeMutableBufferPointer<iovec>
    let lingerNanos: UInt64
    let drainLingerNanos: UInt64

    /// The requests of some connection are being taken: scratch memory and head are in use.
    @exclusivity(unchecked) var isProcessing = false

    private let sweep = IdleSweep()
    @exclusivity(unchecked) private var connections: ContiguousArray<Connection?> = []
    @exclusivity(unchecked) private var freeSlots: ContiguousArray<Int> = []
    /// Writes what was queued, at the end of the turn.
    private var flusher: Flusher?
    /// Closed in this turn; some function of theirs may be running.
    @exclusivity(unchecked) private var closed: ContiguousArray<Connection> = []
    @exclusivity(unchecked) private var touched = SlotList()
    @exclusivity(unchecked) private var flushing = SlotList()
    @exclusivity(unchecked) private var endedExchanges = ExchangeStack()
    @exclusivity(unchecked) private var handshakesLeft: Int
    @exclusivity(unchecked) private var listeners: [Listener] = []
    @exclusivity(unchecked) private var turnedAwayCount = 0
    @exclusivity(unchecked) private var requestNumber: UInt64

    /// Makes the server side of `loop`; `handler` answers its requests.
    ///
    /// - Parameter quota: what it shares with other loops; without one it has all that `limits` allow.
    package init(
        loop: EventLoop, limits: ServerLimits, quota: ConnectionQuota? = nil,
        handler: any RequestHandler, idSeed: UInt64
    ) {
        self.loop = loop
        self.limits = limits
        self.quota =
            quota
            ?? ConnectionQuota(
                connections: limits.connections, perAddress: limits.connectionsPerAddress)
        self.handler = handler
        parser = RequestParser(limits: limits.wire)
        ticks = DeadlineTicks(limits)
        requestNumber = idSeed
        lingerNanos = UInt64(max(limits.lingerLimit.nanoseconds, 0))
        drainLingerNanos = UInt64(max(limits.drainLinger.nanoseconds, 0))
        handshakesLeft = limits.handshakesPerTurn
        head.initialize(to: RequestHead())
        scratch = .allocate(byteCount: Self.scratchByteCount, alignment: 64)
        vectors = .allocate(capacity: 64)
        sweep.onExpired = { [unowned self] slot in connections[slot]?.deadlinePassed() }
        loop.addIdleSweep(sweep)
        // SAFETY: the loop runs no flusher after its server has gone.
        let own = Unmanaged.passUnretained(self)
        flusher = loop.addFlusher(onDemand: true) { own._withUnsafeGuaranteedRef { $0.flush() } }
    }

    deinit {
        closeAll()
        head.deinitialize(count: 1)
        head.deallocate()
        scratch.deallocate()
        vectors.deallocate()
    }

    // MARK: Listeners and connections

    /// Number of open connections.
    package var connectionCount: Int { connections.count - freeSlots.count - turnedAwayCount }

    /// Serves connections of `socket`; `tls` holds the context of each new one.
    ///
    /// With `expectsProxy` each must begin with the header of the PROXY protocol. With `isShared` other
    /// loops accept from the same socket.
    ///
    /// - Throws: `SystemError` if the loop cannot watch it.
    @discardableResult
    package func listen(
        _ socket: consuming Descriptor, tls: TLSSource?, expectsProxy: Bool = false,
        isShared: Bool = false
    ) throws(SystemError) -> Listener {
        let listener = try Listener(
            adopting: socket, isTLS: tls != nil, isShared: isShared, loop: loop, limits: limits
        ) { [unowned self] number, peer in
            let socket = Descriptor(owning: number)
            if expectsProxy {
                greet(socket, peer, tls)
            } else {
                accept(socket, peer, tls?.context)
            }
        }
        listener.onExhausted = { [unowned self] in shed() }
        listeners.append(listener)
        return listener
    }

    /// Starts a connection on an accepted or otherwise connected, non-blocking `socket`.
    ///
    /// - Parameter isSeated: whether it has a seat of the quota already.
    package func accept(
        _ socket: consuming Descriptor, _ peer: SocketAddress, _ tls: TLSContext?,
        isSeated: Bool = false
    ) {
        counters.accepted &+= 1
        if let refusal = admit(peer, isSeated: isSeated) {
            counters.refused &+= 1
            if tls == nil { turnAway(socket, peer, refusal) }
            return
        }
        let session = tls.flatMap { try? TLSSession(server: $0) }
        guard tls == nil || session != nil, start(socket, peer, session) != nil else {
            quota.leave(peer)
            return
        }
    }

    private func admit(_ peer: SocketAddress, isSeated: Bool) -> Refusal? {
        guard isDraining else { return quota.admit(peer, isSeated: isSeated) }
        if isSeated { quota.giveSeatBack() }
        return .tooManyConnections
    }

    private func start(
        _ socket: consuming Descriptor, _ peer: SocketAddress, _ session: TLSSession?
    ) -> Connection? {
        let slot = freeSlots.popLast() ?? connections.count
        if slot == connections.count { connections.append(nil) }
        let connection = Connection(
            socket, slot: slot, serial: counters.accepted, peer: peer, tls: session, server: self)
        do throws(SystemError) {
            try connection.open()
        } catch {
            freeSlots.append(slot)
            return nil
        }
        connections[slot] = connection
        return connection
    }

    /// Tells a peer that there is no room for it, if that does not take too much room itself.
    private func turnAway(
        _ socket: consuming Descriptor, _ peer: SocketAddress, _ refusal: Refusal
    ) {
        guard turnedAwayCount < limits.connectionsTurnedAway,
            let connection = start(socket, peer, nil)
        else { return }
        turnedAwayCount += 1
        connection.turnAway(refusal)
    }

    /// Closes the newest idle connections, because the process has no descriptors left; returns
    /// whether there were any.
    ///
    /// The newest, because a flood is newer than its victims, and only from the newer half of all:
    /// what was there before goes on.
    private func shed() -> Bool {
        let open = connections.compactMap { $0 }.sorted { $0.serial < $1.serial }
        let idle = open.dropFirst(open.count / 2).reversed().filter(\.isIdle)
        for connection in idle.prefix(Self.shedCount) {
            connection.endGracefully()
            counters.shed &+= 1
        }
        return !idle.isEmpty
    }

    /// Number of slots there have been, open or free.
    var slotCount: Int { connections.count }

    /// The open connection in `slot`, if there is one.
    func connection(_ slot: Int) -> Connection? {
        connections.indices.contains(slot) ? connections[slot] : nil
    }

    /// Asks for one call of `onActivity`.
    package func tellActivity() { tellsActivity = true }

    /// Gives back memory that nobody has needed since the last call.
    ///
    /// To be called now and then, outside of requests.
    ///
    /// - Returns: whether another call may give back more.
    package func trimSpares() -> Bool {
        dropFreeSlots()
        return pool.trim()
    }

    /// Shortens the table of connections after a storm.
    private func dropFreeSlots() {
        // Those touched are known by their slots.
        guard freeSlots.count > connections.count / 2, connections.count > Self.slotsKept,
            touched.count == 0, flushing.count == 0
        else { return }
        let end = (connections.lastIndex { $0 != nil } ?? -1) + 1
        guard end <= connections.count / 2 else { return }
        connections = ContiguousArray(connections[..<end])
        freeSlots = ContiguousArray(freeSlots.filter { $0 < end })
    }

    /// Frees the slot of a closed connection, which itself stays to the end of the turn.
    func release(_ connection: Connection) {
        guard connections[connection.slot] === connection else { return }
        // First: nobody else may hold it.
        closed.append(connection)
        flushSoon()
        connections[connection.slot] = nil
        freeSlots.append(connection.slot)
        sweep.disarm(connection.slot)
        if connection.isTurnedAway {
            turnedAwayCount -= 1
        } else {
            quota.leave(connection.peer)
        }
    }

    /// Whether `connection` may read now, or must wait for the next turn.
    @inline(__always)
    func mayRead(_ connection: Connection) -> Bool {
        guard connection.phase == .handshake || isProcessing else { return true }
        // A handler that makes the loop turn still has bytes in the scratch memory.
        guard !isProcessing, handshakesLeft > 0 else { return false }
        handshakesLeft -= 1
        // The end of the turn brings new ones.
        flushSoon()
        return true
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
        // What waits in the kernel's queues has been let in by it, and would be reset.
        for listener in listeners { listener.acceptAll() }
        isDraining = true
        for listener in listeners { listener.close() }
        listeners = []
        dropGreetings()
        for connection in connections { connection?.drain() }
    }

    /// Closes every connection at once.
    package func closeAll() {
        dropGreetings()
        for connection in connections { connection?.close() }
    }

    // MARK: The end of the turn

    /// Notes that `connection` has something to send.
    @inline(__always)
    func touch(_ connection: Connection) {
        guard !connection.isTouched else { return }
        connection.isTouched = true
        touched.append(connection.slot)
        flushSoon()
    }

    @inline(__always)
    private func flushSoon() {
        if let flusher { loop.flushSoon(flusher) }
    }

    private func flush() {
        handshakesLeft = limits.handshakesPerTurn
        // A nested turn leaves the work to the one that is at it.
        guard flushing.count == 0 else { return }
        // Those touched from here on, such as by their next pipelined requests, come with the next
        // turn: no peer keeps the loop to itself.
        swap(&touched, &flushing)
        if tellsActivity {
            tellsActivity = false
            onActivity()
        }
        var index = 0
        while index < flushing.count {
            // Closed meanwhile, or its slot is another's by now: then there is just less to do.
            // SAFETY: one that is closed by its own flush stays to the end of the turn.
            connections[flushing[index]].map(Unmanaged.passUnretained)?._withUnsafeGuaranteedRef {
                $0.isTouched = false
                $0.flush(self)
            }
            index &+= 1
        }
        flushing.removeAll()
        // Functions of theirs may be running below a nested turn.
        if !closed.isEmpty, !loop.isNested { closed = [] }
        endedExchanges.clean()
    }

    // MARK: Exchanges

    /// An exchange to use for the next request.
    @inline(__always)
    func takeExchange() -> Exchange { endedExchanges.pop() }

    /// Takes an ended exchange back.
    ///
    /// Its handler may still be running, so it is looked at later.
    @inline(__always)
    func retire(_ exchange: inout Exchange?) {
        guard let ended = exchange.take() else { return }
        ended.connection = nil
        // What they hold may answer others as it goes, which must not happen inside of the stack.
        ended.forgetCallbacks()
        endedExchanges.push(ended)
    }

    /// The number of the next request; unique in the process.
    @inline(__always)
    func nextRequestID() -> UInt64 {
        requestNumber &+= 1
        return requestNumber
    }
}
