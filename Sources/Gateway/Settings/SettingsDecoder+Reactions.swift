// SettingsDecoder+Reactions: the map of reactions. A call must lead to a module that there is.

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
            let rate = object.integer("rate", in: 1...100_000)
            object.finish()
            guard let signal, let action else { return nil }
            var reaction = Settings.Reaction(name: name, signal: signal, action: action)
            reaction.overlap = overlap ?? reaction.overlap
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
        switch action(object, modules: modules) {
        case nil: return nil
        case .emit(let signal, let data):
            if result != nil {
                object.fault("result", "only a call has a result", advice: "remove it")
            }
            return .emit(signal: signal, data: hasData ? data : nil)
        case .call(let module, let command, let params):
            return .call(
                module: module, command: command, params: hasParams ? params : nil, result: result)
        }
    }

    private func hasMember(_ object: SettingsObject, _ key: String, _ member: String) -> Bool {
        guard case .object(let members)? = object.stored(key) else { return false }
        return members[member] != nil
    }
}
