// GatewayLoop: the gateway's part on one loop: it finds the route of each request and composes the
// rooms below: modules, event streams, and on the control loop signals and timers.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Logging
internal import Notifier

/// What all loops share and nobody changes.
///
/// Any thread.
struct GatewayFacts: Sendable {
    /// The configuration.
    let settings: Settings
    /// This run's epoch.
    let epoch: SignalEpoch
    /// Number of loops.
    let loopCount: Int
    /// When the gateway started, in nanoseconds since 1970.
    let startWallNanos: Int64
    /// Where request ids start: random, so that two runs do not share them.
    let requestSeed: UInt64
    /// The places for connections.
    let connections: ConnectionQuota
    /// The places for event streams, and for long polls that wait.
    let streams: SeatCount
    /// The log.
    let logger: Logger
    /// What is behind the log.
    let sink: LogSink
    /// What outlives the gateway, and what an earlier run has left; nil without a `state`.
    let state: (store: StateStore, stored: StoredState)?
}

/// The gateway's part on one loop.
///
/// Loop-confined.
final class GatewayLoop: RequestHandler {
    /// Place of the loop; 0 is the control loop.
    let index: Int

    let loop: EventLoop
    let facts: GatewayFacts
    let modules: ModuleTable
    let subscriptions: SubscriptionTable
    let encoder: EventEncoder

    /// Signals and timers, on the control loop only.
    let control: Control?

    /// All loops, in order; set before the first listener opens.
    @exclusivity(unchecked) var peers: [LoopAddress] = []

    /// Whether the gateway is ending.
    @exclusivity(unchecked) var isDraining = false

    /// Progress of calls that was dropped because readers were slow.
    @exclusivity(unchecked) var droppedProgress: UInt64 = 0

    /// The contexts of the TLS listeners, by the listener's place in the configuration.
    @exclusivity(unchecked) var tlsSources: [Int: TLSSource] = [:]

    /// The files of the Unix sockets that this loop listens on.
    @exclusivity(unchecked) var socketFiles: [UnixSocketFile] = []

    /// Whether the end is wanted now, whatever is open.
    @exclusivity(unchecked) var isHurried = false

    /// Signals that were not emitted because their data was too long.
    @exclusivity(unchecked) private(set) var oversizedEventCount: UInt64 = 0

    // Anybody may send what is too long, as often as he likes.
    private var lastOversized = Payload([])
    private lazy var oversizedNotice = PacedNotice(loop: loop) { [unowned self] count, isFirst in
        let limit = Quantity.bytes(facts.settings.signals.eventSize)
        let others = PacedNotice.others(count, isFirst: isFirst)
        log(
            .warning,
            "signal \(lastOversized.text) not emitted: its data is over \(limit) "
                + "(signals.event_size)\(others)")
    }

    private var workers: WorkerPool?
    private var idleMemory: IdleMemory?
    private var heapPages: HeapPages?
    @exclusivity(unchecked) private(set) var server: ServerLoop!
    @exclusivity(unchecked) var moduleList = CachedBody()
    private let routes: RouteTable
    private let accessLog: AccessLogWriter?

    /// Makes the part of loop number `index`.
    init(index: Int, loop: EventLoop, facts: GatewayFacts, modules: [ModuleFacts]) {
        self.index = index
        self.loop = loop
        self.facts = facts
        let settings = facts.settings
        encoder = EventEncoder(epoch: facts.epoch, basePath: settings.basePath)
        self.modules = ModuleTable(modules, loop: loop, basePath: settings.basePath)
        subscriptions = SubscriptionTable(
            loop: loop, encoder: encoder, bufferLimit: settings.limits.streamBuffer,
            heartbeat: settings.signals.heartbeat, newest: facts.state?.stored.reserved ?? 0)
        control = index == 0 ? Control(loop: loop, facts: facts) : nil
        routes = RouteTable(GatewayRoute.entries, basePath: settings.basePath)
        accessLog = settings.log.access ? AccessLogWriter(facts.sink, loop: loop) : nil
        server = ServerLoop(
            loop: loop, limits: ServerLimits(settings.limits), quota: facts.connections,
            handler: self, idSeed: facts.requestSeed &+ UInt64(index) << 56)
        subscriptions.onEnded = { [unowned self] in streamEnded($0) }
        let cuts = StreamCutNotice(loop: loop, limitBytes: settings.limits.streamBuffer) {
            [unowned self] in log(.warning, $0)
        }
        subscriptions.onCut = { cuts.note($0, $1, $2) }
        subscriptions.watchRounds()
        if control != nil {
            heapPages = HeapPages(loop: loop) { [unowned self] in try workerPool() }
        }
        let idleMemory = IdleMemory(loop: loop, server: server)
        self.idleMemory = idleMemory
        idleMemory.onLook = { [unowned self] in onControl { there, _ in there.lookAtHeap() } }
    }

