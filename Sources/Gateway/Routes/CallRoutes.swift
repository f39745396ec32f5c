// CallRoutes: calling commands over HTTP. What a request says about its call is in CallTerms.swift,
// answers that come bit by bit in CallStream.swift, calls without a waiting caller in Jobs.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Notifier

extension GatewayLoop {
    // MARK: Calling

    /// A command found by the names in the path.
    struct Found {
        let module: Int
        let command: CommandRecord?
        let name: UnsafeRawBufferPointer
    }

    /// Finds the command of a path or answers that there is none.
    private func findCommand(_ exchange: Exchange, _ match: RouteMatch) -> Found? {
        if match.place >= 0 {
            let place = modules.place(match.place)
            let name = exchange.path[place.nameStart...]
            return Found(
                module: place.module, command: place.command,
                name: UnsafeRawBufferPointer(rebasing: name))
        }
        return findByNames(exchange, match)
    }

    private func findByNames(_ exchange: Exchange, _ match: RouteMatch) -> Found? {
        let moduleName = capture(0, match, exchange)
        let name = capture(1, match, exchange)
        guard let module = modules.find(moduleName) else {
            exchange.respondFailure(.unknownModule(String(decoding: moduleName, as: UTF8.self)))
            return nil
        }
        if let index = modules.findCommand(name, in: module) {
            return Found(module: module, command: modules.command(index, of: module), name: name)
        }
        guard modules.mayTake(name, module) else {
            exchange.respondFailure(
                .unknownCommand(
                    module: modules.facts[module].name,
                    command: String(decoding: name, as: UTF8.self)))
            return nil
        }
        return Found(module: module, command: nil, name: name)
    }

    /// The methods of the command that the path names, a bit for each raw value; answers if there is
    /// no such command.
    func commandMethods(_ exchange: Exchange, _ match: RouteMatch) -> UInt16? {
        guard let found = findCommand(exchange, match) else { return nil }
        let post: UInt16 = 1 << UInt16(HTTPWire.Method.post.rawValue)
        let get: UInt16 = 1 << UInt16(HTTPWire.Method.get.rawValue)
        // Of a module that has not yet said what it has, a GET is taken, and waits for that.
        let takesGet = found.command?.facts.isSafe ?? modules.isUnknown(found.module)
        return takesGet ? get | post : post
    }

    /// GET of a command: only if it is declared safe; the query holds the parameters.
    func readCommand(_ exchange: Exchange, _ match: RouteMatch) {
        if let answer = modules.fixedAnswer(match.place) {
            exchange.respond(200, type: "application/json", answer)
            return
        }
        guard let found = findCommand(exchange, match) else { return }
        if let upstream = modules.upstreams[found.module], found.command?.facts.isSafe == true {
            _ = forward(found, to: upstream, .none, exchange)
            return
        }
        guard found.command == nil, modules.isUnknown(found.module) else {
            callSafely(found, exchange.query, exchange)
            return
        }
        // Whether a command is safe is known only once the module has said what it has.
        guard let terms = terms(of: exchange, found) else { return }
        let name = Array(found.name)
        let query = Array(exchange.query)
        let module = found.module
        waitUntilKnown(module, terms, exchange) { [unowned self] terms in
            name.withUnsafeBytes { name in
                let command = modules.findCommand(name, in: module).map {
                    modules.command($0, of: module)
                }
                query.withUnsafeBytes { query in
                    callSafely(
                        Found(module: module, command: command, name: name), query, exchange, terms)
                }
            }
        }
    }

    /// Waits for what module `index` has, as long as the call may take and the caller stays.
    private func waitUntilKnown(
        _ index: Int, _ terms: CallTerms, _ exchange: Exchange,
        _ action: @escaping (CallTerms) -> Void
    ) {
        let loop = loop
        let began = loop.now
        let wait = KnownWait()
        let token = modules.whenKnown(index) {
            guard wait.isOpen else { return }
            wait.end(loop)
            exchange.onAbandoned = nil
            var rest = terms
            rest.limit -= .nanoseconds(Int64(clamping: loop.now &- began))
            action(rest)
        }
        guard let token else {
            exchange.respondFailure(.overloaded(module: modules.facts[index].name))
            return
        }
        guard wait.isOpen else { return }
        let name = modules.facts[index].name
        wait.timer = loop.addTimer(after: terms.limit) { [unowned self] in
            wait.timer = nil
            wait.end(loop)
            modules.forget(token)
            exchange.onAbandoned = nil
            exchange.respondFailure(.timedOut(module: name, limit: terms.limit))
        }
        exchange.onAbandoned = { [unowned self] in
            wait.end(loop)
            modules.forget(token)
        }
    }

    /// Calls a command with the parameters of a query, if it is declared safe.
    private func callSafely(
        _ found: Found, _ query: UnsafeRawBufferPointer, _ exchange: Exchange,
        _ terms: CallTerms? = nil
    ) {
        let module = modules.facts[found.module]
        guard !modules.isUnknown(found.module) else {
            exchange.respondFailure(
                .notStarted(module: module.name, reason: module.reason ?? "it does not start"))
            return
        }
        guard let command = found.command, command.facts.isSafe else {
            exchange.respondFailure(
                .notSafe(
                    module: module.name, command: String(decoding: found.name, as: UTF8.self)))
            return
        }
        var params = ByteBuffer()
        guard JSONRequest.appendParams(query: query, kinds: command.queryKinds, to: &params) else {
            exchange.respondProblem(
                400, "bad_query", "The query is not well-formed, or names a parameter twice.")
            return
        }
        if var terms {
            if let own = command.facts.timeout { terms.limit = min(terms.limit, own) }
            call(found, params.readable, exchange, terms)
        } else if let terms = self.terms(of: exchange, found) {
            call(found, params.readable, exchange, terms)
        }
    }

