// CallRoutes: calling commands over HTTP, and looking at modules.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Notifier

extension GatewayLoop {
    // MARK: Looking

    func showIndex(_ exchange: Exchange) {
        let base = facts.settings.basePath
        exchange.extraFields.append("X-Content-Type-Options: nosniff\r\n")
        exchange.respondJSON { json in
            json.beginObject()
            json.key("name")
            json.string("signalbox")
            json.key("version")
            json.string(Gateway.version)
            json.key("links")
            json.beginObject()
            for name in ["modules", "events", "signals", "timers"] {
                json.key(name)
                json.string("\(base)/v1/\(name)")
            }
            json.key("health")
            json.string("\(base)/readyz")
            json.key("metrics")
            json.string("\(base)/metrics")
            json.endObject()
            json.endObject()
        }
    }

    func listModules(_ exchange: Exchange) {
        if moduleList.revision != modules.revision {
            moduleList.bytes.removeAll()
            JSONWriter.append(to: &moduleList.bytes) { json in
                json.beginObject()
                json.key("modules")
                json.beginArray()
                for module in modules.facts { module.write(&json) }
                json.endArray()
                json.endObject()
            }
            moduleList.bytes.append(UInt8(ascii: "\n"))
            moduleList.revision = modules.revision
        }
        exchange.respond(200, type: "application/json", moduleList.bytes.readable)
    }

    func showModule(_ exchange: Exchange, _ match: RouteMatch) {
        let name = capture(0, match, exchange)
        guard let index = modules.find(name) else {
            exchange.respondFailure(.unknownModule(String(decoding: name, as: UTF8.self)))
            return
        }
        exchange.respondJSON { json in modules.facts[index].write(&json) }
    }

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

    /// GET of a command: only if it is declared safe; the query holds the parameters.
    func readCommand(_ exchange: Exchange, _ match: RouteMatch) {
        if let answer = modules.fixedAnswer(match.place) {
            exchange.respond(200, type: "application/json", answer)
            return
        }
        guard let found = findCommand(exchange, match) else { return }
        guard found.command == nil, modules.isUnknown(found.module) else {
            callSafely(found, exchange.query, exchange)
            return
        }
        // Whether a command is safe is known only once the module has said what it has.
        let name = Array(found.name)
        let query = Array(exchange.query)
        let module = found.module
        modules.whenKnown(module) { [unowned self] in
            name.withUnsafeBytes { name in
                let command = modules.findCommand(name, in: module).map {
                    modules.command($0, of: module)
                }
                query.withUnsafeBytes { query in
                    callSafely(
                        Found(module: module, command: command, name: name), query, exchange)
                }
            }
        }
    }

    /// Calls a command with the parameters of a query, if it is declared safe.
    private func callSafely(
        _ found: Found, _ query: UnsafeRawBufferPointer, _ exchange: Exchange
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
        call(found, params.readable, exchange)
    }

    /// POST of a command: refuse early what needs no body to be refused.
    func beginCall(_ exchange: Exchange, _ match: RouteMatch) -> BodyPlan {
        guard findCommand(exchange, match) != nil else { return .skip }
        return takeJSON(exchange)
    }

