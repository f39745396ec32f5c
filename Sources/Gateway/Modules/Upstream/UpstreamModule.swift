// UpstreamModule: a module that is an HTTP server behind the gateway, as one loop sees it: its
// connections, and, on the first loop, its health. Calls that come by HTTP are passed on as they are
// (UpstreamForward); those of JSON-RPC and timers become a POST (UpstreamCall).

internal import Bytes
internal import Glibc
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Notifier
internal import TLS

/// The back end of an upstream module on one loop.
///
/// Loop-confined.
final class UpstreamModule: ModuleBackend {
    /// Unsent bytes of an answer at which reading from the upstream stops.
    static let answerBacklog = 256 * 1024

    /// Bytes of an answer that is collected because it goes into another one.
    static let collectedLimit = 16 << 20

    /// The module's name.
    let name: String
    let settings: Settings.UpstreamModule
    let pool: ClientPool
    let surroundings: ModuleSurroundings
    /// The host it is asked as.
    let authority: String
    /// Most bytes of a request's body.
    let bodyLimit: Int
    @exclusivity(unchecked) var fields: UpstreamFields
    private let breaker: UpstreamBreaker
    /// One loop asks for all of them.
    private let checksHealth: Bool
    private let facts: ModuleFacts
    private let cell: UpstreamCell
    private var healthTimer: TimerToken?
    private var isStopping = false

