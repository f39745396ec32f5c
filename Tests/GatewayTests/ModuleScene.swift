// A module on a loop of its own, with a child whose behaviour is a few lines of Python: the stage of
// the tests of StdioModule and SessionModule.

import Bytes
import Notifier

@testable import Gateway

/// A module with a child whose behaviour is a few lines of Python.
///
/// Confined to one test.
final class Scene {
    let loop: EventLoop
    let backend: any ModuleBackend
    private(set) var states: [ModuleState] = []
    private(set) var signals: [(String, String)] = []
    private(set) var log: [String] = []
    private(set) var facts: ModuleFacts

    /// `script` sees `send(object)`, `lines` and `sys`, `json`, `os`.
    init(
        _ script: String, commands: [String] = ["any"], described: [Settings.Command] = [],
        _ adjust: (inout Settings.ProcessModule) -> Void = { _ in }
    ) throws {
        let prelude = """
            import sys, json, os, time
            def send(o): sys.stdout.write(json.dumps(o) + "\\n"); sys.stdout.flush()
            lines = (json.loads(l) for l in sys.stdin)
            """
        var settings = Settings.ProcessModule(
            command: ["python3", "-c", prelude + "\n" + script], directory: "/tmp")
        settings.child.inheritedEnvironment = ["PATH"]
        settings.restart.delay = .milliseconds(1)
        settings.child.stopTimeout = .milliseconds(200)
        adjust(&settings)
        let facts = ModuleFacts(
            name: "m", kind: "process", state: .stopped,
            commands: commands.map { CommandFacts(name: $0, isSafe: false) })
        self.facts = facts
        let loop = try EventLoop()
        self.loop = loop
        var keep: ((ModuleFacts) -> Void)?
        var emitted: ((Payload, Payload) -> Void)?
        var wrote: ((String) -> Void)?
        let around = ModuleSurroundings(
            loop: loop, publish: { keep?($0) }, emit: { emitted?($0, $1) },
            log: { wrote?("\($0): \($1)") })
        if case .perSession(let bounds) = settings.sharing {
            backend = SessionModule(
                facts, settings, bounds, signals: ["m.**"], commands: described, around)
        } else {
            backend = StdioModule(facts, settings, signals: ["m.**"], commands: described, around)
        }
        keep = { [weak self] facts in
            self?.facts = facts
            self?.states.append(facts.state)
        }
        emitted = { [weak self] name, data in
            guard let self else { return }
            signals.append((text(name), text(data)))
        }
        wrote = { [weak self] in self?.log.append($0) }
    }

    /// The back end of a module that is not one for each session.
    var module: StdioModule {
        guard let module = backend as? StdioModule else { fatalError("a module per session") }
        return module
    }

    deinit {
        var isStopped = false
        backend.stop { isStopped = true }
        loop.run(until: { isStopped }, limit: .seconds(10))
    }

    private func text(_ payload: Payload) -> String {
        String(decoding: payload.bytes, as: UTF8.self)
    }

    /// Starts a call; its outcome goes to the returned box.
    func start(
        _ command: String = "any", _ params: String = "{}", session: String = ""
    ) -> Outcome {
        let outcome = Outcome()
        let observer = CallObserver(
            progress: { value, _ in outcome.progress.append(String(decoding: value, as: UTF8.self))
            },
            output: { outcome.output.append(String(decoding: $0, as: UTF8.self)) })
        let ticket = CallTicket(observer: observer) { outcome.take($0) }
        outcome.ticket = ticket
        Array(command.utf8).withUnsafeBytes { name in
            Array(params.utf8).withUnsafeBytes { bytes in
                Array(session.utf8).withUnsafeBytes { session in
                    backend.call(
                        ModuleCall(
                            command: name, params: bytes,
                            context: UnsafeRawBufferPointer(start: nil, count: 0),
                            session: session), ticket)
                }
            }
        }
        return outcome
    }

    /// Calls and waits.
    func call(
        _ command: String = "any", _ params: String = "{}", session: String = ""
    ) -> Outcome {
        let outcome = start(command, params, session: session)
        wait { outcome.isDone }
        return outcome
    }

    @discardableResult
    func wait(_ condition: () -> Bool) -> Bool {
        loop.run(until: condition, limit: .seconds(20))
    }
}

/// What came of a call.
///
/// Confined to one test.
final class Outcome {
    var ticket: CallTicket?
    var progress: [String] = []
    var output: [String] = []
    private(set) var result: String?
    private(set) var error: ModuleError?
    var isDone: Bool { result != nil || error != nil }

    func take(_ outcome: CallOutcome) {
        switch outcome {
        case .result(let bytes): result = String(decoding: bytes, as: UTF8.self)
        case .failure(let failure): error = failure
        }
    }
}
