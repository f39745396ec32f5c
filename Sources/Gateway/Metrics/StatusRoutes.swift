// StatusRoutes: is it alive, can it serve, and what has it done: for orchestrators and Prometheus.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Notifier

extension GatewayLoop {
    /// Ready means: this loop serves and is not draining, the modules that start with the gateway
    /// have shown how that turns out, and those that are required work.
    func showReadiness(_ exchange: Exchange) {
        let isReady = !isDraining && !modules.facts.contains(where: \.holdsReadiness)
        let query = exchange.query
        let isVerbose = query.elementsEqual("verbose".utf8)
        guard isVerbose || !isReady else {
            exchange.respondText(200, "ok\n")
            return
        }
        askControl(exchange) { _, control, done in
            done(control.stateTrouble)
        } respond: { part, exchange, trouble in
            part.answerReadiness(exchange, isReady: isReady, trouble)
        }
    }

    /// Answers whether the gateway is ready, and of what that consists.
    ///
    /// - Parameter trouble: since when the state cannot be stored, and why, if it cannot.
    private func answerReadiness(
        _ exchange: Exchange, isReady: Bool, _ trouble: (sinceWallNanos: Int64, reason: String)?
    ) {
        exchange.respondJSON(isReady ? 200 : 503) { json in
            json.beginObject()
            json.key("ready")
            json.bool(isReady)
            json.key("draining")
            json.bool(isDraining)
            if facts.state != nil { Self.write(trouble, &json) }
            json.key("modules")
            json.beginObject()
            for module in modules.facts {
                json.key(module.name)
                json.beginObject()
                json.key("state")
                json.string(module.state.rawValue)
                json.key("required")
                json.bool(module.isRequired)
                if let reason = module.reason {
                    json.key("reason")
                    json.string(reason)
                }
                json.endObject()
            }
            json.endObject()
            json.endObject()
        }
    }

    /// Writes how it stands with what is stored.
    private static func write(
        _ trouble: (sinceWallNanos: Int64, reason: String)?, _ json: inout JSONWriter
    ) {
        json.key("state")
        json.beginObject()
        json.key("state")
        json.string(trouble == nil ? "ok" : "degraded")
        if let trouble {
            json.key("since")
            json.moment(trouble.sinceWallNanos)
            json.key("reason")
            json.string(trouble.reason)
        }
        json.endObject()
    }

    /// Asks every loop for its counters and answers when the last has told them.
    func showMetrics(_ exchange: Exchange) {
        let collector = MetricsCollector(exchange, expected: peers.count, facts.startWallNanos)
        let home = address
        let waiting = LoopBound(collector, loop.handle)
        for peer in peers {
            if peer.index == index {
                collector.add(LoopMetrics(self), modules.facts)
                continue
            }
            peer.post { there in
                let metrics = LoopMetrics(there)
                home.post { waiting.value.add(metrics, $0.modules.facts) }
            }
        }
    }
}

/// The counters of one loop at one moment.
///
/// Any thread.
private struct LoopMetrics: Sendable {
    let index: Int
    let connections: Int
    let server: ServerCounters
    let loop: LoopStatistics
    let streams: Int
    let delivered: UInt64
    let cut: UInt64
    let droppedProgress: UInt64
    let modules: [(name: String, counters: ModuleCounters)]
    let jobs: (running: Int, kept: Int, bytes: Int)?
    let sources: [(name: String, counts: SourceCounts)]
    let reactions: [(name: String, counts: ReactionCounts)]
    let commits: (done: UInt64, failed: UInt64)?
    let rounds: UInt64
    let oversized: UInt64
    let hub: HubFacts?