    private func lookAtHeap() {
        heapPages?.look()
    }

    /// Threads for what blocks, such as resolving names; started when first needed.
    ///
    /// - Throws: `SystemError` if no descriptor is left.
    func workerPool() throws -> WorkerPool {
        if let workers { return workers }
        let pool = try WorkerPool(threads: 2, queueLimit: 256)
        workers = pool
        return pool
    }

    /// This loop as others reach it.
    var address: LoopAddress { peers[index] }

    // MARK: Requests

    func receive(_ exchange: Exchange) -> BodyPlan {
        if let accessLog { accessLog.began(exchange) }
        do throws(WireError) {
            try exchange.normalisePath()
        } catch {
            exchange.respondProblem(
                error.suggestedStatus, "bad_path", "The request is refused: \(error.reason).")
            return .skip
        }
        guard let match = find(exchange) else {
            notFound(exchange)
            return .skip
        }
        guard let number = match.route, let route = GatewayRoute(rawValue: number) else {
            wrongMethod(exchange)
            return .skip
        }
        if !exchange.method.isSafe, !OriginGuard.allows(exchange) {
            exchange.respondProblem(
                403, "cross_origin",
                "A page of another origin may not do this; requests from browsers must be same-origin."
            )
            return .skip
        }
        exchange.tag = number
        return begin(route, exchange, match)
    }

    func complete(_ exchange: Exchange) {
        guard let route = GatewayRoute(rawValue: exchange.tag),
            let match = find(exchange)
        else { return }
        finish(route, exchange, match)
    }

    /// What the path of `exchange` leads to; that of a known command is not taken apart.
    @inline(__always)
    private func find(_ exchange: Exchange) -> RouteMatch? {
        let method = exchange.method
        let path = exchange.path
        guard let route = GatewayRoute.ofCommand(method), let place = modules.findPlace(path) else {
            return routes.find(method, path)
        }
        var match = RouteMatch(route: route.rawValue, allowed: 0)
        match.place = place
        return match
    }

    private func notFound(_ exchange: Exchange) {
        if exchange.method == .options, exchange.target.count == 1, exchange.target[0] == 0x2A {
            exchange.respond(204)  // `OPTIONS *`: the server as a whole is there
            return
        }
        exchange.respondProblem(404, "not_found", "There is nothing at this path.")
    }

    private func wrongMethod(_ exchange: Exchange) {
        guard let match = routes.find(.get, exchange.path) else { return }
        var allowed = match.allowed
        if match.route == GatewayRoute.read.rawValue {
            guard let methods = commandMethods(exchange, match) else { return }
            allowed = methods
        }
        exchange.extraFields.append("Allow: ")
        RouteTable.appendAllow(allowed, to: &exchange.extraFields)
        exchange.extraFields.append("\r\n")
        if exchange.method == .options {
            exchange.respond(204)
        } else {
            exchange.respondProblem(
                405, "method_not_allowed", "This path does not take that method.")
        }
    }

    func describe(
        _ refusal: Refusal, of exchange: Exchange, into body: inout ByteBuffer
    ) -> StaticString {
        Problem.append(
            status: refusal.status, code: refusal.code,
            detail: "The request is refused: \(refusal.reason).", of: exchange,
            isRetryable: refusal.isRetryable, to: &body)
        return Problem.mediaType
    }

