// TimerRequest: from the JSON of `POST /v1/timers` to a plan, with every fault named.

internal import Bytes
internal import JSON

/// A timer that somebody asks for.
struct TimerRequest {
    /// What is wrong with a request.
    struct Fault: Error {
        let faults: [(pointer: String, message: String)]
        /// It is sound, but for a signal that only the gateway emits.
        var isForbidden = false
    }

    /// The id it asks for, if any.
    let id: String?
    /// When it fires and what it does.
    let plan: TimerPlan

    private static let members: Set<String> = [
        "id", "after", "every", "at", "cron", "timezone", "emit", "call", "overlap", "jitter",
        "max_runs",
    ]

    /// Reads the request `value`.
    init(_ value: JSONValue) throws(Fault) {
        var reader = Reader()
        guard let object = value.object else {
            throw Fault(faults: [(pointer: "", message: "must be an object")])
        }
        reader.checkMembers(of: object, Self.members)
        id = reader.identifier(object)
        let schedule = reader.schedule(object)
        let action = reader.action(object)
        var plan = TimerPlan(
            schedule: schedule ?? .after(.zero), action: action ?? .emit(signal: "", data: []))
        if let overlap = object["overlap"] {
            if let choice = overlap.string.flatMap(Settings.Timer.Overlap.init(rawValue:)) {
                plan.overlap = choice
            } else {
                reader.fault("overlap", "must be \"skip\", \"queue\" or \"parallel\"")
            }
        }
        if let jitter = object["jitter"] {
            plan.jitter = reader.duration("jitter", jitter) ?? .zero
            if schedule != nil, let fault = plan.jitterFault { reader.fault("jitter", fault) }
        }
        if let runs = object["max_runs"] {
            if let count = runs.int, count > 0 {
                plan.maxRuns = count
            } else {
                reader.fault("max_runs", "must be a positive integer")
            }
        }
        guard reader.faults.isEmpty else {
            throw Fault(
                faults: reader.faults,
                isForbidden: reader.faults.count == 1 && reader.asksForReserved)
        }
        self.plan = plan
    }

    private struct Reader {
        var faults: [(pointer: String, message: String)] = []
        var asksForReserved = false

        mutating func fault(_ member: String, _ message: String) {
            faults.append((pointer: "/\(member)", message: message))
        }

        /// Notes the members of `object`, which stands at `place`, that are not among `known`.
        mutating func checkMembers(
            of object: JSONObject, _ known: Set<String>, at place: String = ""
        ) {
            for member in object.members where !known.contains(member.key) {
                let advice = SettingsSuggestion.advice(for: member.key, among: known.sorted())
                let name = JSONPointer.escaped(member.key)
                fault(place + name, "is not known here" + (advice.map { "; \($0)" } ?? ""))
            }
        }

        mutating func identifier(_ object: JSONObject) -> String? {
            guard let value = object["id"] else { return nil }
            guard let text = value.string, CommandName.isValid(text) else {
                fault("id", "must be 1 to 128 letters, digits, - and _")
                return nil
            }
            return text
        }

        mutating func duration(
            _ member: String, _ value: JSONValue, _ longest: Duration = TimerBook.longestDelay
        ) -> Duration? {
            guard let text = value.string, let duration = SettingUnits.duration(text) else {
                fault(member, "must be a duration such as \"10s\", \"250ms\" or \"1h\"")
                return nil
            }
            guard duration <= longest else {
                fault(member, "must be at most \(SettingUnits.text(longest))")
                return nil
            }
            return duration
        }

        mutating func schedule(_ object: JSONObject) -> TimerPlan.Schedule? {
            let kinds = ["after", "every", "at", "cron"].filter { object[$0] != nil }
            guard kinds.count == 1, let kind = kinds.first, let value = object[kind] else {
                fault(kinds.first ?? "every", "give exactly one of after, every, at, cron")
                return nil
            }
            if kind != "cron", object["timezone"] != nil {
                fault("timezone", "belongs to cron timers only")
            }
            switch kind {
            case "at":
                guard let text = value.string, let nanos = Timestamp.parse(text) else {
                    fault(
                        "at",
                        "must be a moment such as \"2026-12-01T08:00:00Z\", from 1970 to 2200")
                    return nil
                }
                return .at(nanos)
            case "after": return duration("after", value).map { .after($0) }
            case "cron": return cron(value, object["timezone"])
            default:
                guard let interval = duration("every", value) else { return nil }
                guard interval >= TimerBook.shortestInterval else {
                    let shortest = SettingUnits.text(TimerBook.shortestInterval)
                    fault("every", "must be at least \(shortest)")
                    return nil
                }
                return .every(interval)
            }
        }

        private mutating func cron(
            _ value: JSONValue, _ timezone: JSONValue?
        ) -> TimerPlan.Schedule? {
            if let timezone, timezone.string.map(TimeZoneStore.isName) != true {
                fault("timezone", "must be the name of a time zone such as \"Europe/Berlin\"")
                return nil
            }
            guard let text = value.string else {
                fault("cron", "must be five fields such as \"*/5 * * * *\", or a name as @daily")
                return nil
            }
            do throws(CronExpression.Fault) {
                let expression = try CronExpression(text)
                return .cron(
                    .init(text: text, expression: expression, timezone: timezone?.string))
            } catch {
                fault("cron", error.problem)
                return nil
            }
        }

        mutating func action(_ object: JSONObject) -> TimerPlan.Action? {
            switch (object["emit"], object["call"]) {
            case (let emit?, nil): return emission(emit)
            case (nil, let call?): return self.call(call)
            case (nil, nil), (.some, .some):
                fault("emit", "give exactly one of emit, call")
                return nil
            }
        }

        private mutating func emission(_ emit: JSONValue) -> TimerPlan.Action? {
            guard let object = emit.object else {
                fault("emit", "must be an object such as {\"signal\":\"demo.tick\",\"data\":null}")
                return nil
            }
            checkMembers(of: object, ["signal", "data"], at: "emit/")
            guard var name = object["signal"]?.string else {
                fault("emit/signal", "must be the name of a signal, such as \"demo.tick\"")
                return nil
            }
            let problem = name.withUTF8 { SignalName.fault(of: UnsafeRawBufferPointer($0)) }
            if let problem {
                fault("emit/signal", problem.detail)
                asksForReserved = problem == .reserved
                return nil
            }
            return .emit(signal: name, data: bytes(object["data"] ?? .null))
        }

        private mutating func call(_ call: JSONValue) -> TimerPlan.Action? {
            guard let object = call.object, let module = object["module"]?.string,
                CommandName.isValid(module), let command = object["command"]?.string,
                CommandName.isValid(command)
            else {
                fault("call", "needs the names of a module and of its command")
                return nil
            }
            checkMembers(of: object, ["module", "command", "params"], at: "call/")
            return .call(
                module: module, command: command, params: bytes(object["params"] ?? [:]))
        }

        private func bytes(_ value: JSONValue) -> [UInt8] {
            var out = ByteBuffer()
            value.write(into: &out)
            return out.array()
        }
    }
}
