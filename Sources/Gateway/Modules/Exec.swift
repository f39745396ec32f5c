// Exec: a program run once for each call. Its arguments are given as they are, never to a shell;
// `{name}` as a whole argument stands for a parameter. The parameters also come on stdin, as JSON.

internal import Bytes
internal import JSON
internal import Notifier

/// The back end of a module that runs a program per call.
///
/// Loop-confined.
final class ExecModule: ModuleBackend {
    private let name: String
    private let settings: Settings.ExecModule
    private let commands: [String: [String]]
    private let surroundings: ModuleSurroundings
    private var loop: EventLoop { surroundings.loop }
    private var running: [ObjectIdentifier: ExecRun] = [:]
    private var waiting: [(run: ExecRun, expiry: TimerToken)] = []
    private var isStopping = false
    private var onStopped: (() -> Void)?

    init(
        _ facts: ModuleFacts, _ settings: Settings.ExecModule, _ commands: [Settings.Command],
        _ surroundings: ModuleSurroundings
    ) {
        name = facts.name
        self.settings = settings
        self.commands = Dictionary(
            commands.compactMap { command in command.exec.map { (command.name, $0) } },
            uniquingKeysWith: { first, _ in first })
        self.surroundings = surroundings
    }

    func call(_ call: ModuleCall, _ ticket: CallTicket) {
        guard !isStopping else {
            ticket.fail(.draining)
            return
        }
        let command = String(decoding: call.command, as: UTF8.self)
        let arguments: [String]
        do throws(ExecArguments.Fault) {
            arguments = try ExecArguments.fill(
                commands[command] ?? settings.exec, from: call.params)
        } catch {
            ticket.fail(.badParameters([(pointer: error.pointer, message: error.message)]))
            return
        }
        let run = ExecRun(name, settings, arguments, Array(call.params), ticket)
        if running.count < settings.child.callsInFlight {
            start(run)
        } else if waiting.count < settings.child.queue {
            wait(run)
        } else {
            ticket.fail(.overloaded(module: name))
        }
    }

    private func wait(_ run: ExecRun) {
        let expiry = loop.addTimer(after: settings.child.queueTimeout) { [unowned self] in
            waiting.removeAll { $0.run === run }
            run.ticket.fail(.overloaded(module: name))
        }
        waiting.append((run, expiry))
        run.ticket.onCancel { [unowned self] in
            waiting.removeAll { $0.run === run }
            loop.removeTimer(expiry)
        }
    }

    private func start(_ run: ExecRun) {
        running[ObjectIdentifier(run)] = run
        run.start(loop) { [unowned self] in
            running[ObjectIdentifier(run)] = nil
            if isStopping {
                if running.isEmpty { finishStopping() }
            } else {
                startNext()
            }
        }
    }

    private func startNext() {
        while running.count < settings.child.callsInFlight, !waiting.isEmpty {
            let next = waiting.removeFirst()
            loop.removeTimer(next.expiry)
            if next.run.ticket.isOpen { start(next.run) }
        }
    }

    func kill() {
        for run in running.values { run.terminate(.immediate) }
    }

    private func finishStopping() {
        let done = onStopped
        onStopped = nil
        done?()
    }

    func stop(_ done: @escaping () -> Void) {
        isStopping = true
        for (run, expiry) in waiting {
            loop.removeTimer(expiry)
            run.ticket.fail(.draining)
        }
        waiting = []
        guard !running.isEmpty else {
            done()
            return
        }
        onStopped = done
        for run in running.values { run.terminate() }
    }
}

/// One run of a program.
///
/// Loop-confined.
private final class ExecRun {
    let ticket: CallTicket
    private let module: String
    private let settings: Settings.ExecModule
    private let arguments: [String]
    private let params: [UInt8]
    private var child: Child?
    private var output = ByteBuffer()
    private var isTooLong = false
    private var tail = StderrTail()

    init(
        _ module: String, _ settings: Settings.ExecModule, _ arguments: [String],
        _ params: [UInt8], _ ticket: CallTicket
    ) {
        self.module = module
        self.settings = settings
        self.arguments = arguments
        self.params = params
        self.ticket = ticket
    }

