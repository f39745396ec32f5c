// ReactionRoutes: what the reactions of the configuration are doing, over HTTP.

internal import HTTP
internal import JSON

extension GatewayLoop {
    func listReactions(_ exchange: Exchange) {
        answerList(exchange, "reactions") {
            $0.reactions.entries
        } write: { entry, json in
            entry.write(&json)
        }
    }

    func showReaction(_ exchange: Exchange, _ match: RouteMatch) {
        let name = String(decoding: capture(0, match, exchange), as: UTF8.self)
        answerOne(exchange, missing: ("unknown_reaction", "There is no reaction \"\(name)\".")) {
            $0.reactions.entries.first { $0.settings.name == name }
        } write: { entry, json in
            entry.write(&json)
        }
    }
}

extension ReactionEntry {
    /// Writes the reaction as the API shows it.
    fileprivate func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.key("name")
        json.string(settings.name)
        json.key("on")
        json.string(settings.signal)
        settings.action.write(&json)
        json.key("overlap")
        json.string(settings.overlap.rawValue)
        json.key("running")
        json.int(running)
        json.key("waiting")
        json.int(waitingCount)
        json.key("runs")
        json.int(Int(clamping: counts.runs))
        json.key("failures")
        json.int(Int(clamping: counts.failures))
        json.dropped(counts.dropped)
        if program != nil { writeExits(&json) }
        json.key("last_run")
        json.moment(lastWallNanos)
        json.key("last_failure")
        if let lastFailure {
            json.beginObject()
            json.key("time")
            json.moment(lastFailure.wallNanos)
            json.key("reason")
            json.string(lastFailure.reason)
            json.endObject()
        } else {
            json.null()
        }
        json.endObject()
    }

    private func writeExits(_ json: inout JSONWriter) {
        json.key("exits")
        json.beginObject()
        for (name, count) in counts.endings {
            json.key(name)
            json.int(Int(clamping: count))
        }
        json.endObject()
    }
}

extension ReactionCounts {
    /// What was left out, by reason.
    var dropped: [(reason: StaticString, count: UInt64)] {
        [("rate", overRate), ("overlap", overlapped), ("loop", cut)]
    }

    /// How its program has ended, in order, by the name of that.
    var endings: [(name: String, count: UInt64)] {
        exits.sorted { $0.key < $1.key }.map { (Self.name(ofExit: $0.key), $0.value) }
    }
}

extension Settings.Reaction.Action {
    /// Writes what it does; of a program only which, as its arguments may be nobody's business.
    fileprivate func write(_ json: inout JSONWriter) {
        let result: String?
        switch self {
        case .emit(let signal, _):
            json.key("emit")
            json.string(signal)
            result = nil
        case .call(let module, let command, _, let name):
            json.key("call")
            json.string("\(module).\(command)")
            result = name
        case .exec(let program):
            json.key("exec")
            json.string(program.run.exec.first ?? "")
            result = program.result
        }
        guard let result else { return }
        json.key("result")
        json.string(result)
    }
}
