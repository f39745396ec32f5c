// TimerActions: what timers do when they fire, and what the gateway tells of them.

internal import Bytes
internal import JSON
internal import Notifier

extension GatewayLoop {
    /// Does what `entry` is for.
    func perform(_ entry: TimerEntry, _ done: @escaping (TimerResult) -> Void) {
        switch entry.plan.action {
        case .emit(let signal, let data):
            emit(Payload(Array(signal.utf8)), Payload(data))
            done(.done("emitted"))
        case .call(let module, let command, let params):
            callByName(module, command, params) { outcome in
                switch outcome {
                case .result: done(.done("ok"))
                case .failure(let error): done(.failed(error.detail))
                }
            }
        }
    }

    /// Why a timer that is to call `command` of `module` is not taken; nil if it is.
    ///
    /// A module that has not said yet what it has is trusted.
    func fault(ofCall module: String, _ command: String) -> (pointer: String, message: String)? {
        guard let index = findModule(module) else {
            return ("/call/module", "there is no module \"\(module)\"")
        }
        let isKnown = Array(command.utf8).withUnsafeBytes {
            modules.findCommand($0, in: index) != nil || modules.mayTake($0, index)
        }
        guard !isKnown else { return nil }
        return ("/call/command", "module \"\(module)\" has no command \"\(command)\"")
    }

    private func findModule(_ name: String) -> Int? {
        Array(name.utf8).withUnsafeBytes { modules.find($0) }
    }

    /// Calls a command for the gateway itself: for a timer or a reaction.
    func callByName(
        _ module: String, _ command: String, _ params: [UInt8],
        _ done: @escaping (CallOutcome) -> Void
    ) {
        Array("\(module).\(command)".utf8).withUnsafeBytes { method in
            guard let found = findMethod(method) else {
                done(
                    .failure(
                        findModule(module) == nil
                            ? .unknownModule(module)
                            : .unknownCommand(module: module, command: command)))
                return
            }
            let terms = CallTerms(limit: timeLimit(found.command))
            params.withUnsafeBytes { params in
                _ = startCall(found, params, terms, done)
            }
        }
    }

    /// Tells everyone what has happened to a timer.
    func tell(_ entry: TimerEntry, _ news: TimerNews) {
        let id = entry.id
        switch news {
        case .fired(let run):
            emitOwn("signalbox.timer.fired") { json in
                json.key("id")
                json.string(id)
                json.key("run")
                json.int(run)
            }
        case .missed(let count, let reason):
            emitOwn("signalbox.timer.missed") { json in
                json.key("id")
                json.string(id)
                json.key("count")
                json.int(count)
                json.key("reason")
                json.string(reason.rawValue)
            }
        case .finished(let run, .failed(let reason)):
            emitOwn("signalbox.timer.failed") { json in
                json.key("id")
                json.string(id)
                json.key("run")
                json.int(run)
                json.key("result")
                json.string(reason)
            }
        case .finished, .changed, .removed: break
        }
    }
}
