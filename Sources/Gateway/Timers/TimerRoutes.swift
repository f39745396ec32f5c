// TimerRoutes: timers over HTTP. All of it happens on the control loop; other loops pass requests
// there and answers back. How a timer looks is in TimerEntry+JSON.swift, what it does in
// TimerActions.swift.

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
        var fault: (pointer: String, message: String)?
        /// It says that something has changed, which is to be stored before.
        var isChange = false
        /// The timer that it says was added, and its path.
        var added: String?
        var location: String?

        static func problem(_ status: Int, _ code: StaticString, _ detail: String) -> TimerAnswer {
            TimerAnswer(status: status, json: [], code: code, detail: detail)
        }
    }

    /// Asks the control loop and answers with what it says.
    private func askTimers(
        _ exchange: Exchange,
        _ question: @escaping @Sendable (GatewayLoop, TimerBook) -> TimerAnswer
    ) {
        askControl(exchange, atOnce: true) { there, control, done in
            control.whenKept(question(there, control.timers), done)
        } respond: { _, exchange, answer in
            exchange.respond(answer)
        }
    }

    /// Which timers a list shows.
    private enum TimerChoice: String {
        case active, done, all
    }

    func listTimers(_ exchange: Exchange) {
        var choice: TimerChoice? = .active
        QueryString.forEach(exchange.query) { name, value in
            if name == "state" { choice = value.flatMap { TimerChoice(rawValue: String($0)) } }
        }
        guard let choice else {
            exchange.respondProblem(400, "bad_query", "state is active, done or all.")
            return
        }
        askTimers(exchange) { _, book in
            let entries: [TimerEntry] =
                switch choice {
                case .active: book.all
                case .done: book.finished.all
                case .all: (book.all + book.finished.all).sorted { $0.id < $1.id }
                }
            return TimerAnswer(
                status: 200,
                json: JSONBytes.make { json in
                    json.beginObject()
                    json.key("timers")
                    json.beginArray()
                    for entry in entries { entry.write(&json, book) }
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
        var preview = 0
        var isSound = true
        QueryString.forEach(exchange.query) { name, value in
            guard name == "preview", let count = value.flatMap({ Int($0) }),
                (0...TimerEntry.previewLimit).contains(count)
            else {
                isSound = false
                return
            }
            preview = count
        }
        guard isSound else {
            exchange.respondProblem(
                400, "bad_query",
                "There is only preview, a number from 0 to \(TimerEntry.previewLimit).")
            return
        }
        let count = preview
        askTimers(exchange) { _, book in
            guard let entry = book.find(id) else { return .noTimer(id) }
            return entry.answer(200, book, preview: count)
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
            return TimerAnswer(status: 204, json: [], isChange: true)
        }
    }

    func fireTimer(_ exchange: Exchange, _ match: RouteMatch) {
        onTimer(exchange, match) { book, entry in book.fire(entry) }
    }

    func pauseTimer(_ exchange: Exchange, _ match: RouteMatch) {
        onTimer(exchange, match) { book, entry in book.pause(entry) }
    }

    func resumeTimer(_ exchange: Exchange, _ match: RouteMatch) {
        onTimer(exchange, match) { book, entry in book.resume(entry) }
    }

    /// Does something with a timer and answers with what it is afterwards.
    private func onTimer(
        _ exchange: Exchange, _ match: RouteMatch,
        _ action: @escaping @Sendable (TimerBook, TimerEntry) -> Void
    ) {
        let id = timerName(exchange, match)
        askTimers(exchange) { _, book in
            guard let entry = book.find(id) else { return .noTimer(id) }
            guard !entry.isDone else {
                return .problem(
                    409, "timer_done", "Timer \"\(id)\" has fired for the last time.")
            }
            action(book, entry)
            var answer = entry.answer(200, book)
            answer.isChange = true
            return answer
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
            if error.isForbidden {
                let fault = SignalName.Fault.reserved
                exchange.respondProblem(fault.status, fault.code, fault.detail)
            } else {
                exchange.respondFailure(.badParameters(error.faults))
            }
            return
        }
        let id = request.id
        let plan = request.plan
        askTimers(exchange) { there, book in
            if case .call(let module, let command, _) = plan.action,
                let fault = there.fault(ofCall: module, command)
            {
                return .faulty(fault.pointer, fault.message)
            }
            let name = id ?? "t\(there.loop.clock.wallNanos() / 1000)-\(Int.random(in: 0..<10_000))"
            do throws(TimerRefusal) {
                let entry = try book.add(id: name, plan, isFixed: false)
                book.onNews(entry, .changed)
                var answer = entry.answer(201, book)
                answer.isChange = true
                answer.added = name
                answer.location = "\(there.facts.settings.basePath)/v1/timers/\(name)"
                return answer
            } catch {
                return .refused(error, name)
            }
        }
    }
}

extension Control {
    /// Calls `done` with `answer` once what it tells is stored, or else with a refusal.
    fileprivate func whenKept(
        _ answer: GatewayLoop.TimerAnswer, _ done: @escaping (GatewayLoop.TimerAnswer) -> Void
    ) {
        guard answer.isChange, let journal else {
            done(answer)
            return
        }
        journal.barrier { [self] error in
            guard let error else {
                done(answer)
                return
            }
            if let id = answer.added, let entry = timers.find(id) { timers.remove(entry) }
            done(.problem(503, "not_stored", "The change could not be stored: \(error)."))
        }
    }
}

extension GatewayLoop.TimerAnswer {
    fileprivate static func noTimer(_ id: String) -> Self {
        .problem(404, "unknown_timer", "There is no timer \"\(id)\".")
    }

    fileprivate static func refused(_ refusal: TimerRefusal, _ id: String) -> Self {
        switch refusal {
        case .tooMany:
            .problem(429, "too_many_timers", "There are as many timers as there may be.")
        case .exists: .problem(409, "timer_exists", "There is a timer \"\(id)\" already.")
        case .timezone(let sentence): .faulty("/timezone", sentence)
        case .never: .faulty("/cron", "never comes: no month has such a day")
        }
    }

    fileprivate static func faulty(_ pointer: String, _ message: String) -> Self {
        var answer = problem(422, "bad_parameters", message)
        answer.fault = (pointer, message)
        return answer
    }
}

extension Exchange {
    fileprivate func respond(_ answer: GatewayLoop.TimerAnswer) {
        if answer.status == 204 {
            respond(204)
        } else if let fault = answer.fault {
            respondFailure(.badParameters([fault]))
        } else if answer.json.isEmpty {
            if answer.status == 429 { extraFields.append("Retry-After: 10\r\n") }
            if answer.status == 503 { extraFields.append("Retry-After: 2\r\n") }
            respondProblem(answer.status, answer.code, answer.detail)
        } else {
            if let location = answer.location {
                extraFields.append("Location: ")
                extraFields.append(text: location)
                extraFields.append("\r\n")
            }
            answer.json.withUnsafeBytes { respond(answer.status, type: "application/json", $0) }
        }
    }
}

extension TimerEntry {
    fileprivate func answer(
        _ status: Int, _ book: TimerBook, preview: Int = 0
    ) -> GatewayLoop.TimerAnswer {
        GatewayLoop.TimerAnswer(
            status: status, json: JSONBytes.make { write(&$0, book, preview: preview) })
    }
}