    /// POST of a command whose body is there.
    func callCommand(_ exchange: Exchange, _ match: RouteMatch) {
        guard let found = findCommand(exchange, match) else { return }
        withJSON(exchange) { params in call(found, params, exchange) }
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
    private func call(_ found: Found, _ params: UnsafeRawBufferPointer, _ exchange: Exchange) {
        var context = ByteBuffer()
        if modules.wantsContext(found.module) { appendContext(exchange, to: &context) }
        let limit = timeLimit(found.command, exchange)
        let ticket = startCall(found, params, context.readable, limit) { outcome in
            switch outcome {
            case .result(let json): exchange.respond(200, type: "application/json", json)
            case .failure(let error): exchange.respondFailure(error)
            }
        }
        if ticket.isOpen { exchange.onAbandoned = { ticket.cancel() } }
    }

    /// Checks the parameters and starts a call with its deadline.
    func startCall(
        _ found: Found, _ params: UnsafeRawBufferPointer, _ context: UnsafeRawBufferPointer,
        _ limit: Duration, _ completion: @escaping (CallOutcome) -> Void
    ) -> CallTicket {
        let ticket = CallTicket(completion)
        if let reply = found.command?.facts.fixedReply {
            reply.withUnsafeBytes { ticket.finish(.result($0)) }
            return ticket
        }
        if let schema = found.command?.facts.schema, let faults = schema.faults(of: params) {
            ticket.fail(.badParameters(faults))
            return ticket
        }
        modules.call(
            found.module, ModuleCall(command: found.name, params: params, context: context),
            ticket, from: address)
        guard ticket.isOpen else { return ticket }
        let loop = loop
        let name = modules.facts[found.module].name
        let timer = loop.addTimer(after: limit) {
            ticket.giveUp(.timedOut(module: name, limit: limit))
        }
        ticket.onConclusion { loop.removeTimer(timer) }
        return ticket
    }

    /// The deadline of a call: the command's or the general one, lower if the client asks.
    func timeLimit(_ command: CommandRecord?, _ exchange: Exchange?) -> Duration {
        let limit = command?.facts.timeout ?? facts.settings.limits.callTimeout
        guard let exchange, let prefer = exchange.field(.prefer), let wait = Prefer.wait(prefer)
        else {
            return limit
        }
        return min(limit, .seconds(wait))
    }

    func appendContext(_ exchange: Exchange, to out: inout ByteBuffer) {
        JSONWriter.append(to: &out) { json in
            json.beginObject()
            json.key("request_id")
            var id = ByteBuffer()
            exchange.appendID(to: &id)
            json.string(id.readable)
            json.key("client")
            json.string(exchange.peer?.host ?? "unknown")
            if let subject = exchange.clientSubject {
                json.key("client_subject")
                json.string(subject)
            }
            if let trace = exchange.field(.traceparent) {
                json.key("traceparent")
                json.string(trace)
            }
            json.endObject()
        }
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

/// The `Prefer` field (RFC 7240), as far as calls look at it.
enum Prefer {
    /// The seconds of `wait=N`, 1 to 86,400.
    static func wait(_ value: UnsafeRawBufferPointer) -> Int? {
        for part in value.split(separator: UInt8(ascii: ",")) {
            let text = String(decoding: part, as: UTF8.self).filter { $0 != " " && $0 != "\t" }
            if text.lowercased().hasPrefix("wait="), let seconds = Int(text.dropFirst(5)),
                (1...86_400).contains(seconds)
            {
                return seconds
            }
        }
        return nil
    }
}

extension ModuleFacts {
    /// Writes the module as the API shows it.
    func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.key("name")
        json.string(name)
        if let description {
            json.key("description")
            json.string(description)
        }
        json.key("kind")
        json.string(kind)
        json.key("state")
        json.string(state.rawValue)
        if let reason {
            json.key("reason")
            json.string(reason)
        }
        if let pid {
            json.key("pid")
            json.int(pid)
        }
        json.key("restarts")
        json.int(restarts)
        json.key("commands")
        json.beginObject()
        for command in commands {
            json.key(command.name)
            command.write(&json)
        }
        json.endObject()
        json.key("any_command")
        json.bool(acceptsAnyCommand)
        json.endObject()
    }
}

extension CommandFacts {
    fileprivate func write(_ json: inout JSONWriter) {
        json.beginObject()
        if let description {
            json.key("description")
            json.string(description)
        }
        json.key("safe")
        json.bool(isSafe)
        if let params {
            json.key("params")
            params.withUnsafeBytes { json.raw($0) }
        }
        json.endObject()
    }
}