    init(_ part: GatewayLoop) {
        index = part.index
        connections = part.server.connectionCount
        server = part.server.counters
        loop = part.loop.statistics
        streams = part.subscriptions.count
        delivered = part.subscriptions.deliveredCount
        cut = part.subscriptions.cutCount
        droppedProgress = part.droppedProgress
        modules = part.modules.facts.enumerated().compactMap { index, facts in
            part.modules.counters(index).map { (facts.name, $0) }
        }
        jobs = part.control.map {
            ($0.jobs.runningCount, $0.jobs.count, $0.jobs.byteCount)
        }
        sources = part.control?.sources.counts ?? []
        reactions =
            part.control?.reactions.entries.map { ($0.settings.name, $0.counts) } ?? []
        commits = part.control?.journal.map { ($0.commitCount, $0.failureCount) }
        rounds = part.subscriptions.roundCount
        oversized = part.oversizedEventCount
        hub = part.control.map { HubFacts($0.hub) }
    }
}

/// Gathers the counters of all loops and writes them in Prometheus' text format 0.0.4.
private final class MetricsCollector {
    private let exchange: Exchange
    private let expected: Int
    private let startWallNanos: Int64
    private var loops: [LoopMetrics] = []

    init(_ exchange: Exchange, expected: Int, _ startWallNanos: Int64) {
        self.exchange = exchange
        self.expected = expected
        self.startWallNanos = startWallNanos
    }

    func add(_ metrics: LoopMetrics, _ modules: [ModuleFacts]) {
        loops.append(metrics)
        guard loops.count == expected else { return }
        loops.sort { $0.index < $1.index }
        var text = ByteBuffer()
        write(&text, modules)
        exchange.respond(200, type: "text/plain; version=0.0.4; charset=utf-8", text)
    }

    private func write(_ out: inout ByteBuffer, _ modules: [ModuleFacts]) {
        perLoop(&out, "connections", "gauge", "Open connections.") { UInt64($0.connections) }
        perLoop(&out, "connections_accepted_total", "counter", "Connections accepted.") {
            $0.server.accepted
        }
        perLoop(&out, "connections_refused_total", "counter", "Connections over the limit.") {
            $0.server.refused
        }
        perLoop(&out, "connections_timed_out_total", "counter", "Connections ended by a deadline.")
        {
            $0.server.timedOut
        }
        perLoop(&out, "requests_total", "counter", "Requests.") { $0.server.requests }
        perLoop(&out, "requests_malformed_total", "counter", "Requests that broke the rules.") {
            $0.server.malformed
        }
        perLoop(&out, "tls_handshakes_failed_total", "counter", "TLS handshakes that failed.") {
            $0.server.failedHandshakes
        }
        perLoop(&out, "streams", "gauge", "Open event streams.") { UInt64($0.streams) }
        perLoop(&out, "events_delivered_total", "counter", "Events handed to streams.") {
            $0.delivered
        }
        perLoop(&out, "streams_cut_total", "counter", "Streams cut because they read too slowly.") {
            $0.cut
        }
        perLoop(&out, "progress_dropped_total", "counter", "Progress dropped for slow readers.") {
            $0.droppedProgress
        }
        perLoop(
            &out, "delivery_rounds_total", "counter", "Rounds in which alike streams got events."
        ) {
            $0.rounds
        }
        perLoop(&out, "events_refused_total", "counter", "Signals whose data was too long.") {
            $0.oversized
        }
        if let hub = loops.lazy.compactMap(\.hub).first { write(hub, &out) }
        perLoop(&out, "loop_turns_total", "counter", "Turns of the event loop.") { $0.loop.turns }
        perLoop(&out, "loop_callbacks_total", "counter", "Callbacks run.") { $0.loop.callbacks }
        for loop in loops {
            SourceMetrics.append(loop.sources, to: &out)
            SourceMetrics.append(loop.reactions, to: &out)
            if let commits = loop.commits { SourceMetrics.append(commits, to: &out) }
        }
        writeModules(&out, modules)
        writeModuleCounters(&out)
        writeJobs(&out)
        header(&out, "start_time_seconds", "gauge", "When the gateway started, since 1970.")
        out.append("signalbox_start_time_seconds ")
        out.append(decimal: Int(startWallNanos / 1_000_000_000))
        out.append("\n")
    }

