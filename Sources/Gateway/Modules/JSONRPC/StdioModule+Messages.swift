// StdioModule+Messages: what is said between the gateway and a child. Parameters and results are
// spliced as bytes: nothing is decoded that nobody looks at.
//
//     → {"jsonrpc":"2.0","id":1024,"method":"disk","params":{"mount":"/"}}
//     ← {"jsonrpc":"2.0","id":1024,"result":{"free":123}}
//     ← {"jsonrpc":"2.0","method":"signal","params":{"name":"host.load","data":{"one":0.4}}}
//     → {"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1025}}

internal import Bytes
internal import JSON
internal import Notifier

extension StdioModule {
    // MARK: To the child

    /// Sends one call.
    func send(_ call: ModuleCall, _ ticket: CallTicket) {
        precondition(CommandName.isValid(call.command), "a command's name goes into JSON as it is")
        guard let child, child.input.pendingByteCount < Self.inputLimit,
            let id = pending.insert(ticket)
        else {
            ticket.fail(.overloaded(module: name))
            return
        }
        becameBusy()
        ticket.onCancel { [unowned self] in cancel(id) }
        child.input.compose { out in
            out.append("{\"jsonrpc\":\"2.0\",\"id\":")
            out.append(decimal: id)
            out.append(",\"method\":\"")
            out.append(call.command)
            out.append("\",\"params\":")
            out.append(call.params)
            if call.context.count > 0 {
                out.append(",\"context\":")
                out.append(call.context)
            }
            out.append("}\n")
        }
    }