    func start(_ loop: EventLoop, _ ended: @escaping () -> Void) {
        var command = ChildCommand(
            arguments, environment: settings.child.resolvedEnvironment,
            directory: settings.child.directory)
        command.output = .bytes
        var events = ChildEvents()
        events.onBytes = { [unowned self] _, bytes in take(bytes) }
        events.onLine = { [unowned self] _, line in
            tail.append(line)
            ticket.observer?.output?(line)
        }
        events.onExit = { [self] exit in
            child = nil
            finish(exit)
            ended()
        }
        do throws(SystemError) {
            let fresh = try Child.spawn(command, on: loop, events)
            child = fresh
            params.withUnsafeBytes { _ = fresh.input.append($0) }
            fresh.input.close()
            ticket.onCancel { [unowned self] in terminate() }
        } catch {
            ticket.fail(.notStarted(module: module, reason: "\(error)"))
            ended()
        }
    }

    func terminate(_ table: ChildTermination? = nil) {
        child?.terminate(
            table ?? ChildTermination(grace: .zero, killAfter: settings.child.stopTimeout))
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        guard !isTooLong else { return }
        guard output.count + bytes.count <= settings.outputSize else {
            isTooLong = true
            output.release()
            child?.terminate(.immediate)
            return
        }
        output.append(bytes)
    }

    private func finish(_ exit: ChildExit) {
        guard !isTooLong else {
            ticket.fail(
                .nonsense(
                    module: module,
                    reason: "it wrote more than \(Quantity.bytes(settings.outputSize))"))
            return
        }
        switch exit {
        case .exited(0): deliver()
        case .exited(let code): refuse(Int(code))
        case .signalled(let number, _):
            ticket.fail(
                .exited(
                    module: module,
                    .init(exitCode: nil, signal: Int(number), lastLines: tail.lines)))
        case .unknown:
            ticket.fail(
                .exited(module: module, .init(isUnknown: true, lastLines: tail.lines)))
        }
    }

    private func deliver() {
        switch settings.output {
        case .json:
            do throws(JSONError) {
                _ = try JSONScanner.validate(output.readable)
                ticket.finish(.result(output.readable))
            } catch {
                ticket.fail(
                    .nonsense(module: module, reason: "its output is not JSON: \(error)"))
            }
        case .text:
            let text = JSONBytes.make { $0.string(output.readable) }
            text.withUnsafeBytes { ticket.finish(.result($0)) }
        case .lines:
            let lines = output.text().split(separator: "\n", omittingEmptySubsequences: false)
            let text = JSONBytes.make { json in
                json.beginArray()
                for line in lines.last == "" ? lines.dropLast() : lines[...] {
                    json.string(String(line))
                }
                json.endArray()
            }
            text.withUnsafeBytes { ticket.finish(.result($0)) }
        }
    }

    private func refuse(_ code: Int) {
        ticket.fail(
            .runFailed(
                module: module, .init(exitCode: code, lastLines: tail.lines),
                status: settings.exitStatus[code]))
    }
}

/// The arguments of one run.
enum ExecArguments {
    /// A parameter that is missing or no single value.
    struct Fault: Error {
        let pointer: String
        let message: String
    }

    /// Puts parameters where the pattern has `{name}` as a whole argument.
    static func fill(
        _ pattern: [String], from params: UnsafeRawBufferPointer
    ) throws(Fault) -> [String] {
        guard pattern.contains(where: { name(in: $0) != nil }) else { return pattern }
        let object = (try? JSONValue.parse(params))?.object ?? [:]
        var result: [String] = []
        for argument in pattern {
            guard let name = name(in: argument) else {
                result.append(argument)
                continue
            }
            result.append(try value(object[name], name))
        }
        return result
    }

    /// The name of the parameter that `argument` stands for, if it stands for one.
    static func name(in argument: String) -> String? {
        guard argument.count > 2, argument.first == "{", argument.last == "}" else { return nil }
        let name = String(argument.dropFirst().dropLast())
        return CommandName.isValid(name) ? name : nil
    }

    private static func value(_ value: JSONValue?, _ name: String) throws(Fault) -> String {
        let text: String
        switch value {
        case .string(let string)?: text = string
        case .number(let number)?: text = number.text
        case .bool(let bool)?: text = bool ? "true" : "false"
        case nil: throw Fault(pointer: "/\(name)", message: "is missing")
        default: throw Fault(pointer: "/\(name)", message: "must be a string, number or boolean")
        }
        // The kernel ends an argument at NUL: what follows would vanish unseen.
        guard !text.utf8.contains(0) else {
            throw Fault(pointer: "/\(name)", message: "contains a NUL")
        }
        return text
    }
}
