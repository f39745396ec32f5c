// TimerRoutes: timers over HTTP, and what a timer that fires does. All of it happens on the control
// loop; other loops pass requests there and answers back.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Notifier

extension GatewayLoop {
    /// What the control loop says to a request about timers.
    fileprivate struct TimerAnswer: Sendable {
        var status: Int
        var json: [UInt8]
        var code: StaticString = ""
        var detail = ""

        static func problem(_ status: Int, _ code: StaticString, _ detail: String) -> TimerAnswer {
            TimerAnswer(status: status, json: [], code: code, detail: detail)
        }
    }

    /// Asks the control loop and answers with what it says.
    private func askTimers(
        _ exchange: Exchange,
        _ question: @escaping @Sendable (GatewayLoop, TimerBook) -> TimerAnswer
    ) {
        let waiting = LoopBound(exchange, loop.handle)
        let home = address
        onControl { there, control in
            let answer = question(there, control.timers)
            if there.index == home.index {
                waiting.value.respond(answer)
            } else {
                home.post { _ in waiting.value.respond(answer) }
            }
        }
    }

    func listTimers(_ exchange: Exchange) {
        askTimers(exchange) { _, book in
            TimerAnswer(
                status: 200,
                json: JSONBytes.make { json in
                    json.beginObject()
                    json.key("timers")
                    json.beginArray()
                    for entry in book.all { entry.write(&json, book) }
                    json.endArray()
                    json.endObject()
                })
        }
    }

    private func timerName(_ exchange: Exchange, _ match: RouteMatch) -> String {
        String(decoding: capture(0, match, exchange), as: UTF8.self)
    }

    func showTimer(_ exchange: Exchange, _ match: RouteMatch) {
        let id = timerName(exchange, match)
        askTimers(exchange) { _, book in
            guard let entry = book.find(id) else { return .noTimer(id) }
            return entry.answer(200, book)
        }
    }

    func deleteTimer(_ exchange: Exchange, _ match: RouteMatch) {
        let id = timerName(exchange, match)
        askTimers(exchange) { _, book in
            guard let entry = book.find(id) else { return .noTimer(id) }
            guard !entry.isFixed else {
                return .problem(
                    403, "fixed_timer", "Timer \"\(id)\" belongs to the configuration.")
            }
            book.remove(entry)
            return TimerAnswer(status: 204, json: [])
        }
    }

    func fireTimer(_ exchange: Exchange, _ match: RouteMatch) {
        let id = timerName(exchange, match)
        askTimers(exchange) { _, book in
            guard let entry = book.find(id) else { return .noTimer(id) }
            book.fire(entry)
            return entry.answer(200, book)
        }
    }

    func addTimer(_ exchange: Exchange) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(exchange.body)
        } catch {
            exchange.respondProblem(400, "bad_json", "The body is not valid JSON: \(error).")
            return
        }
        let request: TimerRequest
        do throws(TimerRequest.Fault) {
            request = try TimerRequest(value)
        } catch {
            exchange.respondFailure(.badParameters(error.faults))
            return
        }
        let id = request.id
        let plan = request.plan
        askTimers(exchange) { there, book in
            let name = id ?? "t\(there.loop.clock.wallNanos() / 1000)-\(Int.random(in: 0..<10_000))"
            guard let entry = book.add(id: name, plan, isFixed: false) else {
                return book.find(name) == nil
                    ? .problem(503, "too_many_timers", "No more timers are taken.")
                    : .problem(409, "timer_exists", "There is a timer \"\(name)\" already.")
            }
            return entry.answer(201, book)
        }
    }

    // MARK: Firing

    /// Does what `entry` is for.
    func perform(_ entry: TimerEntry, _ done: @escaping (String) -> Void) {
        switch entry.plan.action {
        case .emit(let signal, let data):
            emit(Payload(Array(signal.utf8)), Payload(data))
            done("emitted")
        case .call(let module, let command, let params):
            call(module, command, params, done)
        }
    }

    private func call(
        _ module: String, _ command: String, _ params: [UInt8], _ done: @escaping (String) -> Void
    ) {
        Array("\(module).\(command)".utf8).withUnsafeBytes { method in
            guard let found = findMethod(method) else {
                done("There is no command \"\(module)/\(command)\".")
                return
            }
            let terms = CallTerms(limit: timeLimit(found.command))
            params.withUnsafeBytes { params in
                _ = startCall(found, params, terms) { outcome in
                    switch outcome {
                    case .result: done("ok")
                    case .failure(let error): done(error.detail)
                    }
                }
            }
        }
    }
}

extension GatewayLoop.TimerAnswer {
    fileprivate static func noTimer(_ id: String) -> Self {
        .problem(404, "unknown_timer", "There is no timer \"\(id)\".")
    }
}

extension Exchange {
    fileprivate func respond(_ answer: GatewayLoop.TimerAnswer) {
        if answer.status == 204 {
            respond(204)
        } else if answer.json.isEmpty {
            respondProblem(answer.status, answer.code, answer.detail)
        } else {
            answer.json.withUnsafeBytes { respond(answer.status, type: "application/json", $0) }
        }
    }
}

extension TimerEntry {
    fileprivate func answer(_ status: Int, _ book: TimerBook) -> GatewayLoop.TimerAnswer {
        GatewayLoop.TimerAnswer(status: status, json: JSONBytes.make { write(&$0, book) })
    }

    /// Writes the timer as the API shows it.
    fileprivate func write(_ json: inout JSONWriter, _ book: TimerBook) {
        json.beginObject()
        json.key("id")
        json.string(id)
        switch plan.schedule {
        case .after(let delay):
            json.key("after")
            json.string("\(delay)")
        case .every(let interval):
            json.key("every")
            json.string("\(interval)")
        case .at(let nanos):
            json.key("at")
            json.string(Timestamp.text(nanos))
        }
        writeAction(&json)
        json.key("fixed")
        json.bool(isFixed)
        json.key("runs")
        json.int(runs)
        json.key("missed")
        json.int(missed)
        json.key("next_run")
        if let next = book.nextWallNanos(self) {
            json.string(Timestamp.text(next))
        } else {
            json.null()
        }
        json.key("last_run")
        if let lastWallNanos { json.string(Timestamp.text(lastWallNanos)) } else { json.null() }
        json.key("last_result")
        if let lastResult { json.string(lastResult) } else { json.null() }
        json.endObject()
    }

    private func writeAction(_ json: inout JSONWriter) {
        switch plan.action {
        case .emit(let signal, let data):
            json.key("emit")
            json.beginObject()
            json.key("signal")
            json.string(signal)
            json.key("data")
            data.withUnsafeBytes { json.raw($0) }
            json.endObject()
        case .call(let module, let command, let params):
            json.key("call")
            json.beginObject()
            json.key("module")
            json.string(module)
            json.key("command")
            json.string(command)
            json.key("params")
            params.withUnsafeBytes { json.raw($0) }
            json.endObject()
        }
    }
}

/// JSON made on the spot.
enum JSONBytes {
    /// What `write` writes, with a line end.
    static func make(_ write: (inout JSONWriter) -> Void) -> [UInt8] {
        var out = ByteBuffer()
        JSONWriter.append(to: &out, write)
        out.append(UInt8(ascii: "\n"))
        return out.array()
    }
}
