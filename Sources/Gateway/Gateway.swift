// Gateway: the whole: it opens the listeners, starts one loop per core, each with its part of the
// gateway, and brings everything to an orderly end.
//
//     signal TERM → every loop drains → children end → loops stop → exit code 0
//     a second one → children are killed now

internal import Glibc
internal import HTTP
internal import Logging
internal import Notifier
internal import Synchronization
internal import TLS

/// Why the gateway could not start.
public enum GatewayError: Error, CustomStringConvertible, Sendable {
    /// A listener could not be opened.
    case listener(url: String, reason: String)
    /// A certificate or key could not be used.
    case certificate(url: String, reason: String)
    /// What an upstream is verified by could not be used.
    case upstream(module: String, reason: String)
    /// The log file could not be opened.
    case log(reason: String)
    /// The system refused something every process needs.
    case system(reason: String)
    /// What is kept on disk could not be opened.
    case state(reason: String)
    /// The configuration asks for something that this version does not have.
    case unsupported(String)

    /// What went wrong, where, and what to do.
    public var description: String {
        switch self {
        case .listener(let url, let reason): "cannot listen on \(url): \(reason)"
        case .certificate(let url, let reason): "cannot serve \(url): \(reason)"
        case .upstream(let module, let reason): "cannot verify module \(module): \(reason)"
        case .log(let reason): reason
        case .system(let reason): reason
        case .state(let reason): "cannot use the state: \(reason)"
        case .unsupported(let what): what
        }
    }
}

/// What a started gateway serves, for the banner.
public struct GatewayReport: Sendable {
    /// The URLs it listens on, with the ports it really got.
    public var urls: [String]
    /// Number of loops.
    public var loops: Int
    /// Its modules by name.
    public var modules: [String]
}

/// The gateway as a whole.
///
/// Confined to the thread that runs it.
public final class Gateway {
    /// The version of this program.
    public static let version = "0.1.0"

    private let settings: Settings
    private let environment: [String: String]
    private let own: [(name: String, module: any Module)]
    private let ticketKeys = TLSTicketKeys()
    private let notice: ServiceNotice
    private var keeper: CertificateKeeper?
    private var reload: Reload?
    private var certificateMarks: [FileMark] = []
    private var stapleEnd: Int64?
    private var addresses: [LoopAddress] = []
    private var drainedLoops = 0
    private var stoppedLoops = 0
    private var isEnding = false

    /// How the configuration is read anew, on a thread of its own, when a HUP asks for it; nil: its
    /// log level stays as it is.
    public var reread: (@Sendable () throws(SettingsError) -> Settings)?

    /// Makes a gateway of `settings`; `modules` are answered by the embedding program.
    public init(
        _ settings: Settings, environment: [String: String] = Environment.all,
        modules: [String: any Module] = [:]
    ) {
        self.settings = settings
        self.environment = environment
        notice = ServiceNotice(environment)
        own = modules.sorted { $0.key < $1.key }.map { (name: $0.key, module: $0.value) }
    }

    /// Refuses settings that this version cannot keep.
    ///
    /// - Throws: `GatewayError.unsupported` naming the setting.
    public static func check(_ settings: Settings) throws(GatewayError) {
        let zones = TimeZoneStore()
        for timer in settings.timers {
            guard case .cron(_, let timezone?) = timer.schedule else { continue }
            do throws(TimeZoneStore.Fault) {
                _ = try zones.zone(timezone)
            } catch {
                throw .unsupported("timers.\(timer.name).timezone: \(error.sentence(timezone))")
            }
        }
    }