    /// POST of a command: refuse early what needs no body to be refused.
    func beginCall(_ exchange: Exchange, _ match: RouteMatch) -> BodyPlan {
        guard let found = findCommand(exchange, match) else { return .skip }
        // Without a schema to check it against, a body is passed on as it comes, whatever it is.
        if let upstream = modules.upstreams[found.module], found.command?.facts.schema == nil,
            exchange.list(.prefer).map({ Prefer($0).isAsync }) != true
        {
            return forward(found, to: upstream, .streamed, exchange)
        }
        return takeJSON(exchange)
    }

    /// POST of a command whose body is there.
    func callCommand(_ exchange: Exchange, _ match: RouteMatch) {
        guard let found = findCommand(exchange, match) else { return }
        guard let terms = terms(of: exchange, found, allowsAsync: true) else { return }
        withJSON(exchange) { params in
            if terms.isAsync {
                startJob(found, params, exchange, terms)
            } else if let upstream = modules.upstreams[found.module] {
                forward(checked: params, found, to: upstream, exchange)
            } else {
                call(found, params, exchange, terms)
            }
        }
    }

    /// Passes a request on to an upstream if its params are what the command takes.
    private func forward(
        checked params: UnsafeRawBufferPointer, _ found: Found, to upstream: UpstreamModule,
        _ exchange: Exchange
    ) {
        if let schema = found.command?.facts.schema, let faults = schema.faults(of: params) {
            exchange.respondFailure(.badParameters(faults))
        } else {
            _ = forward(found, to: upstream, .json(params), exchange)
        }
    }

    /// Passes a request on to an upstream.
    private func forward(
        _ found: Found, to upstream: UpstreamModule, _ body: UpstreamForward.Body,
        _ exchange: Exchange
    ) -> BodyPlan {
        let whole = timeLimit(found.command)
        let wait = exchange.list(.prefer).flatMap { Prefer($0).wait }
        let limit = wait.map { min(whole, .seconds($0)) } ?? whole
        return UpstreamForward.begin(
            upstream, exchange, found.name, body, limit: limit, isLimitOurs: limit == whole)
    }

    /// Calls `body` with the request's JSON on one line, `{}` if it is empty; answers 400 if it is
    /// not JSON.
    func withJSON(_ exchange: Exchange, _ body: (UnsafeRawBufferPointer) -> Void) {
        let bytes = exchange.body
        guard bytes.count > 0 else {
            let empty: StaticString = "{}"
            body(UnsafeRawBufferPointer(start: empty.utf8Start, count: 2))
            return
        }
        let depth = facts.settings.limits.jsonDepth
        do throws(JSONError) {
            let shape = try JSONScanner.validate(bytes, maxDepth: depth)
            guard shape.hasLineBreak else {
                body(bytes)
                return
            }
            var compact = ByteBuffer(capacity: bytes.count)
            _ = try JSONScanner.compact(bytes, into: &compact, maxDepth: depth)
            body(compact.readable)
        } catch {
            exchange.respondProblem(400, "bad_json", "The body is not valid JSON: \(error).")
        }
    }

    /// Calls a command and answers with what comes of it.
    private func call(
        _ found: Found, _ params: UnsafeRawBufferPointer, _ exchange: Exchange, _ terms: CallTerms
    ) {
        guard terms.style == .whole else {
            stream(found, params, exchange, terms)
            return
        }
        let ticket = startCall(found, params, terms) { outcome in
            switch outcome {
            case .result(let json): exchange.respond(200, type: "application/json", json)
            case .failure(let error): exchange.respondFailure(error)
            }
        }
        if ticket.isOpen { exchange.onAbandoned = { ticket.cancel() } }
    }

    /// Checks the parameters and starts a call with its deadline.
    func startCall(
        _ found: Found, _ params: UnsafeRawBufferPointer, _ terms: CallTerms,
        observer: CallObserver? = nil, _ completion: @escaping (CallOutcome) -> Void
    ) -> CallTicket {
        let ticket = CallTicket(observer: observer, completion)
        if let reply = found.command?.facts.fixedReply {
            reply.withUnsafeBytes { ticket.finish(.result($0)) }
            return ticket
        }
        if let schema = found.command?.facts.schema, let faults = schema.faults(of: params) {
            ticket.fail(.badParameters(faults))
            return ticket
        }
        terms.context.withUnsafeBytes { context in
            terms.session.withUnsafeBytes { session in
                modules.call(
                    found.module,
                    ModuleCall(
                        command: found.name, params: params, context: context, session: session),
                    ticket, from: address)
            }
        }
        guard ticket.isOpen else { return ticket }
        let loop = loop
        let limit = terms.limit
        let name = modules.facts[found.module].name
        let timer = loop.addTimer(after: limit) {
            ticket.giveUp(
                .timedOut(module: name, limit: terms.wholeLimit), isOverdue: terms.isLimitOurs)
        }
        ticket.onConclusion { loop.removeTimer(timer) }
        return ticket
    }
}

/// A request that waits until a module has said what it has.
///
/// Loop-confined.
private final class KnownWait {
    var timer: TimerToken?
    private(set) var isOpen = true

    func end(_ loop: EventLoop) {
        isOpen = false
        if let timer { loop.removeTimer(timer) }
        timer = nil
    }
}

extension JSONSchema {
    /// The faults of `params` in a form for problem documents; nil if there are none.
    fileprivate func faults(
        of params: UnsafeRawBufferPointer
    ) -> [(pointer: String, message: String)]? {
        guard let value = try? JSONValue.parse(params) else { return nil }
        let found = faults(in: value)
        return found.isEmpty ? nil : found.map { (pointer: "\($0.pointer)", message: $0.message) }
    }
}
