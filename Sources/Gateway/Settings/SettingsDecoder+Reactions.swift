// SettingsDecoder+Reactions: the map of reactions. A call must lead to a module that there is; a
// program is described as that of a module with exec.

extension SettingsDecoder {
    /// Decodes `reactions`; a call must lead to one of `modules`.
    func reactions(
        _ top: SettingsObject, modules: [Settings.Module]
    ) -> [Settings.Reaction] {
        top.objects("reactions").compactMap { name, object in
            if let problem = SettingNames.problem(ofName: name) { object.fault(nil, problem) }
            let on = object.object("on")
            let signal = on.text("signal")
            if let signal {
                if SignalPattern(signal) == nil {
                    on.fault(
                        "signal", "\(SettingsObject.shown(signal)) is no signal pattern",
                        advice: "write a.b, a.* or a.**")
                }
            } else if !on.has("signal") {
                object.fault(
                    "on", "nothing says which signal", advice: "add on: { signal: \"NAME\" }")
            }
            on.finish()
            let action = reactionAction(object, modules: modules)
            let overlap = object.choice("overlap", of: Settings.Timer.Overlap.self)
            let inFlight = object.integer("in_flight", in: 1...1_000)
            if inFlight != nil, overlap != .parallel {
                object.fault(
                    "in_flight", "one runs at a time", advice: "add overlap: \"parallel\"")
            }
            let rate = object.integer("rate", in: 1...100_000)
            object.finish()
            guard let signal, let action else { return nil }
            var reaction = Settings.Reaction(name: name, signal: signal, action: action)
            reaction.overlap = overlap ?? reaction.overlap
            reaction.inFlight = inFlight ?? reaction.inFlight
            reaction.rate = rate ?? reaction.rate
            return reaction
        }
    }

    private func reactionAction(
        _ object: SettingsObject, modules: [Settings.Module]
    ) -> Settings.Reaction.Action? {
        let result = object.text("result")
        if let result, let problem = SettingNames.problem(ofSignal: result) {
            object.fault("result", problem)
        }
        let hasData = hasMember(object, "emit", "data")
        let hasParams = hasMember(object, "call", "params")
        let program = program(object, result)
        switch action(object, modules: modules, or: "exec") {
        case nil: return program.map { .exec($0) }
        case .emit(let signal, let data):
            if result != nil {
                object.fault(
                    "result", "what is emitted has no result", advice: "remove it")
            }
            return .emit(signal: signal, data: hasData ? data : nil)
        case .call(let module, let command, let params):
            return .call(
                module: module, command: command, params: hasParams ? params : nil, result: result)
        }
    }

    /// Decodes `exec` and the keys that go with it.
    private func program(
        _ object: SettingsObject, _ result: String?
    ) -> Settings.Reaction.Program? {
        // Known to all kinds, so that a mistyped key finds its neighbour.
        guard object.value("exec") != nil, let arguments = arguments(object, "exec") else {
            return nil
        }
        for argument in arguments.dropFirst() {
            guard let name = ExecArguments.name(in: argument), !Self.eventMembers.contains(name)
            else { continue }
            object.fault(
                "exec", "no event has \(argument) for an argument",
                advice: "there are {id}, {source}, {time} and {type}; the rest is on its stdin")
        }
        var run = Settings.ExecModule(exec: arguments, directory: reading.folder)
        run.child = child(object)
        let output = object.choice("output", of: Settings.ExecModule.Output.self)
        if output != nil, result == nil {
            object.fault(
                "output", "nobody gets the output", advice: "add result: \"SIGNAL\"")
        }
        // What nobody gets need not be JSON.
        run.output = result == nil ? .text : output ?? run.output
        run.outputSize = object.size("output_size", in: 1...1 << 30) ?? run.outputSize
        var program = Settings.Reaction.Program(run: run)
        program.timeout = object.duration("timeout", in: .milliseconds(1)...Self.longest)
        program.result = result
        return program
    }

    /// The members of an event (CloudEvents 1.0 §3) that can be arguments.
    private static let eventMembers: Set<String> = ["id", "source", "time", "type"]

    private func hasMember(_ object: SettingsObject, _ key: String, _ member: String) -> Bool {
        guard case .object(let members)? = object.stored(key) else { return false }
        return members[member] != nil
    }
}
