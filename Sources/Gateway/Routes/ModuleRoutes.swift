// ModuleRoutes: the index, and what there is to see of modules.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Notifier

extension GatewayLoop {
    func showIndex(_ exchange: Exchange) {
        let base = facts.settings.basePath
        exchange.extraFields.append("X-Content-Type-Options: nosniff\r\n")
        exchange.respondJSON { json in
            json.beginObject()
            json.key("name")
            json.string("signalbox")
            json.key("version")
            json.string(Gateway.version)
            json.key("links")
            json.beginObject()
            for name in ["modules", "events", "signals", "timers", "jobs", "sources", "reactions"] {
                json.key(name)
                json.string("\(base)/v1/\(name)")
            }
            json.key("health")
            json.string("\(base)/readyz")
            json.key("metrics")
            json.string("\(base)/metrics")
            json.endObject()
            json.endObject()
        }
    }

    func listModules(_ exchange: Exchange) {
        if moduleList.revision != modules.revision {
            moduleList.bytes.removeAll()
            JSONWriter.append(to: &moduleList.bytes) { json in
                json.beginObject()
                json.key("modules")
                json.beginArray()
                for module in modules.facts { module.write(&json) }
                json.endArray()
                json.endObject()
            }
            moduleList.bytes.append(UInt8(ascii: "\n"))
            moduleList.revision = modules.revision
        }
        exchange.respond(200, type: "application/json", moduleList.bytes.readable)
    }

    func showModule(_ exchange: Exchange, _ match: RouteMatch) {
        let name = capture(0, match, exchange)
        guard let index = modules.find(name) else {
            exchange.respondFailure(.unknownModule(String(decoding: name, as: UTF8.self)))
            return
        }
        let facts = modules.facts[index]
        modules.withCounters(index, from: address) { counters in
            exchange.respondJSON { json in facts.write(&json, counters, inFull: true) }
        }
    }
}

extension ModuleFacts {
    /// Writes the module as the API shows it; with its counters, if they are given.
    ///
    /// - Parameter inFull: writes what an upstream has done, too.
    func write(
        _ json: inout JSONWriter, _ counters: ModuleCounters? = nil, inFull: Bool = false
    ) {
        json.beginObject()
        json.key("name")
        json.string(name)
        if let description {
            json.key("description")
            json.string(description)
        }
        json.key("kind")
        json.string(kind)
        json.life(state, reason, pid: pid, restarts: restarts, failures: failures)
        if children.count > 1 || sessionSource != nil {
            json.key("children")
            json.beginArray()
            for child in children { child.write(&json) }
            json.endArray()
        }
        if !warnings.isEmpty {
            json.key("warnings")
            json.beginArray()
            for warning in warnings { json.string(warning) }
            json.endArray()
        }
        if let counters {
            json.key("counters")
            json.beginObject()
            for counter in counters.all {
                json.key(counter.name)
                json.int(Int(clamping: counter.value))
            }
            json.endObject()
        }
        json.key("commands")
        json.beginObject()
        for command in commands {
            json.key(command.name)
            command.write(&json)
        }
        json.endObject()
        json.key("any_command")
        json.bool(acceptsAnyCommand)
        if inFull { upstream?.write(&json) }
        json.endObject()
    }
}

extension CommandFacts {
    fileprivate func write(_ json: inout JSONWriter) {
        json.beginObject()
        if let description {
            json.key("description")
            json.string(description)
        }
        json.key("safe")
        json.bool(isSafe)
        if let params {
            json.key("params")
            params.withUnsafeBytes { json.raw($0) }
        }
        json.endObject()
    }
}

extension ChildFacts {
    fileprivate func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.life(state, reason, pid: pid, restarts: restarts, failures: failures)
        json.endObject()
    }
}

extension JSONWriter {
    /// Writes the members that a module and each of its children have in common.
    fileprivate mutating func life(
        _ state: ModuleState, _ reason: String?, pid: Int?, restarts: Int, failures: Int
    ) {
        key("state")
        string(state.rawValue)
        if let reason {
            key("reason")
            string(reason)
        }
        if let pid {
            key("pid")
            int(pid)
        }
        key("restarts")
        int(restarts)
        key("failures")
        int(failures)
    }
}