    private func cancel(_ id: Int) {
        guard pending.remove(id) != nil else { return }
        child?.input.compose { out in
            out.append("{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":")
            out.append(decimal: id)
            out.append("}}\n")
        }
        sendWaiting()
    }

    /// Asks for the child's OpenRPC document; `done` gets the commands, none if it has no document.
    func discover(_ done: @escaping ([CommandFacts]) -> Void) {
        let ticket = CallTicket { [unowned self] outcome in
            switch outcome {
            case .result(let bytes): done(OpenRPC.commands(in: bytes))
            case .failure(.exited): break  // `ended` follows
            case .failure(let error):
                surroundings.log(.debug, "rpc.discover: \(error.detail)")
                done([])
            }
        }
        let method: StaticString = "rpc.discover"
        let params: StaticString = "{}"
        send(
            ModuleCall(
                command: UnsafeRawBufferPointer(
                    start: method.utf8Start, count: method.utf8CodeUnitCount),
                params: UnsafeRawBufferPointer(
                    start: params.utf8Start, count: params.utf8CodeUnitCount),
                context: UnsafeRawBufferPointer(start: nil, count: 0)),
            ticket)
    }

    // MARK: From the child

    /// What `child` tells.
    func events(of child: Child) -> ChildEvents {
        var events = ChildEvents()
        events.onLine = { [unowned self] stream, line in
            if stream == .output { received(line) } else { wroteError(line) }
        }
        events.onOverlong = { [unowned self] stream, _ in
            if stream == .output {
                counters.overlongLines &+= 1
                surroundings.log(
                    .warning, "wrote a line of more than \(settings.lineSize) bytes; skipped")
            }
            return .skip
        }
        events.onEnd = { [unowned self] stream in
            if stream == .output { mayBeDeaf("closed its standard output") }
        }
        events.onExit = { [self] exit in ended(exit) }
        child.input.onBroken = { [unowned self] _ in mayBeDeaf("closed its standard input") }
        return events
    }

    private func received(_ line: UnsafeRawBufferPointer) {
        guard line.count > 0 else { return }
        do throws(JSONError) {
            let message = try JSONMessageScanner.scan(line)
            switch message.form {
            case .success, .failure: answered(message, line)
            case .notification: notified(message, line)
            case .request, .invalid: misspoken(message, line)
            }
        } catch {
            malformed(line, "\(error)")
        }
    }

    /// A message that is JSON, but neither answer nor notification.
    ///
    /// If it has the id of a call, it was meant as its answer.
    private func misspoken(_ message: JSONMessage, _ line: UnsafeRawBufferPointer) {
        malformed(line, "it is no answer and no notification")
        guard message.method == nil, let id = message.integerID, let ticket = pending.remove(id)
        else { return }
        ticket.fail(.nonsense(module: name, reason: "it has not exactly one of result and error"))
        sendWaiting()
    }

    private func malformed(_ line: UnsafeRawBufferPointer, _ reason: String) {
        counters.malformedLines &+= 1
        let start = String(decoding: line.prefix(120), as: UTF8.self)
        complain("wrote a line that is no message (\(reason)): \(start)")
    }

    /// Logs what a child does wrong: the first few times tell what it is, a flood tells no more.
    private func complain(_ message: @autoclosure () -> String) {
        complaints += 1
        guard complaints <= Self.complaintLimit else { return }
        surroundings.log(.warning, message())
        if complaints == Self.complaintLimit {
            surroundings.log(.warning, "no more of this is logged for this child")
        }
    }

    private func idText(_ message: JSONMessage, _ line: UnsafeRawBufferPointer) -> String {
        message.id.map { String(decoding: $0.slice(of: line).prefix(40), as: UTF8.self) } ?? "none"
    }

    private func answered(_ message: JSONMessage, _ line: UnsafeRawBufferPointer) {
        guard let id = message.integerID, let ticket = pending.remove(id) else {
            counters.unknownAnswers &+= 1
            complain("answered a call that it does not have: id \(idText(message, line))")
            return
        }
        if facts.state == .ready { noteSuccess() }
        if message.form == .success, let result = message.result {
            ticket.finish(.result(result.slice(of: line)))
        } else if let error = message.error {
            ticket.fail(.failed(module: name, .init(error.slice(of: line))))
        } else {
            ticket.fail(.nonsense(module: name, reason: "it has neither result nor error"))
        }
        sendWaiting()
    }

    private func notified(_ message: JSONMessage, _ line: UnsafeRawBufferPointer) {
        guard let method = message.method?.unquoted.slice(of: line),
            let params = message.params?.slice(of: line)
        else { return }
        if ASCII.isExactly(method, "signal") {
            emit(params)
        } else if ASCII.isExactly(method, "log") {
            logged(params)
        }
    }

    private func emit(_ params: UnsafeRawBufferPointer) {
        var name: JSONSpan?
        var data: JSONSpan?
        _ = try? JSONScanner.members(of: params) { key, value in
            if ASCII.isExactly(key.slice(of: params), "name") { name = value }
            if ASCII.isExactly(key.slice(of: params), "data") { data = value }
        }
        guard let name = name?.unquoted.slice(of: params), SignalName.isValid(name),
            !SignalName.isReserved(name), signalFilter.matches(name)
        else {
            counters.refusedSignals &+= 1
            complain("emitted a signal that it may not emit (modules.\(self.name).signals)")
            return
        }
        let null: StaticString = "null"
        let bytes =
            data?.slice(of: params)
            ?? UnsafeRawBufferPointer(start: null.utf8Start, count: null.utf8CodeUnitCount)
        surroundings.emit(Payload(name), Payload(bytes))
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
        surroundings.log(level, text)
    }
}

extension ModuleError.RPCError {
    /// Reads the error object of a JSON-RPC answer; what it lacks is filled in.
    init(_ json: UnsafeRawBufferPointer) {
        self.init(code: -32603, message: "an error without a message", data: nil, status: nil)
        guard let value = try? JSONValue.parse(json), case .object(let object) = value else {
            return
        }
        if case .number(let number)? = object["code"], let code = number.int { self.code = code }
        if case .string(let text)? = object["message"] { message = text }
        guard let data = object["data"] else { return }
        var bytes = ByteBuffer()
        data.write(into: &bytes)
        self.data = bytes.array()
        if case .object(let members) = data, case .number(let number)? = members["status"],
            let wanted = number.int, (400...599).contains(wanted)
        {
            status = wanted
        }
    }
}
