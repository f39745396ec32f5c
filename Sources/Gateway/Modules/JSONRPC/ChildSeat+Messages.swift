// ChildSeat+Messages: what is said between the gateway and a child. Parameters and results are
// spliced as bytes: nothing is decoded that nobody looks at.
//
//     → {"jsonrpc":"2.0","id":1024,"method":"disk","params":{"mount":"/"}}
//     ← {"jsonrpc":"2.0","id":1024,"result":{"free":123}}
//     ← {"jsonrpc":"2.0","method":"signal","params":{"name":"host.load","data":{"one":0.4}}}
//     → {"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1025}}

internal import Bytes
internal import JSON
internal import Notifier

extension ChildSeat {
    // MARK: To the child

    /// Sends one call.
    func send(_ call: ModuleCall, _ ticket: CallTicket) {
        precondition(CommandName.isValid(call.command), "a command's name goes into JSON as it is")
        var call = call
        guard module.aliases.isEmpty else {
            let alias = module.aliases[String(decoding: call.command, as: UTF8.self)]
            let method = alias?.method ?? Array(call.command)
            method.withUnsafeBytes { method in
                call.command = method
                transmit(call, ticket, isNotification: alias?.isNotification ?? false)
            }
            return
        }
        transmit(call, ticket, isNotification: false)
    }

    private func transmit(_ call: ModuleCall, _ ticket: CallTicket, isNotification: Bool) {
        if isNotification {
            write(nil, call)
            let null: StaticString = "null"
            ticket.finish(.result(UnsafeRawBufferPointer(start: null.utf8Start, count: 4)))
            return
        }
        guard let id = pending.insert(ticket) else {
            ticket.fail(.overloaded(module: module.name))
            return
        }
        becameBusy()
        ticket.onCancel { [unowned self] in cancel(id) }
        write(id, call)
    }

    private func write(_ id: Int?, _ call: ModuleCall) {
        if usesLines {
            child?.input.compose { out in
                Self.append(id, call, to: &out)
                out.append("\n")
            }
            return
        }
        scratch.removeAll()
        Self.append(id, call, to: &scratch)
        writeScratch()
    }

    /// Writes the message in `scratch`, framed.
    private func writeScratch() {
        let message = scratch.readable
        let usesLines = usesLines
        child?.input.compose { out in
            if !usesLines {
                out.append("Content-Length: ")
                out.append(decimal: message.count)
                out.append("\r\n\r\n")
            }
            out.append(message)
            if usesLines { out.append("\n") }
        }
        if scratch.capacity > Self.scratchLimit { scratch.release() } else { scratch.removeAll() }
    }

    private static func append(_ id: Int?, _ call: ModuleCall, to out: inout ByteBuffer) {
        out.append("{\"jsonrpc\":\"2.0\",")
        if let id {
            out.append("\"id\":")
            out.append(decimal: id)
            out.append(",")
        }
        out.append("\"method\":\"")
        out.append(call.command)
        out.append("\",\"params\":")
        out.append(call.params)
        if call.context.count > 0 {
            out.append(",\"context\":")
            out.append(call.context)
        }
        out.append("}")
    }

