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
        if let control { try begin(control) }
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
                expectsProxy: listener.expectsProxy, isShared: socket.isShared)
        }
        complainOfProxies()
        for backend in modules.owned { backend.start() }
    }

    private func begin(_ control: Control) throws(SystemError) {
        beginReactions(control)
        control.jobs.onChange = { [unowned self] in announce($0) }
        control.hub.onEvent = { [unowned self] event in
            spread(event)
            control.reactions.hear(event)
        }
        control.timers.perform = { [unowned self] entry, done in perform(entry, done) }
        control.timers.onNews = { [unowned self] entry, news in
            keep(entry, news, control)
            tell(entry, news)
        }
        if let state = facts.state {
            do throws(SystemError) {
                try keepState(state.store, state.stored, control)
            } catch {
                control.startTrouble = (loop.clock.wallNanos(), "\(error)")
                log(.critical, "nothing is stored: \(error)")
            }
        }
        addTimers(control)
        control.sources.log = { [unowned self] level, line in log(level, line) }
        let limits = SourceIntake.Limits(
            depth: facts.settings.limits.jsonDepth, eventSize: facts.settings.signals.eventSize)
        try control.sources.open(facts.settings.sources, loop: loop, limits) {
            [unowned self] name, data, done in emit(name, data, done: done)
        }
    }

    private func keepState(
        _ store: StateStore, _ stored: StoredState, _ control: Control
    ) throws(SystemError) {
        let journal = try StateJournal(
            loop: loop, store: store, reserved: stored.reserved &+ StateJournal.reserveAhead)
        journal.onTrouble = { [unowned self] error in
            if let error {
                log(.error, "durable signals are refused: \(error)")
            } else {
                log(.notice, "durable signals are stored again")
            }
        }
        control.keep(stored, in: journal)
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
        control?.sources.close()
        control?.reactions.finish()
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

    /// What has children on this loop: modules, and reactions that run a program.
    private var ownedBackends: [any ModuleBackend] {
        modules.owned + (control?.reactions.entries.compactMap { $0.program } ?? [])
    }

    /// Ends without waiting for answers.
    func hurry() {
        isHurried = true
        for backend in ownedBackends { backend.kill() }
    }

    /// Ends the children of this loop and calls `done` when none is left.
    func stopModules(_ done: @escaping () -> Void) {
        let backends = ownedBackends
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
