// ReactionActions: what reactions do.

internal import Bytes
internal import JSON
internal import Logging
internal import Notifier

extension GatewayLoop {
    /// Lets the reactions of the configuration hear every event.
    func beginReactions(_ control: Control) {
        control.reactions.perform = { [unowned self] entry, event, done in
            perform(entry, event, done)
        }
        control.reactions.onCut = { [unowned self] entry, event in
            let name = entry.settings.name
            log(.warning, "reaction \(name) is part of a loop, which was cut at \(event.name.text)")
            emitOwn("signalbox.reaction.cut") { json in
                json.key("reaction")
                json.string(name)
                json.key("signal")
                json.string(event.name.bytes)
            }
        }
    }

    private func perform(
        _ entry: ReactionEntry, _ event: SignalEvent, _ done: @escaping (Bool) -> Void
    ) {
        let depth = event.depth + 1
        switch entry.settings.action {
        case .emit(let signal, let data):
            emit(Payload(Array(signal.utf8)), data.map { Payload($0) } ?? event.data, depth: depth)
            done(true)
        case .call(let module, let command, let params, let result):
            callByName(module, command, params ?? Array(event.data.bytes)) { [unowned self] in
                react(entry, $0, result, depth, done)
            }
        }
    }

    private func react(
        _ entry: ReactionEntry, _ outcome: CallOutcome, _ result: String?, _ depth: Int,
        _ done: (Bool) -> Void
    ) {
        switch outcome {
        case .result(let json):
            // A signal is one line; a module may have written several.
            var line = ByteBuffer()
            let depthLimit = facts.settings.limits.jsonDepth
            if let result,
                (try? JSONScanner.compact(json, into: &line, maxDepth: depthLimit)) != nil
            {
                emit(Payload(Array(result.utf8)), Payload(line.readable), depth: depth)
            }
            done(true)
        case .failure(let error):
            log(.warning, "reaction \(entry.settings.name) failed: \(error.detail)")
            done(false)
        }
    }
}
