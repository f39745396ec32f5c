// ChildSeat+Notifications: what a child says without having been asked: signals, progress, lines for
// the log, and whatever the configuration makes a signal of.

internal import Bytes
internal import JSON

extension ChildSeat {
    /// Takes a notification; what nobody knows is nobody's concern.
    func notified(_ message: JSONMessage, _ line: UnsafeRawBufferPointer) {
        guard let method = message.method?.unquoted.slice(of: line) else { return }
        let empty: StaticString = "{}"
        let params =
            message.params?.slice(of: line)
            ?? UnsafeRawBufferPointer(start: empty.utf8Start, count: 2)
        if ASCII.isExactly(method, "signal") {
            emit(params)
        } else if ASCII.isExactly(method, "progress") {
            progressed(params, line)
        } else if ASCII.isExactly(method, "log") {
            logged(params)
        } else if !settings.notifications.isEmpty,
            // Some writers escape the slash.
            let signal = settings.notifications[JSONText.string(method)]
        {
            module.surroundings.emit(Payload(Array(signal.utf8)), Payload(params))
        }
    }

    /// The values of two members of the params of a notification.
    private static func members(
        _ first: StaticString, _ second: StaticString, of params: UnsafeRawBufferPointer
    ) -> (JSONSpan?, JSONSpan?) {
        var found: (JSONSpan?, JSONSpan?) = (nil, nil)
        _ = try? JSONScanner.members(of: params) { key, value in
            if ASCII.isExactly(key.slice(of: params), first) { found.0 = value }
            if ASCII.isExactly(key.slice(of: params), second) { found.1 = value }
        }
        return found
    }

    private func emit(_ params: UnsafeRawBufferPointer) {
        let (name, data) = Self.members("name", "data", of: params)
        let given = name?.unquoted.slice(of: params)
        guard let name = given, SignalName.fault(of: name) == nil,
            module.signalFilter.matches(name)
        else {
            module.counters.refusedSignals &+= 1
            complaints += 1
            guard complaints <= Self.complaintLimit else { return }
            log(.warning, Self.refusalOfSignal(given, module.name))
            return
        }
        let null: StaticString = "null"
        let bytes =
            data?.slice(of: params) ?? UnsafeRawBufferPointer(start: null.utf8Start, count: 4)
        module.surroundings.emit(Payload(name), Payload(bytes))
    }

    private static func refusalOfSignal(_ name: UnsafeRawBufferPointer?, _ module: String) -> String
    {
        let text = name.map { String(decoding: $0, as: UTF8.self) } ?? ""
        return switch name.map({ SignalName.fault(of: $0) }) ?? .malformed {
        case .malformed: "emitted a signal without a valid name"
        case .reserved: "emitted \(text), which only the gateway may emit"
        case nil: "emitted \(text), which modules.\(module).signals does not allow"
        }
    }

    /// Passes on how a call is getting on, if its caller wants to know.
    private func progressed(_ params: UnsafeRawBufferPointer, _ line: UnsafeRawBufferPointer) {
        let (id, value) = Self.members("id", "value", of: params)
        guard let id, let number = Int(String(decoding: id.slice(of: params), as: UTF8.self)) else {
            malformed(line, "progress without the id of a call")
            return
        }
        guard let value else {
            malformed(line, "progress without a value")
            return
        }
        pending.find(number)?.observer?.progress(value.slice(of: params), 0)
    }

    private func logged(_ params: UnsafeRawBufferPointer) {
        guard let value = try? JSONValue.parse(params), case .object(let object) = value,
            case .string(let text)? = object["message"]
        else { return }
        var level = ModuleSurroundings.LogLevel.info
        if case .string(let word)? = object["level"] {
            switch word {
            case "debug", "trace": level = .debug
            case "warning", "warn": level = .warning
            case "error", "critical": level = .error
            default: level = .info
            }
        }
        log(level, text)
    }
}
