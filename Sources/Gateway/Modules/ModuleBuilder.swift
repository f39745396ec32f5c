// ModuleBuilder: from the settings of a module to its facts and its back end.

internal import Bytes
internal import HTTP
internal import JSON
internal import Logging
internal import Notifier

/// Builds what answers commands.
enum ModuleBuilder {
    /// What is known of a module before it has started.
    static func facts(_ module: Settings.Module, loops: Int = 1) -> ModuleFacts {
        var commands = module.commands.map(command)
        var facts = ModuleFacts(
            name: module.name, description: module.description, kind: "", state: .ready,
            commands: [])
        switch module.kind {
        case .process(let process):
            facts.kind = "process"
            facts.state = .stopped
            facts.wantsContext = process.passesContext
            facts.isEager = process.start == .eager
            if case .perSession(let bounds) = process.sharing {
                facts.isEager = false
                switch bounds.source {
                case .header(let name): facts.sessionSource = .header(name)
                case .cookie(let name): facts.sessionSource = .cookie(name)
                }
            }
        case .exec: facts.kind = "exec"
        case .upstream(let upstream):
            facts.kind = "upstream"
            facts.acceptsAnyCommand = commands.isEmpty
            facts.wantsContext = true
            facts.upstream = UpstreamBoard(upstream, loops: loops)
        case .reply(let replies):
            facts.kind = "reply"
            commands = replies.sorted { $0.key < $1.key }.map { name, json in
                var command =
                    commands.first { $0.name == name }
                    ?? CommandFacts(name: name, isSafe: true)
                command.fixedReply = json
                return command
            }
        case .builtin(.echo):
            facts.kind = "builtin"
            facts.acceptsAnyCommand = commands.isEmpty
        }
        facts.commands = commands
        facts.isRequired = module.isRequired
        return facts
    }

    /// What is known of a module that the embedding program brings.
    static func facts(_ name: String, _ module: any Module) -> ModuleFacts {
        let commands = module.descriptions.map { description in
            var facts = CommandFacts(name: description.name, isSafe: description.isSafe)
            facts.description = description.summary
            return facts
        }
        return ModuleFacts(
            name: name, kind: "swift", state: .ready, commands: commands,
            acceptsAnyCommand: commands.isEmpty, wantsContext: module.wantsContext)
    }

    private static func command(_ settings: Settings.Command) -> CommandFacts {
        var facts = CommandFacts(name: settings.name, isSafe: settings.isSafe)
        facts.description = settings.description
        facts.timeout = settings.timeout
        facts.isNotification = settings.isNotification
        facts.params = settings.params
        facts.schema = settings.params.flatMap { text in
            text.withUnsafeBytes { bytes in
                (try? JSONValue.parse(bytes)).flatMap { try? JSONSchema(from: $0) }
            }
        }
        return facts
    }
}

extension GatewayLoop {
    /// Makes the back ends of this loop; a module with a child belongs to one loop only.
    ///
    /// - Throws: `TLSError` or `SystemError` if an upstream cannot be prepared.
    func buildBackends(_ own: [(name: String, module: any Module)]) throws {
        let settings = facts.settings.modules
        for (index, module) in settings.enumerated() {
            let owner = index % facts.loopCount
            switch module.kind {
            case .process(let process):
                guard owner == self.index else {
                    modules.borrow(index, from: peers[owner])
                    continue
                }
                modules.own(index, backend(index, module, process))
            case .exec(let exec):
                guard owner == self.index else {
                    modules.borrow(index, from: peers[owner])
                    continue
                }
                modules.own(
                    index,
                    ExecModule(
                        modules.facts[index], exec, module.commands, surroundings(of: index)))
            case .builtin(.echo): modules.own(index, EchoBackend())
            case .upstream(let upstream):
                try buildUpstream(index, upstream)
            case .reply: break
            }
        }
        for (offset, entry) in own.enumerated() {
            modules.own(
                settings.count + offset,
                InProcessBackend(entry.module, name: entry.name, loop: loop))
        }
    }

    private func buildUpstream(_ index: Int, _ upstream: Settings.UpstreamModule) throws {
        guard let board = modules.facts[index].upstream else { return }
        let name = "signalbox-" + String(decoding: facts.epoch.text, as: UTF8.self)
        let backend = try UpstreamModule(
            modules.facts[index], upstream, board: board, loopIndex: self.index,
            bodyLimit: server.limits.bodyBytes, pseudonym: name,
            workers: { [unowned self] in try workerPool() }, surroundings(of: index))
        modules.own(index, backend)
        modules.upstreams[index] = backend
    }

    private func backend(
        _ index: Int, _ module: Settings.Module, _ process: Settings.ProcessModule
    ) -> any ModuleBackend {
        let facts = modules.facts[index]
        if case .perSession(let bounds) = process.sharing {
            return SessionModule(
                facts, process, bounds, signals: module.signals, commands: module.commands,
                surroundings(of: index))
        }
        return StdioModule(
            facts, process, signals: module.signals, commands: module.commands,
            surroundings(of: index))
    }

    private func surroundings(of index: Int) -> ModuleSurroundings {
        var logger = facts.logger
        logger[metadataKey: "module"] = "\(modules.facts[index].name)"
        return ModuleSurroundings(
            loop: loop,
            publish: { [unowned self] facts in publish(index, facts) },
            emit: { [unowned self] name, data in emit(name, data) },
            log: { level, message in
                switch level {
                case .debug: logger.debug("\(message)")
                case .info: logger.info("\(message)")
                case .warning: logger.warning("\(message)")
                case .error: logger.error("\(message)")
                }
            })
    }

    /// Tells all loops, and the streams, of a change in a module.
    private func publish(_ index: Int, _ fresh: ModuleFacts) {
        let before = modules.facts[index]
        modules.update(index, fresh)
        for peer in peers where peer.index != self.index {
            peer.post { $0.modules.update(index, fresh) }
        }
        guard !before.children.isEmpty || !fresh.children.isEmpty else {
            if before.state != fresh.state {
                announce(fresh.name, fresh.state, fresh.reason, child: nil)
            }
            return
        }
        // Only as many as both have: the children of sessions come and go.
        let places = min(before.children.count, fresh.children.count)
        if places == 0, before.state != fresh.state {
            announce(fresh.name, fresh.state, fresh.reason, child: nil)
        }
        for place in 0..<places {
            let (old, new) = (before.children[place], fresh.children[place])
            guard old.state != new.state || old.pid != new.pid else { continue }
            announce(fresh.name, new.state, new.reason, child: places > 1 ? place : nil)
        }
    }

    private func announce(_ name: String, _ state: ModuleState, _ reason: String?, child: Int?) {
        let event: String
        switch state {
        case .ready: event = "ready"
        case .unresponsive: event = "unresponsive"
        case .stopped, .failing: event = "exited"
        case .starting: event = reason == nil ? "started" : "restarting"
        }
        emitOwn("signalbox.module.\(event)") { json in
            json.key("module")
            json.string(name)
            if let child {
                json.key("child")
                json.int(child)
            }
            json.key("state")
            json.string(state.rawValue)
            if let reason {
                json.key("reason")
                json.string(reason)
            }
        }
    }
}

extension Settings.ChildSettings {
    /// The whole environment of the child: what is inherited by name, and what is set.
    var resolvedEnvironment: [(String, String)] {
        var result: [String: String] = [:]
        for name in inheritedEnvironment {
            if let value = Environment.value(name) { result[name] = value }
        }
        result.merge(environment) { _, own in own }
        return result.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