    /// Serves until a signal ends it (TERM, INT); `ready` is told once everything listens.
    ///
    /// - Throws: `GatewayError` if it cannot start; nothing is left open then.
    public func run(ready: (GatewayReport) -> Void = { _ in }) throws(GatewayError) {
        ProcessSignals.block([.terminate, .interrupt, .hangUp, .user1, .child])
        ProcessSignals.ignoreBrokenPipes()
        // A limit on the size of files is a fault of the write that meets it, not the end.
        _ = signal(SIGXFSZ, SIG_IGN)
        try Self.check(settings)
        let count = settings.loops ?? LoopGroup.usableCPUs
        let target = try openLog()
        let sink = LogSink(target: target, settings: settings.log, environment: environment)
        let logger = sink.logger(label: "gateway")
        defer { sink.flush(waiting: 1000) }
        let wanted = settings.sources.reduce(settings.limits.connections) {
            $0 + $1.mostConnections
        }
        if let room = DescriptorLimit.raise(for: wanted) {
            logger.warning(
                """
                the process may have \(room) descriptors, fewer than the \(wanted) that \
                limits.connections and the connections of sources ask for
                """)
        }
        try checkCertificates(logger)
        let state = try openState()
        let sockets = try ListeningSockets.open(
            settings, loops: count, environment: environment
        ) { text in logger.warning("\(text)") }
        do {
            let first = try EventLoop()
            let facts = GatewayFacts(
                settings: settings, epoch: state?.stored.epoch ?? SignalEpoch(), loopCount: count,
                startWallNanos: first.clock.wallNanos(), requestSeed: Self.randomSeed(),
                connections: ConnectionQuota(
                    connections: settings.limits.connections,
                    perAddress: settings.limits.connectionsPerAddress),
                streams: SeatCount(limit: settings.signals.subscriptions), logger: logger,
                sink: sink, state: state)
            try serve(first, facts, sockets, sink, target, ready)
        } catch {
            for socket in sockets { socket.file?.remove() }
            throw .system(reason: "cannot start: \(error)")
        }
    }

    private static func randomSeed() -> UInt64 {
        Random.bytes(count: 7).reduce(0) { ($0 << 8) | UInt64($1) }
    }

    private func openState() throws(GatewayError) -> (store: StateStore, stored: StoredState)? {
        guard let folder = settings.state else { return nil }
        do throws(StateError) {
            let store = try StateStore(folder: folder)
            return (
                store, try store.load(epoch: SignalEpoch(), ahead: StateJournal.reserveAhead)
            )
        } catch {
            throw .state(reason: "\(error)")
        }
    }

    private func openLog() throws(GatewayError) -> LogTarget {
        guard let file = settings.log.file else { return LogTarget() }
        do throws(LogFileError) {
            return try LogTarget(file: file)
        } catch {
            throw .log(reason: "\(error)")
        }
    }

    /// Reads the certificates of all listeners once, so that what is wrong stops the start.
    private func checkCertificates(_ logger: Logger) throws(GatewayError) {
        certificateMarks = FileMark.look(at: CertificateKeeper.paths(of: settings))
        for listener in settings.listeners {
            guard let files = listener.tls else { continue }
            do throws(TLSError) {
                let context = try TLSContext(server: files.settings(ticketKeys))
                for warning in context.warnings { logger.warning("\(listener.url): \(warning)") }
                stapleEnd = [stapleEnd, context.stapleEnd].compactMap { $0 }.min()
            } catch {
                throw .certificate(url: listener.url, reason: "\(error)")
            }
        }
        for module in settings.modules {
            guard case .upstream(let upstream) = module.kind else { continue }
            do throws(TLSError) {
                _ = try upstream.tlsContext()
            } catch {
                throw .upstream(module: module.name, reason: "\(error)")
            }
        }
    }

    // MARK: Serving

