// SettingsDecoder+Modules: the map of modules. The key that says what a module is (command, exec,
// http, reply, builtin) decides which other keys it may have.

internal import Bytes
internal import JSON

extension SettingsDecoder {
    private static let kinds = ["command", "exec", "http", "reply", "builtin"]

    /// Decodes `modules`.
    func modules(_ top: SettingsObject) -> [Settings.Module] {
        top.objects("modules").compactMap { name, object in
            if let problem = SettingNames.problem(ofName: name) { object.fault(nil, problem) }
            let description = object.text("description")
            let isExec = object.has("exec")
            let commands = commands(object, isExec: isExec, isProcess: object.has("command"))
            let signals = patterns(object)
            let isRequired = object.flag("required", default: false)
            // Known to all kinds, so that a mistyped key finds its neighbour.
            for key in Self.kinds { _ = object.value(key) }
            guard let key = object.exactlyOne(of: Self.kinds, "what answers"),
                let kind = kind(key, object)
            else {
                if !Self.kinds.contains(where: object.has) { object.finish(guessing: true) }
                return nil
            }
            object.finish()
            var module = Settings.Module(name: name, kind: kind, commands: commands)
            module.description = description
            module.signals = signals ?? module.signals
            module.isRequired = isRequired
            complete(&module, object)
            return module
        }
    }

    private func kind(_ key: String, _ object: SettingsObject) -> Settings.Module.Kind? {
        switch key {
        case "command": return process(object).map { .process($0) }
        case "exec": return exec(object).map { .exec($0) }
        case "http": return upstream(object).map { .upstream($0) }
        case "reply": return .reply(replies(object))
        default: return object.choice(key, of: Settings.Module.Builtin.self).map { .builtin($0) }
        }
    }

    private func process(_ object: SettingsObject) -> Settings.ProcessModule? {
        let command = arguments(object, "command")
        var module = Settings.ProcessModule(command: command ?? [], directory: reading.folder)
        module.child = child(object, inFlight: module.child.callsInFlight)
        module.start = object.choice("start", of: Settings.ProcessModule.Start.self) ?? module.start
        module.passesContext = object.flag("pass_context", default: module.passesContext)
        module.lineSize = object.size("line_size", in: 1 << 10...1 << 30) ?? module.lineSize
        module.startTimeout =
            object.duration("start_timeout", in: .milliseconds(1)...Self.longest)
            ?? module.startTimeout
        module.idleTimeout = object.duration("idle_timeout", in: .milliseconds(1)...Self.longest)
        module.maxLife = object.duration("max_life", in: .milliseconds(1)...Self.longest)
        module.framing =
            object.choice("framing", of: Settings.ProcessModule.Framing.self) ?? module.framing
        module.badOutput =
            object.choice("bad_output", of: Settings.ProcessModule.BadOutput.self)
            ?? module.badOutput
        module.sharing = sharing(object) ?? module.sharing
        module.handshake = handshake(object)
        module.notifications = notifications(object)
        let restart = object.object("restart")
        let pauses = Duration.milliseconds(1)...Duration.seconds(86_400)
        module.restart.delay = restart.duration("delay", in: pauses) ?? module.restart.delay
        module.restart.maxDelay =
            restart.duration("max_delay", in: pauses)
            ?? max(module.restart.maxDelay, module.restart.delay)
        module.restart.failures =
            restart.integer("failures", in: 1...1_000) ?? module.restart.failures
        if module.restart.maxDelay < module.restart.delay {
            restart.fault("max_delay", "max_delay is shorter than delay", advice: "raise it")
        }
        restart.finish()
        let silence = object.object("silence")
        module.silence.deadlines =
            silence.integer("deadlines", in: 1...1_000) ?? module.silence.deadlines
        module.silence.action =
            silence.choice("action", of: Settings.ProcessModule.Silence.Action.self)
            ?? module.silence.action
        silence.finish()
        return command == nil ? nil : module
    }

    private func exec(_ object: SettingsObject) -> Settings.ExecModule? {
        let arguments = arguments(object, "exec")
        var module = Settings.ExecModule(exec: arguments ?? [], directory: reading.folder)
        module.child = child(object, inFlight: module.child.callsInFlight)
        module.output =
            object.choice("output", of: Settings.ExecModule.Output.self) ?? module.output
        module.outputSize = object.size("output_size", in: 1...1 << 30) ?? module.outputSize
        for (code, value) in object.map("exit_status") {
            let place = object.path.member("exit_status").member(code)
            guard let number = Int(code), (1...255).contains(number) else {
                reading.fault(place, "exit codes are 1 to 255")
                continue
            }
            guard case .integer(let status) = value, (400...599).contains(status) else {
                reading.fault(place, "expected an HTTP status from 400 to 599")
                continue
            }
            module.exitStatus[number] = Int(status)
        }
        return arguments == nil ? nil : module
    }

    private func replies(_ object: SettingsObject) -> [String: [UInt8]] {
        var replies: [String: [UInt8]] = [:]
        for (name, value) in object.map("reply") {
            let place = object.path.member("reply").member(name)
            if let problem = SettingNames.problem(ofCommand: name) { reading.fault(place, problem) }
            replies[name] = object.compact(value, at: place)
        }
        if case .object(let members)? = object.value("reply"), members.isEmpty {
            object.fault("reply", "there is no answer in it", advice: "write { COMMAND: VALUE }")
        }
        return replies
    }

