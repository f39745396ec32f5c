// ControlAnswer: requests about what exists once, answered by the control loop wherever they come in.

internal import HTTP
internal import JSON
internal import Notifier

extension GatewayLoop {
    /// Asks the control loop, and goes on with its answer on this loop.
    ///
    /// - Parameters:
    ///   - atOnce: if this is the control loop, `respond` runs as soon as the answer is there, perhaps
    ///     before the request's body has come; otherwise in a turn of its own, as on other loops.
    ///   - question: runs on the control loop and calls back there with the answer, perhaps later.
    ///   - respond: answers the request.
    func askControl<Answer: Sendable>(
        _ exchange: Exchange, atOnce: Bool = false,
        _ question:
            @escaping @Sendable (
                GatewayLoop, Control, _ done: @escaping (Answer) -> Void
            ) -> Void,
        respond: @escaping @Sendable (GatewayLoop, Exchange, Answer) -> Void
    ) {
        let waiting = LoopBound(exchange, loop.handle)
        let home = address
        onControl { there, control in
            question(there, control) { answer in
                if atOnce, there.index == home.index {
                    respond(there, waiting.value, answer)
                } else {
                    home.post { respond($0, waiting.value, answer) }
                }
            }
        }
    }

    /// Answers with an object that has, under `key`, the JSON of each of `entries`.
    func answerList<Entry>(
        _ exchange: Exchange, _ key: StaticString,
        of entries: @escaping @Sendable (Control) -> [Entry],
        write: @escaping @Sendable (Entry, inout JSONWriter) -> Void
    ) {
        askControl(exchange) { _, control, done in
            done(
                JSONBytes.make { json in
                    json.beginObject()
                    json.key(key)
                    json.beginArray()
                    for entry in entries(control) { write(entry, &json) }
                    json.endArray()
                    json.endObject()
                })
        } respond: { _, exchange, json in
            exchange.respond(json: json)
        }
    }

    /// Answers with the JSON of what `find` finds, or with 404 and `missing` if that is nothing.
    func answerOne<Entry>(
        _ exchange: Exchange, missing: (code: StaticString, detail: String),
        find: @escaping @Sendable (Control) -> Entry?,
        write: @escaping @Sendable (Entry, inout JSONWriter) -> Void
    ) {
        askControl(exchange) { _, control, done in
            done(find(control).map { found in JSONBytes.make { write(found, &$0) } })
        } respond: { _, exchange, json in
            if let json {
                exchange.respond(json: json)
            } else {
                exchange.respondProblem(404, missing.code, missing.detail)
            }
        }
    }
}

extension Exchange {
    fileprivate func respond(json: [UInt8]) {
        json.withUnsafeBytes { respond(200, type: "application/json", $0) }
    }
}

extension JSONWriter {
    /// Writes what was left out, as an object of counts by reason.
    mutating func dropped(_ counts: [(reason: StaticString, count: UInt64)]) {
        key("dropped")
        beginObject()
        for (reason, count) in counts {
            key(reason)
            int(Int(clamping: count))
        }
        endObject()
    }
}