    private func writeModules(_ out: inout ByteBuffer, _ modules: [ModuleFacts]) {
        header(&out, "module_ready", "gauge", "Whether a module takes calls.")
        for module in modules {
            out.append("signalbox_module_ready{module=\"")
            out.append(text: module.name)
            out.append(module.state == .ready ? "\"} 1\n" : "\"} 0\n")
        }
        header(&out, "module_restarts_total", "counter", "Restarts after an unexpected end.")
        for module in modules {
            out.append("signalbox_module_restarts_total{module=\"")
            out.append(text: module.name)
            out.append("\"} ")
            out.append(decimal: module.restarts)
            out.append("\n")
        }
    }

    /// A module that is on every loop has counters on every loop: their sum counts.
    private func writeModuleCounters(_ out: inout ByteBuffer) {
        var sums: [String: ModuleCounters] = [:]
        for loop in loops {
            for module in loop.modules {
                sums[module.name, default: ModuleCounters()].add(module.counters)
            }
        }
        let modules = sums.sorted { $0.key < $1.key }
        for (place, counter) in ModuleCounters().all.enumerated() {
            out.append("# HELP signalbox_module_")
            out.append(counter.name)
            out.append("_total ")
            out.append(counter.help)
            out.append("\n# TYPE signalbox_module_")
            out.append(counter.name)
            out.append("_total counter\n")
            for (name, counters) in modules {
                out.append("signalbox_module_")
                out.append(counter.name)
                out.append("_total{module=\"")
                out.append(text: name)
                out.append("\"} ")
                out.append(decimal: Int(clamping: counters.all[place].value))
                out.append("\n")
            }
        }
    }

    private func writeJobs(_ out: inout ByteBuffer) {
        guard let jobs = loops.lazy.compactMap(\.jobs).first else { return }
        header(&out, "jobs_running", "gauge", "Jobs that have not ended.")
        out.append("signalbox_jobs_running ")
        out.append(decimal: jobs.running)
        out.append("\n")
        header(&out, "jobs_kept", "gauge", "Jobs that are running or can still be looked at.")
        out.append("signalbox_jobs_kept ")
        out.append(decimal: jobs.kept)
        out.append("\n")
        header(&out, "jobs_bytes", "gauge", "Bytes kept of the results of jobs.")
        out.append("signalbox_jobs_bytes ")
        out.append(decimal: jobs.bytes)
        out.append("\n")
    }

    private func write(_ hub: HubFacts, _ out: inout ByteBuffer) {
        let values: [(StaticString, StaticString, StaticString, Int)] = [
            ("events_emitted_total", "counter", "Signals emitted.", Int(clamping: hub.emitted)),
            (
                "events_repeated_total", "counter", "Emissions repeated under the same key.",
                Int(clamping: hub.repeated)
            ),
            ("history_events", "gauge", "Events kept for those who come back.", hub.retained),
            ("history_bytes", "gauge", "Bytes of those events.", hub.bytes),
            ("stream_filters", "gauge", "Different wishes of the open streams.", hub.filters),
        ]
        for (name, type, help, value) in values {
            header(&out, name, type, help)
            out.append("signalbox_")
            out.append(name)
            out.append(" ")
            out.append(decimal: value)
            out.append("\n")
        }
    }

    private func header(
        _ out: inout ByteBuffer, _ name: StaticString, _ type: StaticString, _ help: StaticString
    ) {
        out.append("# HELP signalbox_")
        out.append(name)
        out.append(" ")
        out.append(help)
        out.append("\n# TYPE signalbox_")
        out.append(name)
        out.append(" ")
        out.append(type)
        out.append("\n")
    }

    private func perLoop(
        _ out: inout ByteBuffer, _ name: StaticString, _ type: StaticString, _ help: StaticString,
        _ value: (LoopMetrics) -> UInt64
    ) {
        header(&out, name, type, help)
        for loop in loops {
            out.append("signalbox_")
            out.append(name)
            out.append("{loop=\"")
            out.append(decimal: loop.index)
            out.append("\"} ")
            out.append(decimal: Int(clamping: value(loop)))
            out.append("\n")
        }
    }
}