    /// Makes the back end; nothing is connected before the first call.
    ///
    /// - Throws: `TLSError` if the authorities cannot be read, `SystemError` if no descriptor is left.
    init(
        _ facts: ModuleFacts, _ settings: Settings.UpstreamModule, board: UpstreamBoard,
        loopIndex: Int, bodyLimit: Int, pseudonym: String, workers: () throws -> WorkerPool,
        _ surroundings: ModuleSurroundings
    ) throws {
        name = facts.name
        self.facts = facts
        self.settings = settings
        self.surroundings = surroundings
        breaker = board.breaker
        checksHealth = loopIndex == 0
        cell = board.cells[min(loopIndex, board.cells.count - 1)]
        self.bodyLimit = settings.bodySize ?? bodyLimit
        let origin = try Self.origin(settings, workers, surroundings.loop)
        authority = settings.host ?? origin.authority
        pool = ClientPool(origin, limits: ClientLimits(settings), on: surroundings.loop)
        fields = UpstreamFields(
            settings, pseudonym: pseudonym,
            seed: Random.bytes(count: 8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    private static func origin(
        _ settings: Settings.UpstreamModule, _ workers: () throws -> WorkerPool, _ loop: EventLoop
    ) throws -> ClientOrigin {
        let tls = try settings.tlsContext()
        let host = settings.host.map(Self.hostName)
        switch settings.address {
        case .unix(let path):
            let endpoint = Endpoint.unix(path: path)
            return ClientOrigin(
                endpoint, addresses: try SocketAddress.resolve(endpoint), tls: tls,
                certificateHost: host)
        case .tcp(let name, let port):
            let endpoint = Endpoint.tcp(host: name, port: UInt16(clamping: port))
            return ClientOrigin(
                endpoint,
                resolver: ClientResolver(endpoint, workers: try workers(), loop: loop), tls: tls,
                certificateHost: host)
        case .inherited:
            preconditionFailure("the settings refuse sockets of systemd as upstreams")
        }
    }

    /// The host of `host:port` or `[v6]:port`.
    private static func hostName(_ authority: String) -> String {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            return String(authority[authority.index(after: authority.startIndex)..<end])
        }
        return String(authority.prefix { $0 != ":" })
    }

    // MARK: Life

    func start() {
        if settings.usesTLS, !settings.verifiesCertificate {
            surroundings.log(
                .warning,
                "the certificate of \(settings.url) is not verified, as the configuration says")
        }
        if checksHealth { checkHealth() }
    }

    func kill() { pool.close() }

    func stop(_ done: @escaping () -> Void) {
        isStopping = true
        if let healthTimer { surroundings.loop.removeTimer(healthTimer) }
        healthTimer = nil
        pool.close()
        done()
    }

    // MARK: Who may call

    /// Why no call can be made now, or nil; then `conclude` must follow.
    func refusal(isProbe: inout Bool) -> ModuleError? {
        isProbe = false
        guard !isStopping else { return .draining }
        let admission = breaker.admit(now: surroundings.loop.now)
        switch admission {
        case .call: break
        case .probe: isProbe = true
        case .refused(let left):
            cell.add(.refusals)
            let seconds = max(Int(clamping: (left &+ 999_999_999) / 1_000_000_000), 1)
            return .upstream(
                module: name, UpstreamFault(.resting(seconds: seconds), "it keeps failing"))
        }
        cell.add(.calls)
        cell.add(.inFlight)
        return nil
    }

    /// What a call has come to.
    enum Conclusion {
        /// A whole answer.
        case answered
        /// The upstream failed.
        case failed(String)
        /// It could not be placed; that is our side.
        case refused
        /// The caller left, or something else that says nothing of the upstream.
        case abandoned
    }

    /// Notes what a call has come to.
    func conclude(_ conclusion: Conclusion, isProbe: Bool) {
        cell.add(.inFlight, -1)
        switch conclusion {
        case .answered:
            cell.add(.answers)
            works()
        case .failed(let reason):
            cell.add(.failures)
            fails(reason)
        case .refused:
            cell.add(.refusals)
            if isProbe { breaker.released() }
        case .abandoned:
            cell.add(.abandoned)
            if isProbe { breaker.released() }
        }
    }

    /// The upstream has answered.
    func works() {
        guard breaker.succeeded() else { return }
        surroundings.log(.info, "\(settings.url) answers again")
        publish(nil)
    }

    private func fails(_ reason: String) {
        let hasOpened = breaker.failed(
            now: surroundings.loop.now, random: Double.random(in: 0..<1))
        surroundings.log(.warning, "\(settings.url): \(reason)")
        guard hasOpened else { return }
        surroundings.log(.error, "\(settings.url) keeps failing and is left alone for a while")
        publish(reason)
    }

    /// Tells all loops how it stands; by the loop that has changed it.
    private func publish(_ failure: String?) {
        var fresh = facts
        // Another loop may have changed it since: its word must not be overtaken by an older one.
        let isClosed = breaker.state == .closed
        fresh.state = isClosed ? .ready : .failing
        fresh.reason = isClosed ? nil : failure ?? "it keeps failing"
        surroundings.publish(fresh)
    }

    // MARK: Health

    private func checkHealth() {
        guard let health = settings.health, !isStopping else { return }
        let loop = surroundings.loop
        var exchange: ClientExchange?
        let deadline = loop.addTimer(after: health.timeout) { [weak self] in
            exchange?.cancel()
            self?.healthIsKnown("the check of \(health.path) got no answer in time")
        }
        do throws(ClientError) {
            var request = try ClientRequest(.get, target: health.path, authority: authority)
            try request.append("User-Agent", "signalbox/\(Gateway.version)")
            exchange = try pool.fetch(request, limit: 1 << 20) { [weak self] result in
                loop.removeTimer(deadline)
                switch result {
                case .success(let answer) where (200..<400).contains(answer.status):
                    self?.healthIsKnown(nil)
                case .success(let answer):
                    self?.healthIsKnown("the check of \(health.path) got \(answer.status)")
                case .failure(let error): self?.healthIsKnown("\(error)")
                }
            }
        } catch {
            loop.removeTimer(deadline)
            healthIsKnown(nil, isKnown: false)
        }
    }

    private func healthIsKnown(_ reason: String?, isKnown: Bool = true) {
        guard let health = settings.health, !isStopping else { return }
        if isKnown {
            if let reason { fails(reason) } else { works() }
        }
        healthTimer = surroundings.loop.addTimer(after: health.every) { [weak self] in
            self?.checkHealth()
        }
    }
}

extension Settings.UpstreamModule {
    /// The TLS context for its connections, nil for plain ones.
    ///
    /// - Throws: `TLSError` if the authorities cannot be read.
    func tlsContext() throws(TLSError) -> TLSContext? {
        guard usesTLS else { return nil }
        let trust: TLSTrust =
            !verifiesCertificate ? .anybody : authority.map { .file($0) } ?? .system
        return try TLSContext(client: TLSClientSettings(trust: trust))
    }
}

extension ClientLimits {
    /// The limits of an upstream; the deadline for the head of an answer is the call's own.
    fileprivate init(_ settings: Settings.UpstreamModule) {
        self.init()
        connectTimeout = settings.connectTimeout
        handshakeTimeout = settings.connectTimeout
        writeTimeout = settings.bodyTimeout
        headTimeout = .seconds(86_400)
        bodyTimeout = settings.bodyTimeout
        // Event streams have heartbeats of a few bytes.
        bodyProgressBytes = 1
        idleTimeout = settings.idleTimeout
        connections = settings.connections
        idleConnections = settings.connections
        queueLength = settings.queue
        queueTimeout = settings.queueTimeout
    }
}