    private func child(_ object: SettingsObject, inFlight: Int) -> Settings.ChildSettings {
        var child = self.child(object)
        child.callsInFlight = object.integer("calls_in_flight", in: 1...100_000) ?? inFlight
        child.queue = object.integer("queue", in: 0...1_000_000) ?? child.queue
        child.queueSize = object.size("queue_size", in: 0...1 << 40) ?? child.queueSize
        child.queueTimeout =
            object.duration("queue_timeout", in: .milliseconds(1)...Self.longest)
            ?? child.queueTimeout
        return child
    }

    /// Where a child runs, with which variables, and how it is stopped.
    func child(_ object: SettingsObject) -> Settings.ChildSettings {
        var child = Settings.ChildSettings(directory: object.file("directory") ?? reading.folder)
        child.environment = object.textMap("environment")
        child.inheritedEnvironment =
            object.texts("inherit_environment") ?? child.inheritedEnvironment
        let place = object.path
        for name in child.environment.keys.sorted() where !Self.isVariable(name) {
            reading.fault(place.member("environment").member(name), "no variable has such a name")
        }
        for (name, value) in child.environment.sorted(by: { $0.key < $1.key })
        where value.utf8.contains(0) {
            reading.fault(place.member("environment").member(name), "the value has a zero byte")
        }
        for (index, name) in child.inheritedEnvironment.enumerated() where !Self.isVariable(name) {
            reading.fault(
                place.member("inherit_environment").element(index), "no variable has such a name")
        }
        child.stopTimeout =
            object.duration("stop_timeout", in: .zero...Self.longest) ?? child.stopTimeout
        return child
    }

    private static func isVariable(_ name: String) -> Bool {
        !name.isEmpty && !name.utf8.contains { $0 == UInt8(ascii: "=") || $0 == 0 }
    }

    /// The program and its arguments under `key`; a program with a slash becomes absolute.
    func arguments(_ object: SettingsObject, _ key: String) -> [String]? {
        guard var arguments = object.texts(key) else { return nil }
        guard let program = arguments.first, !program.isEmpty else {
            object.fault(
                key, "there is no program in it", advice: "write [\"PROGRAM\", \"ARGUMENT\"]")
            return nil
        }
        guard !arguments.contains(where: { $0.utf8.contains(0) }) else {
            object.fault(key, "an argument has a zero byte")
            return nil
        }
        if program.contains("/") { arguments[0] = reading.absolute(program) }
        return arguments
    }
}

// MARK: - Commands and signals

extension SettingsDecoder {
    private func commands(
        _ module: SettingsObject, isExec: Bool, isProcess: Bool
    ) -> [Settings.Command] {
        module.objects("commands").map { name, object in
            if let problem = SettingNames.problem(ofCommand: name) { object.fault(nil, problem) }
            var command = Settings.Command(name: name)
            command.description = object.text("description")
            command.isSafe = object.flag("safe", default: command.isSafe)
            command.params = schema(object, "params")
            command.result = schema(object, "result")
            command.timeout = object.duration("timeout", in: .milliseconds(1)...Self.longest)
            if isExec { command.exec = arguments(object, "exec") }
            if isProcess {
                command.method = method(object, "method")
                command.isNotification = object.flag("notification", default: false)
            }
            object.finish()
            return command
        }
    }

    private func schema(_ object: SettingsObject, _ key: String) -> [UInt8]? {
        switch object.value(key) {
        case nil: return nil
        case .object?, .flag?:
            let text = object.json(key)
            if let text { checkSchema(text, object, key) }
            return text
        case let other?:
            object.fault(key, "expected a JSON Schema, found \(other.kind)")
            return nil
        }
    }

    /// Notes a fault if `text` is a schema that could not be enforced.
    private func checkSchema(_ text: [UInt8], _ object: SettingsObject, _ key: String) {
        do throws(SchemaFault) {
            let value = text.withUnsafeBytes { try? JSONValue.parse($0) }
            guard let value else { return }
            let schema = try JSONSchema(from: value)
            for place in schema.unenforced {
                object.fault(key, "the pattern at \(place) is not understood")
            }
        } catch {
            let text = "\(error)".map { $0.isASCII && $0 < " " ? " " : $0 }
            object.fault(key, "is no JSON Schema: \(String(text.prefix(200)))")
        }
    }

    private func patterns(_ module: SettingsObject) -> [String]? {
        guard let patterns = module.texts("signals") else { return nil }
        for (index, pattern) in patterns.enumerated() {
            if let problem = SettingNames.problem(ofSignalPattern: pattern) {
                reading.fault(module.path.member("signals").element(index), problem)
            }
        }
        return patterns
    }

    /// Gives kinds that know their commands the ones that the file does not describe.
    private func complete(_ module: inout Settings.Module, _ object: SettingsObject) {
        switch module.kind {
        case .reply(let replies):
            for command in module.commands where replies[command.name] == nil {
                reading.fault(
                    object.path.member("commands").member(command.name),
                    "there is no answer for this command", advice: "add it to reply")
            }
            let described = Set(module.commands.map(\.name))
            let others = object.map("reply").map(\.name).filter { !described.contains($0) }
            for name in others {
                // A fixed answer changes nothing, so that a browser may ask for it.
                var command = Settings.Command(name: name)
                command.isSafe = true
                module.commands.append(command)
            }
        case .exec where module.commands.isEmpty:
            module.commands = [Settings.Command(name: "run")]
        case .builtin(.echo) where module.commands.isEmpty:
            module.commands = [Settings.Command(name: "echo")]
        case .process, .upstream, .exec, .builtin:
            break
        }
    }
}
