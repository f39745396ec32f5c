// GatewayRoute: the URLs of the native face, and which function of GatewayLoop answers each.

internal import HTTP
internal import HTTPWire

/// What can be asked for.
enum GatewayRoute: Int {
    case index, modules, module, read, call, rpc
    case events, signals, emit, client
    case timers, addTimer, timer, deleteTimer, fireTimer, pauseTimer, resumeTimer
    case jobs, job, deleteJob
    case sources, source, reactions, reaction
    case livez, readyz, metrics

    /// The table's entries.
    static let entries: [RouteTable.Entry] = [
        entry(.get, "/", .index),
        entry(.get, "/v1/modules", .modules),
        entry(.get, "/v1/modules/{module}", .module),
        entry(.get, "/v1/modules/{module}/{command}", .read),
        entry(.post, "/v1/modules/{module}/{command}", .call),
        entry(.post, "/v1/rpc", .rpc),
        entry(.get, "/v1/events", .events),
        entry(.get, "/v1/signals", .signals),
        entry(.post, "/v1/signals/{signal}", .emit),
        entry(.get, "/signalbox.js", .client),
        entry(.get, "/v1/timers", .timers),
        entry(.post, "/v1/timers", .addTimer),
        entry(.get, "/v1/timers/{timer}", .timer),
        entry(.delete, "/v1/timers/{timer}", .deleteTimer),
        entry(.post, "/v1/timers/{timer}/fire", .fireTimer),
        entry(.get, "/v1/jobs", .jobs),
        entry(.get, "/v1/jobs/{job}", .job),
        entry(.delete, "/v1/jobs/{job}", .deleteJob),
        entry(.post, "/v1/timers/{timer}/pause", .pauseTimer),
        entry(.post, "/v1/timers/{timer}/resume", .resumeTimer),
        entry(.get, "/v1/sources", .sources),
        entry(.get, "/v1/sources/{source}", .source),
        entry(.get, "/v1/reactions", .reactions),
        entry(.get, "/v1/reactions/{reaction}", .reaction),
        entry(.get, "/livez", .livez),
        entry(.get, "/readyz", .readyz),
        entry(.get, "/metrics", .metrics),
    ]

    /// What `method` does to a command.
    @inline(__always)
    static func ofCommand(_ method: Method) -> GatewayRoute? {
        switch method {
        case .get, .head: .read
        case .post: .call
        default: nil
        }
    }

    private static func entry(
        _ method: Method, _ pattern: String, _ route: GatewayRoute
    ) -> RouteTable.Entry {
        RouteTable.Entry(method, pattern, route.rawValue)
    }
}

extension GatewayLoop {
    /// Answers what needs no body; says how the body is wanted otherwise.
    func begin(_ route: GatewayRoute, _ exchange: Exchange, _ match: RouteMatch) -> BodyPlan {
        switch route {
        case .index: showIndex(exchange)
        case .modules: listModules(exchange)
        case .module: showModule(exchange, match)
        case .read: readCommand(exchange, match)
        case .call: return beginCall(exchange, match)
        case .events: openStream(exchange)
        case .signals: listSignals(exchange)
        case .client: showClient(exchange)
        case .timers: listTimers(exchange)
        case .timer: showTimer(exchange, match)
        case .deleteTimer: deleteTimer(exchange, match)
        case .jobs: listJobs(exchange)
        case .job: showJob(exchange, match)
        case .deleteJob: deleteJob(exchange, match)
        case .sources: listSources(exchange)
        case .source: showSource(exchange, match)
        case .reactions: listReactions(exchange)
        case .reaction: showReaction(exchange, match)
        case .livez: exchange.respondText(200, "ok\n")
        case .readyz: showReadiness(exchange)
        case .metrics: showMetrics(exchange)
        case .rpc, .emit, .addTimer, .fireTimer, .pauseTimer, .resumeTimer:
            return takeJSON(exchange)
        }
        return .skip
    }

    /// Answers what needed a body, which is there now.
    func finish(_ route: GatewayRoute, _ exchange: Exchange, _ match: RouteMatch) {
        switch route {
        case .call: callCommand(exchange, match)
        case .rpc: answerRPC(exchange)
        case .emit: emitSignal(exchange, match)
        case .addTimer: addTimer(exchange)
        case .fireTimer: fireTimer(exchange, match)
        case .pauseTimer: pauseTimer(exchange, match)
        case .resumeTimer: resumeTimer(exchange, match)
        default: break
        }
    }

    /// The plan for a body that must be JSON.
    func takeJSON(_ exchange: Exchange) -> BodyPlan {
        guard !exchange.isRepeated(.contentType) else {
            exchange.respondProblem(400, "bad_request", "There are two Content-Types.")
            return .skip
        }
        guard JSONRequest.hasAcceptableType(exchange) else {
            exchange.respondProblem(
                415, "unsupported_media_type", "The body must be JSON: application/json.")
            return .skip
        }
        return .collect(limit: server.limits.bodyBytes)
    }
}
