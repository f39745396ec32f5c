// ReactionActions: what reactions do.

internal import Bytes
internal import JSON
internal import Logging
internal import Notifier

extension GatewayLoop {
    /// Lets the reactions of the configuration hear every event.
    func beginReactions(_ control: Control) {
        buildPrograms(control)
        control.reactions.perform = { [unowned self] entry, event, done in
            perform(entry, event, done)
        }
        control.reactions.onLoss = { [unowned self] entry, loss, count, isFirst in
            log(.warning, loss.sentence(count, isFirst: isFirst, entry.settings))
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
        _ entry: ReactionEntry, _ event: SignalEvent, _ done: @escaping (String?) -> Void
    ) {
        let depth = event.depth + 1
        switch entry.settings.action {
        case .emit(let signal, let data):
            emit(Payload(Array(signal.utf8)), data.map { Payload($0) } ?? event.data, depth: depth)
            done(nil)
        case .call(let module, let command, let params, let result):
            callByName(module, command, params ?? Array(event.data.bytes)) { [unowned self] in
                react(entry, $0, result, depth, done)
            }
        case .exec(let program):
            run(program, entry, event) { [unowned self] outcome in
                if let status = outcome.exitStatus {
                    entry.countExit(status)
                    let end = ReactionCounts.name(ofExit: status)
                    log(.debug, "reaction \(entry.settings.name): its program ended with \(end)")
                }
                react(entry, outcome, program.result, depth, done)
            }
        }
    }

    private func react(
        _ entry: ReactionEntry, _ outcome: CallOutcome, _ result: String?, _ depth: Int,
        _ done: (String?) -> Void
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
            done(nil)
        case .failure(let error):
            let reason = entry.program == nil ? error.detail : error.sentenceOfProgram
            log(.warning, "reaction \(entry.settings.name) failed: \(reason)")
            done(reason)
        }
    }

    // MARK: Programs

    /// Makes what runs the program of each reaction that has one: the same that runs those of
    /// modules with exec.
    private func buildPrograms(_ control: Control) {
        for entry in control.reactions.entries {
            guard case .exec(let program) = entry.settings.action else { continue }
            var settings = program.run
            // The table lets no more begin; one that was given up may still be ending, and its
            // successor waits for it.
            settings.child.callsInFlight =
                entry.settings.overlap == .parallel ? entry.settings.inFlight : 1
            settings.child.queueTimeout = limit(of: program)
            let name = entry.settings.name
            entry.program = ExecModule(
                ModuleFacts(name: name, kind: "exec", state: .ready, commands: []), settings, [],
                ModuleSurroundings(
                    loop: loop, publish: { _ in },
                    emit: { [unowned self] signal, data in emit(signal, data) },
                    log: { [unowned self] _, message in log(.info, "reaction \(name): \(message)") }
                ))
        }
    }

    private func limit(of program: Settings.Reaction.Program) -> Duration {
        program.timeout ?? facts.settings.limits.callTimeout
    }

    /// Runs the program of a reaction, with the event as a CloudEvent on its standard input.
    private func run(
        _ program: Settings.Reaction.Program, _ entry: ReactionEntry, _ event: SignalEvent,
        _ completion: @escaping (CallOutcome) -> Void
    ) {
        let ticket = CallTicket(completion)
        var line = ByteBuffer()
        encoder.append(event, .lines, to: &line)
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        entry.program?.call(
            ModuleCall(command: none, params: line.readable, context: none), ticket)
        guard ticket.isOpen else { return }
        let limit = limit(of: program)
        let timer = loop.addTimer(after: limit) {
            ticket.giveUp(
                .timedOut(module: entry.settings.name, limit: limit), isOverdue: true)
        }
        ticket.onConclusion { [loop] in loop.removeTimer(timer) }
    }
}

extension ReactionLoss {
    /// What the log says of `count` such events; `isFirst` if nothing was said of it for some time.
    func sentence(_ count: Int, isFirst: Bool, _ reaction: Settings.Reaction) -> String {
        let events = "\(count)\(isFirst ? "" : " more") event\(count == 1 ? "" : "s")"
        return "reaction \(reaction.name) left out \(events): \(reason(reaction))"
    }

    private func reason(_ reaction: Settings.Reaction) -> String {
        let place = "reactions.\(reaction.name)"
        switch self {
        case .overRate: return "more than \(reaction.rate) a second came (\(place).rate)"
        case .overlapped where reaction.overlap == .parallel:
            return "\(reaction.inFlight) run already (\(place).in_flight)"
        case .overlapped:
            return "\(ReactionTable.waitLimit) wait already; with overlap \"parallel\" several may "
                + "run at once (\(place).overlap)"
        }
    }
}

extension CallOutcome {
    /// How a program has ended, as `ReactionCounts.exits` counts it; nil if it was not its end.
    fileprivate var exitStatus: Int? {
        switch self {
        case .result: 0
        case .failure(.runFailed(_, let end, _)), .failure(.exited(_, let end)):
            end.signal.map { -$0 } ?? end.exitCode
        case .failure: nil
        }
    }
}

extension ModuleError {
    /// What happened, of a program that belongs to no module.
    fileprivate var sentenceOfProgram: String {
        switch self {
        case .runFailed(_, let end, _), .exited(_, let end):
            return "its program \(end.sentence)" + (end.lastLines.last.map { ": \($0)" } ?? "")
        case .timedOut(_, let limit):
            return "its program took longer than \(SettingUnits.text(limit)) and was ended for it"
        case .nonsense(_, let reason): return "of its program: \(reason)"
        case .notStarted(_, let reason): return "its program could not be started: \(reason)"
        case .overloaded: return "its program did not get its turn"
        default: return detail
        }
    }
}
