// SettingsDecoder+Timers: the map of timers. Cron expressions are read by the timers' own reader, and
// whether this system knows a time zone is asked when the gateway starts.

import Bytes

extension SettingsDecoder {
    /// Decodes `timers`; a call must lead to one of `modules`.
    func timers(_ top: SettingsObject, modules: [Settings.Module]) -> [Settings.Timer] {
        top.objects("timers").compactMap { name, object in
            if let problem = SettingNames.problem(ofName: name) { object.fault(nil, problem) }
            let schedule = schedule(object)
            let action = action(object, modules: modules)
            let overlap = object.choice("overlap", of: Settings.Timer.Overlap.self)
            let jitter = object.duration("jitter", in: .zero ... .seconds(86_400))
            let maxRuns = object.integer("max_runs", in: 1...Int.max)
            object.finish()
            guard let schedule, let action else { return nil }
            var timer = Settings.Timer(name: name, schedule: schedule, action: action)
            timer.overlap = overlap ?? timer.overlap
            timer.jitter = jitter ?? timer.jitter
            timer.maxRuns = maxRuns
            if let fault = TimerPlan(timer)?.jitterFault { object.fault("jitter", fault) }
            return timer
        }
    }

    private func schedule(_ object: SettingsObject) -> Settings.Timer.Schedule? {
        let after = object.duration("after", in: .zero...Self.longest)
        // Faster grids are busy loops; a module that needs them has its own clock.
        let every = object.duration("every", in: .milliseconds(10)...Self.longest)
        let moment = object.text("at")
        let cron = object.text("cron")
        let timezone = object.text("timezone")
        guard let key = object.exactlyOne(of: ["after", "every", "at", "cron"], "when it fires")
        else { return nil }
        if timezone != nil, key != "cron" {
            object.fault("timezone", "only cron timers have a time zone", advice: "remove it")
        }
        if let timezone, !TimeZoneStore.isName(timezone) {
            object.fault(
                "timezone", "\(SettingsObject.shown(timezone)) is no name of a time zone",
                advice: "write one such as \"Europe/Berlin\" or \"UTC\"")
        }
        if let moment, !Self.isMoment(moment) {
            object.fault(
                "at", "\(SettingsObject.shown(moment)) is no moment of RFC 3339",
                advice: "write \"2030-12-01T08:00:00Z\" or with an offset such as +01:00")
            return nil
        }
        if let moment, Timestamp.parse(moment) == nil {
            object.fault("at", "\(SettingsObject.shown(moment)) is not from 1970 to 2200")
            return nil
        }
        if let cron {
            do throws(CronExpression.Fault) {
                let expression = try CronExpression(cron)
                guard expression.next(after: 0, in: .utc) != nil else {
                    throw CronExpression.Fault(problem: "no month has such a day")
                }
            } catch {
                object.fault(
                    "cron",
                    "\(SettingsObject.shown(cron)) is no cron expression: \(error.problem)",
                    advice: "write five fields, e.g. \"*/5 * * * *\", or a name such as \"@hourly\""
                )
                return nil
            }
        }
        return after.map { .after($0) } ?? every.map { .every($0) } ?? moment.map { .at($0) }
            ?? cron.map { .cron($0, timezone: timezone) }
    }

    /// What a timer or a reaction does: `emit` or `call`, or nil if it is `other`.
    func action(
        _ object: SettingsObject, modules: [Settings.Module], or other: String? = nil
    ) -> Settings.Timer.Action? {
        let emit = object.optionalObject("emit").flatMap(emission)
        let call = object.optionalObject("call").flatMap { self.call($0, modules: modules) }
        let keys = ["emit", "call"] + (other.map { [$0] } ?? [])
        guard object.exactlyOne(of: keys, "what it does") != nil else { return nil }
        return emit ?? call
    }

    private func emission(_ object: SettingsObject) -> Settings.Timer.Action? {
        let signal = object.text("signal")
        let data = object.json("data") ?? [UInt8]("null".utf8)
        object.finish()
        guard let signal else {
            if !object.has("signal") {
                object.fault(nil, "signal is missing", advice: "add signal: \"NAME\"")
            }
            return nil
        }
        if let problem = SettingNames.problem(ofSignal: signal) {
            object.fault("signal", problem)
            return nil
        }
        return .emit(signal: signal, data: data)
    }

    private func call(
        _ object: SettingsObject, modules: [Settings.Module]
    ) -> Settings.Timer.Action? {
        let module = object.text("module")
        let command = object.text("command")
        let params = object.json("params") ?? [UInt8]("{}".utf8)
        object.finish()
        guard let module, let command else {
            for key in ["module", "command"] where !object.has(key) {
                object.fault(nil, "\(key) is missing", advice: "add \(key): \"NAME\"")
            }
            return nil
        }
        guard let target = modules.first(where: { $0.name == module }) else {
            object.fault(
                "module", "there is no module \(SettingsObject.shown(module))",
                advice: SettingsSuggestion.advice(for: module, among: modules.map(\.name)))
            return nil
        }
        let names = target.commands.map(\.name)
        guard names.isEmpty || names.contains(command) else {
            object.fault(
                "command", "module \(module) has no command \(SettingsObject.shown(command))",
                advice: SettingsSuggestion.advice(for: command, among: names))
            return nil
        }
        return .call(module: module, command: command, params: params)
    }
}

// MARK: - Texts

extension SettingsDecoder {
    /// Whether `text` is a date-time of RFC 3339 §5.6 that exists in the calendar.
    static func isMoment(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        let shape = Array("0000-00-00T00:00:00".utf8)
        guard bytes.count > shape.count, bytes.count <= 35 else { return false }
        for (byte, mark) in zip(bytes, shape) {
            switch mark {
            case UInt8(ascii: "0"): guard ASCII.isDigit(byte) else { return false }
            case UInt8(ascii: "T"): guard byte == 84 || byte == 116 else { return false }
            default: guard byte == mark else { return false }
            }
        }
        func number(_ range: Range<Int>) -> Int {
            bytes[range].reduce(0) { $0 * 10 + Int($1 &- 48) }
        }
        let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...12).contains(month), (1...lengths[month - 1]).contains(day),
            number(11..<13) < 24, number(14..<16) < 60, number(17..<19) < 61
        else { return false }
        return isZone(bytes[shape.count...])
    }

    private static func isZone(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { ASCII.isDigit($0) }
            guard !digits.isEmpty else { return false }
            rest = rest.dropFirst(1 + digits.count)
        }
        if rest.count == 1 { return rest.first.map { $0 | 0x20 } == UInt8(ascii: "z") }
        let zone = Array(rest)
        guard zone.count == 6, zone[0] == UInt8(ascii: "+") || zone[0] == UInt8(ascii: "-"),
            zone[3] == UInt8(ascii: ":"), [1, 2, 4, 5].allSatisfy({ zone[$0] &- 48 < 10 })
        else { return false }
        let hours = Int(zone[1] &- 48) * 10 + Int(zone[2] &- 48)
        return hours < 24 && zone[4] &- 48 < 6
    }
}