    private func serve(
        _ first: EventLoop, _ facts: GatewayFacts, _ sockets: [ListeningSocket], _ sink: LogSink,
        _ target: LogTarget, _ ready: (GatewayReport) -> Void
    ) throws {
        let modules =
            settings.modules.map { ModuleBuilder.facts($0, loops: facts.loopCount) }
            + own.map { ModuleBuilder.facts($0.name, $0.module) }
        let control = GatewayLoop(index: 0, loop: first, facts: facts, modules: modules)
        first.addFlusher { sink.flush() }
        let made = Mutex<[LoopAddress]>([LoopAddress(control)])
        let group = try LoopGroup(others: facts.loopCount - 1) { loop, number in
            let part = GatewayLoop(index: number, loop: loop, facts: facts, modules: modules)
            loop.addFlusher { sink.flush() }
            let address = LoopAddress(part)
            made.withLock { $0.append(address) }
        }
        addresses = made.withLock { $0 }
        let own = own
        let keys = ticketKeys
        let all = addresses
        for address in addresses.dropFirst() {
            address.post { part in
                do {
                    try part.begin(all, own, sockets, keys)
                } catch {
                    part.log(.critical, "loop \(part.index) cannot serve: \(error)")
                }
            }
        }
        try control.begin(addresses, own, sockets, ticketKeys)
        keeper = try CertificateKeeper(
            settings, loops: addresses, control: control, keys: ticketKeys,
            marks: certificateMarks, stapleEnd: stapleEnd)
        let reload = Reload(
            settings, environment: environment, reread: reread, control: control, target: target,
            sink: sink, keeper: keeper)
        self.reload = reload
        let pulse = ServicePulse(notice, loops: addresses, control: first)
        let signals = try ProcessSignals(
            [.terminate, .interrupt, .hangUp, .user1], on: first
        ) { [unowned self] signal in
            received(signal, control, target)
        }
        // As process 1 of a container it inherits every orphan, and must reap them.
        let reaper = getpid() == 1 ? try ChildReaper(on: first) : nil
        ready(report(sockets, facts))
        notice.ready()
        withExtendedLifetime(pulse) { first.run() }
        reaper?.stop()
        signals.close()
        group.stop()
        group.join()
    }

    private func report(_ sockets: [ListeningSocket], _ facts: GatewayFacts) -> GatewayReport {
        var urls: [String] = []
        for (index, listener) in settings.listeners.enumerated() {
            var bound = sockets.filter { $0.listener == index }.map(\.address)
            // Those of a name differ in their host alone, and each loop has a copy.
            if case .inherited = listener.address {} else { bound = Array(bound.prefix(1)) }
            for address in bound {
                let url = listener.url(at: address) + settings.basePath
                if !urls.contains(url) { urls.append(url) }
            }
        }
        return GatewayReport(
            urls: urls, loops: facts.loopCount,
            modules: settings.modules.map(\.name) + own.map(\.name))
    }

    // MARK: Signals and the end

    private func received(_ signal: ProcessSignal, _ control: GatewayLoop, _ target: LogTarget) {
        switch signal {
        case .hangUp:
            notice.reloading()
            reload?.run { [unowned self] in notice.ready() }
        case .user1:
            do throws(LogFileError) {
                try target.reopen()
            } catch {
                control.log(.error, "\(error)")
            }
        default: end(control)
        }
    }

    private func end(_ control: GatewayLoop) {
        if isEnding {
            control.log(.notice, "ending now")
            for address in addresses { address.post { $0.hurry() } }
            return
        }
        isEnding = true
        notice.stopping()
        control.log(.info, "draining; a second signal ends at once")
        let home = LoopBound(self, control.loop.handle)
        let back = addresses[0]
        for address in addresses {
            address.post { part in
                part.drain { back.post { home.value.loopDrained($0) } }
            }
        }
    }

    private func loopDrained(_ control: GatewayLoop) {
        drainedLoops += 1
        guard drainedLoops == addresses.count else { return }
        let home = LoopBound(self, control.loop.handle)
        let back = addresses[0]
        for address in addresses {
            address.post { part in
                part.stopModules { back.post { home.value.loopStopped($0) } }
            }
        }
    }

    private func loopStopped(_ control: GatewayLoop) {
        stoppedLoops += 1
        guard stoppedLoops == addresses.count else { return }
        guard let rooms = control.control, let journal = rooms.journal else {
            control.log(.info, "stopped")
            control.loop.stop()
            return
        }
        journal.close(newest: rooms.hub.newest) {
            control.log(.info, "stopped")
            control.loop.stop()
        }
    }
}

extension Settings.Listener {
    /// The listener's URL with the port it really has.
    fileprivate func url(at bound: SocketAddress) -> String {
        let scheme = tls == nil ? "http" : "https"
        switch address {
        case .tcp(let host, _):
            let name = host.contains(":") ? "[\(host)]" : host
            return "\(scheme)://\(name):\(bound.port)"
        case .unix: return url
        case .inherited: return bound.path.map { "unix:\($0)" } ?? "\(scheme)://\(bound)"
        }
    }
}