    func ended(_ exchange: Exchange) {
        if let accessLog { accessLog.ended(exchange) }
        if exchange.tag == GatewayRoute.events.rawValue { subscriptions.ended(exchange) }
    }

    /// What stood for capture `index` in the path of `exchange`.
    func capture(
        _ index: Int, _ match: RouteMatch, _ exchange: Exchange
    ) -> UnsafeRawBufferPointer {
        let range = match.captures[index]
        return UnsafeRawBufferPointer(
            rebasing: exchange.path[Int(range.start)..<Int(range.end)])
    }

    /// Writes a log line.
    func log(_ level: Logger.Level, _ message: @autoclosure () -> String) {
        facts.logger.log(level: level, "\(message())")
    }

    // MARK: Control

    /// Runs `job` with the control loop's part, here or there.
    func onControl(_ job: @escaping @Sendable (GatewayLoop, Control) -> Void) {
        if let control {
            job(self, control)
        } else {
            peers[0].post { there in
                if let control = there.control { job(there, control) }
            }
        }
    }

    /// Hands an event of the hub to the streams of every loop.
    func spread(_ event: SignalEvent) {
        subscriptions.deliver(event)
        for peer in peers where peer.index != index {
            peer.post { $0.subscriptions.deliver(event) }
        }
    }

    /// Emits a signal of the gateway itself.
    func emitOwn(_ name: String, _ data: @escaping (inout JSONWriter) -> Void) {
        var bytes = ByteBuffer()
        JSONWriter.append(to: &bytes) { json in
            json.beginObject()
            data(&json)
            json.endObject()
        }
        emit(Payload(Array(name.utf8)), Payload(bytes.readable))
    }

    /// Emits a signal; `done` hears on this loop what became of it.
    ///
    /// - Parameters:
    ///   - key: an Idempotency-Key, under which it is emitted once only.
    ///   - depth: the number of reactions that lie behind it.
    func emit(
        _ name: Payload, _ data: Payload, key: Payload? = nil, depth: Int = 0,
        done: ((Emission) -> Void)? = nil
    ) {
        let limit = facts.settings.signals.eventSize
        guard data.count <= limit else {
            oversizedEventCount &+= 1
            lastOversized = name
            oversizedNotice.note()
            done?(.tooLarge(limit: limit))
            return
        }
        if let control {
            let now = loop.clock.wallNanos()
            let emission = control.hub.emit(
                name, data, wallNanos: now, key: key, depth: depth)
            if let done { control.settle(emission, done) }
            return
        }
        let home = address
        let waiting = done.map { LoopBound($0, loop.handle) }
        peers[0].post { there in
            guard let control = there.control else { return }
            let now = there.loop.clock.wallNanos()
            let emission = control.hub.emit(
                name, data, wallNanos: now, key: key, depth: depth)
            guard let waiting else { return }
            control.settle(emission) { settled in
                home.post { _ in waiting.value(settled) }
            }
        }
    }
}

extension Payload {
    /// The bytes as text, invalid UTF-8 replaced.
    var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// A body that is made once and used until what it shows has changed.
struct CachedBody: ~Copyable {
    var bytes = ByteBuffer()
    var revision = -1
}

extension ServerLimits {
    /// The limits of the configuration.
    init(_ settings: Settings.Limits) {
        self.init()
        wire = WireLimits(
            headBytes: settings.headSize, targetBytes: settings.targetSize,
            fieldCount: settings.headerFields)
        bodyBytes = settings.bodySize
        headTimeout = settings.headTimeout
        bodyTimeout = settings.bodyTimeout
        handshakeTimeout = settings.handshakeTimeout
        idleTimeout = settings.idleTimeout
        writeTimeout = settings.writeTimeout
        halfCloseTimeout = settings.halfCloseTimeout
        drainTimeout = settings.drainTimeout
        pipelinedRequests = settings.pipelinedRequests
        connections = settings.connections
        connectionsPerAddress = settings.connectionsPerAddress
    }
}