    private func cancel(_ id: Int) {
        guard let ticket = pending.remove(id) else { return }
        if ticket.isOverdue { missedDeadline() }
        scratch.removeAll()
        scratch.append("{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":")
        scratch.append(decimal: id)
        scratch.append("}}")
        writeScratch()
        module.sendWaiting()
    }

    /// Asks the child something of the gateway's own.
    func ask(
        _ method: String, _ params: [UInt8], _ completion: @escaping (CallOutcome) -> Void
    ) {
        let ticket = CallTicket(completion)
        withCall(method, params) { transmit($0, ticket, isNotification: false) }
    }

    /// Tells the child something of the gateway's own.
    func notify(_ method: String, _ params: [UInt8]) {
        withCall(method, params) { write(nil, $0) }
    }

    private func withCall(_ method: String, _ params: [UInt8], _ body: (ModuleCall) -> Void) {
        Array(method.utf8).withUnsafeBytes { method in
            params.withUnsafeBytes { params in
                body(
                    ModuleCall(
                        command: method, params: params,
                        context: UnsafeRawBufferPointer(start: nil, count: 0)))
            }
        }
    }

    // MARK: From the child

    /// What `child` tells.
    func events(of child: Child) -> ChildEvents {
        var events = ChildEvents()
        events.onLine = { [unowned self] stream, line in
            if stream == .output { received(line) } else { wroteError(line) }
        }
        events.onBytes = { [unowned self] _, bytes in receivedBytes(bytes) }
        events.onOverlong = { [unowned self] stream, start in
            if stream == .output { wasOverlong(start) }
            return .skip
        }
        events.onSkipped = { [unowned self] stream, bytes, isLast in
            if stream == .output { passedOver(bytes, isLast: isLast) }
        }
        events.onEnd = { [unowned self] stream in
            if stream == .output { mayBeDeaf("closed its standard output") }
        }
        events.onExit = { [self] exit in ended(exit) }
        child.input.onBroken = { [unowned self] _ in mayBeDeaf("closed its standard input") }
        child.input.onDrained = { [unowned self] in module.sendWaiting() }
        return events
    }

    private func receivedBytes(_ bytes: UnsafeRawBufferPointer) {
        // Messages may end this child, and with it the framing: it is put back only if it is still
        // the one of this child.
        let reader = child
        var framing = ContentLengthFraming(maxLength: settings.lineSize)
        swap(&framing, &self.framing)
        framing.feed(bytes) { found in
            switch found {
            case .message(let text): received(text)
            case .overlong(let start): wasOverlong(start)
            case .skipped(let bytes, let isLast): passedOver(bytes, isLast: isLast)
            case .broken(let start):
                malformed(start, "it is no head of a message")
                end("wrote something that is no head of a message")
            }
        }
        if child === reader { swap(&framing, &self.framing) }
    }

    private func received(_ line: UnsafeRawBufferPointer) {
        guard line.count > 0 else { return }
        do throws(JSONError) {
            let message = try JSONMessageScanner.scan(line)
            if takesCallsWhileStarting { becameReady() }
            switch message.form {
            case .success, .failure: answered(message, line)
            case .notification: notified(message, line)
            case .request: refuse(message, line)
            case .invalid: misspoken(message, line)
            }
        } catch {
            failCaller(
                AnswerID.find(in: line, isWhole: true), "its answer is not JSON: \(error)")
            malformed(line, "\(error)")
        }
    }

    /// A message that is JSON, but none of JSON-RPC.
    ///
    /// If it has the id of a call, it was meant as its answer.
    private func misspoken(_ message: JSONMessage, _ line: UnsafeRawBufferPointer) {
        if message.method == nil, let id = message.integerID, let ticket = pending.remove(id) {
            let isNoObject = message.error != nil && message.result == nil
            ticket.fail(
                .nonsense(
                    module: module.name,
                    reason: isNoObject
                        ? "its error is no object" : "it has not exactly one of result and error"))
            module.sendWaiting()
        }
        malformed(line, "it is no answer and no notification")
    }

    private func wasOverlong(_ start: UnsafeRawBufferPointer) {
        module.counters.overlong &+= 1
        overlongAnswer = AnswerID()
        passedOver(start, isLast: false)
        complain("wrote a message of more than \(overlongLimit)")
    }

    /// Looks for the id in a message that is too long to be kept: it may come last.
    private func passedOver(_ bytes: UnsafeRawBufferPointer, isLast: Bool) {
        guard !overlongAnswer.isSettled else { return }
        overlongAnswer.feed(bytes)
        if isLast { overlongAnswer.end() }
        guard let id = overlongAnswer.id else { return }
        failCaller(id, "its answer is longer than \(overlongLimit)")
    }

    private var overlongLimit: String { SettingUnits.text(size: settings.lineSize) }

    /// Fails the caller whose answer was meant to be under `id`, if there is one.
    private func failCaller(_ id: Int?, _ reason: String) {
        guard let id, let ticket = pending.remove(id) else { return }
        ticket.fail(.nonsense(module: module.name, reason: reason))
        module.sendWaiting()
    }

    /// Counts and logs a message that is none.
    func malformed(_ line: UnsafeRawBufferPointer, _ reason: String) {
        module.counters.malformed &+= 1
        let start = String(decoding: line.prefix(120), as: UTF8.self)
        complain("wrote a line that is no message (\(reason)): \(start)")
    }

    /// Logs what a child does wrong: the first few times tell what it is, a flood tells no more.
    ///
    /// Where the configuration is strict, that ends the child.
    private func complain(_ message: @autoclosure () -> String) {
        complaints += 1
        if complaints <= Self.complaintLimit {
            log(.warning, message())
            if complaints == Self.complaintLimit {
                log(.warning, "no more of this is logged for this child")
            }
        }
        if settings.badOutput == .fail { end("wrote something that is no message") }
    }

    private func idText(_ message: JSONMessage, _ line: UnsafeRawBufferPointer) -> String {
        message.id.map { String(decoding: $0.slice(of: line).prefix(40), as: UTF8.self) } ?? "none"
    }

    private func answered(_ message: JSONMessage, _ line: UnsafeRawBufferPointer) {
        guard let id = message.integerID, let ticket = pending.remove(id) else {
            answeredNobody(message, line)
            return
        }
        module.counters.answers &+= 1
        if missedDeadlines > 0 { answersAgain() }
        if state == .ready { noteSuccess() }
        if message.form == .success, let result = message.result {
            ticket.finish(.result(result.slice(of: line)))
        } else if let error = message.error {
            refused(ticket, error.slice(of: line), line)
        } else {
            ticket.fail(.nonsense(module: module.name, reason: "it has neither result nor error"))
        }
        module.sendWaiting()
    }

    /// The child answered with an error; what is no error object (JSON-RPC 2.0 §5.1) is not passed on
    /// as the module's words.
    private func refused(
        _ ticket: CallTicket, _ error: UnsafeRawBufferPointer, _ line: UnsafeRawBufferPointer
    ) {
        do throws(RPCErrorFault) {
            ticket.fail(.failed(module: module.name, try .init(error)))
        } catch {
            ticket.fail(.nonsense(module: module.name, reason: error.reason))
            malformed(line, error.reason)
        }
    }

    private func answeredNobody(_ message: JSONMessage, _ line: UnsafeRawBufferPointer) {
        if let id = message.integerID, pending.wasGiven(id) {
            // After a deadline or a cancelled call that is as it should be.
            module.counters.lateAnswers &+= 1
            if missedDeadlines > 0 { answersAgain() }
            return
        }
        module.counters.unknownAnswers &+= 1
        complaints += 1
        guard complaints <= Self.complaintLimit else { return }
        log(.warning, "answered a call that it does not have: id \(idText(message, line))")
    }

    /// Answers a request of the child: the gateway takes none, but nobody shall wait for it.
    private func refuse(_ message: JSONMessage, _ line: UnsafeRawBufferPointer) {
        module.counters.refusedRequests &+= 1
        guard let id = message.id, let child, child.input.pendingByteCount < Self.inputLimit else {
            return
        }
        scratch.removeAll()
        scratch.append("{\"jsonrpc\":\"2.0\",\"id\":")
        scratch.append(id.slice(of: line))
        scratch.append(
            ",\"error\":{\"code\":-32601,\"message\":\"the gateway takes no requests\"}}")
        writeScratch()
    }
}
