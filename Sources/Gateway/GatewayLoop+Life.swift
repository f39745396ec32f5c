// GatewayLoop+Life: how the gateway's part on one loop begins, reloads and ends.

internal import HTTP
internal import JSON
internal import Logging
internal import Notifier
internal import TLS

extension GatewayLoop {
    // MARK: Beginning

    /// Begins to serve: back ends, listeners, and on the control loop the timers.
    ///
    /// - Throws: `TLSError` or `SystemError`.
    func begin(
        _ peers: [LoopAddress], _ own: [(name: String, module: any Module)],
        _ sockets: [ListeningSocket], _ keys: TLSTicketKeys
    ) throws {
        self.peers = peers
        try buildBackends(own)
        if let control { begin(control) }
        for socket in sockets where socket.loop == index {
            let listener = facts.settings.listeners[socket.listener]
            // A name may have several addresses: their sockets share the listener's context.
            var source = tlsSources[socket.listener]
            if source == nil, let files = listener.tls {
                source = TLSSource(try TLSContext(server: files.settings(keys)))
                tlsSources[socket.listener] = source
            }
            if let file = socket.file { socketFiles.append(file) }
            try server.listen(
                Descriptor(owning: socket.descriptor), tls: source,
                expectsProxy: listener.expectsProxy)
        }
        complainOfProxies()
        for backend in modules.owned { backend.start() }
    }

    private func begin(_ control: Control) {
        control.hub.onEvent = { [unowned self] in spread($0) }
        control.jobs.onChange = { [unowned self] in announce($0) }
        control.timers.perform = { [unowned self] entry, done in perform(entry, done) }
        for timer in facts.settings.timers {
            guard let plan = TimerPlan(timer) else { continue }
            _ = control.timers.add(id: timer.name, plan, isFixed: true)
        }
    }

    /// Logs connections that lack the proxy's header, at most one a second: strangers can make many.
    private func complainOfProxies() {
        var quietUntil: UInt64 = 0
        var unsaid = 0
        server.onUnproxied = { [unowned self] proxy, reason in
            guard loop.now >= quietUntil else {
                unsaid += 1
                return
            }
            quietUntil = loop.now &+ 1_000_000_000
            let more = unsaid == 0 ? "" : " (and \(unsaid) more)"
            unsaid = 0
            log(.warning, "connection from \(proxy) refused: \(reason)\(more)")
        }
    }

    // MARK: Ending

    /// Stops accepting, ends streams, and calls `done` on this loop when every answer has left or
    /// the time is up.
    func drain(_ done: @escaping () -> Void) {
        guard !isDraining else { return }
        isDraining = true
        closeStreams()
        server.drain()
        for file in socketFiles { file.remove() }
        let deadline = loop.now &+ UInt64(facts.settings.limits.drainTimeout.nanoseconds)
        loop.addDispatcher { [unowned self] in
            guard server.connectionCount == 0 || loop.now >= deadline || isHurried else {
                return .keep
            }
            server.closeAll()
            done()
            return .stop
        }
    }

    /// Ends the children of this loop and calls `done` when none is left.
    func stopModules(_ done: @escaping () -> Void) {
        let backends = modules.owned
        var left = backends.count
        guard left > 0 else {
            done()
            return
        }
        for backend in backends {
            backend.stop {
                left -= 1
                if left == 0 { done() }
            }
        }
    }
}

extension TimerPlan {
    /// The plan of a configured timer; nil if it has a schedule of another kind.
    init?(_ timer: Settings.Timer) {
        let schedule: Schedule
        switch timer.schedule {
        case .after(let delay): schedule = .after(delay)
        case .every(let interval): schedule = .every(interval)
        case .at(let text):
            guard let nanos = Timestamp.parse(text) else { return nil }
            schedule = .at(nanos)
        case .cron: return nil
        }
        let action: Action
        switch timer.action {
        case .emit(let signal, let data): action = .emit(signal: signal, data: data)
        case .call(let module, let command, let params):
            action = .call(module: module, command: command, params: params)
        }
        self.init(schedule: schedule, action: action)
        allowsOverlap = timer.overlap == .parallel
        jitter = timer.jitter
        maxRuns = timer.maxRuns
    }
}
