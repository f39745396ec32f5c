// RPCRoutes: JSON-RPC 2.0 over HTTP at /v1/rpc: method `module.command`; single calls, notifications
// and batches. Errors of calls are JSON-RPC errors inside a 200, as its clients expect.

internal import Bytes
internal import HTTP
internal import JSON

/// The answers of one batch, or of a single call, as they come in.
///
/// Loop-confined.
private final class RPCBatch {
    private let exchange: Exchange
    private let isBatch: Bool
    private var answers = ByteBuffer()
    private var openCount = 1  // the one who is still adding calls
    private var answerCount = 0

    init(_ exchange: Exchange, isBatch: Bool) {
        self.exchange = exchange
        self.isBatch = isBatch
    }

    func add() { openCount += 1 }

    func answer(_ write: (inout ByteBuffer) -> Void) {
        if answerCount > 0 { answers.append(",") }
        answerCount += 1
        write(&answers)
    }

    /// Adds the outcome of a call; what does not fit any more is an error instead.
    func answer(_ outcome: CallOutcome, id: [UInt8]) {
        if case .result(let json) = outcome, answers.count + json.count > Self.byteLimit {
            answer {
                RPCText.append(
                    error: -32000, "The answers of this batch are too large together", id: id,
                    to: &$0)
            }
        } else {
            answer { RPCText.append(outcome, id: id, to: &$0) }
        }
    }

    /// Bytes of one answer at most: that of a single call, as a module may write it.
    static let byteLimit = 16 << 20

    /// One call is done; the last one sends the answer.
    func done() {
        openCount -= 1
        guard openCount == 0, exchange.isOpen else { return }
        guard answerCount > 0 else {
            exchange.respond(204)  // nothing but notifications (JSON-RPC 2.0 §6)
            return
        }
        var body = ByteBuffer()
        if isBatch { body.append("[") }
        body.append(answers.readable)
        if isBatch { body.append("]") }
        body.append("\n")
        exchange.respond(200, type: "application/json", body)
    }
}

extension GatewayLoop {
    /// Calls in one batch at most.
    static let batchLimit = 100

    func answerRPC(_ exchange: Exchange) {
        let body = exchange.body
        let depth = facts.settings.limits.jsonDepth
        do throws(JSONError) {
            let shape = try JSONScanner.validate(body, maxDepth: depth)
            var line = ByteBuffer()
            if shape.hasLineBreak {
                _ = try JSONScanner.compact(body, into: &line, maxDepth: depth)
            }
            let text = shape.hasLineBreak ? line.readable : body
            if shape.kind == .array {
                try answerBatch(text, exchange)
            } else {
                let batch = RPCBatch(exchange, isBatch: false)
                start(text, batch, exchange)
                batch.done()
            }
        } catch {
            exchange.respondRPCError(-32700, "Parse error: \(error)")
        }
    }

    private func answerBatch(
        _ text: UnsafeRawBufferPointer, _ exchange: Exchange
    ) throws(JSONError) {
        var spans: [JSONSpan] = []
        try JSONScanner.elements(of: text) { spans.append($0) }
        guard !spans.isEmpty, spans.count <= Self.batchLimit else {
            exchange.respondRPCError(
                -32600, "Invalid Request: a batch has 1 to \(Self.batchLimit) calls")
            return
        }
        let batch = RPCBatch(exchange, isBatch: true)
        for span in spans { start(span.slice(of: text), batch, exchange) }
        batch.done()
    }

    /// Starts one call of a batch.
    private func start(
        _ text: UnsafeRawBufferPointer, _ batch: RPCBatch, _ exchange: Exchange
    ) {
        guard let message = try? JSONMessageScanner.scan(text), message.isVersion2,
            message.form == .request || message.form == .notification,
            let method = message.method?.unquoted.slice(of: text)
        else {
            batch.answer { RPCText.append(error: -32600, "Invalid Request", id: nil, to: &$0) }
            return
        }
        let id = message.form == .request ? message.id.map { Array($0.slice(of: text)) } : nil
        guard let found = findMethod(method) else {
            if let id {
                batch.answer { RPCText.append(error: -32601, "Method not found", id: id, to: &$0) }
            }
            return
        }
        let empty: StaticString = "{}"
        let params =
            message.params?.slice(of: text)
            ?? UnsafeRawBufferPointer(start: empty.utf8Start, count: 2)
        guard let terms = rpcTerms(found, exchange) else {
            if let id {
                let module = modules.facts[found.module]
                let error = ModuleError.sessionRequired(
                    module: module.name, source: module.sessionSource?.text ?? "")
                batch.answer(.failure(error), id: id)
            }
            return
        }
        guard let id else {
            // Nobody waits for the answer to a notification, nor is it called off (§4.1).
            _ = startCall(found, params, terms) { _ in }
            return
        }
        batch.add()
        let ticket = startCall(found, params, terms) { outcome in
            batch.answer(outcome, id: id)
            batch.done()
        }
        guard ticket.isOpen else { return }
        let others = exchange.onAbandoned
        exchange.onAbandoned = {
            others?()
            ticket.cancel()
        }
    }

    /// Finds `module.command`; the module's name has no dot.
    func findMethod(_ method: UnsafeRawBufferPointer) -> Found? {
        guard let dot = method.firstIndex(of: UInt8(ascii: ".")) else { return nil }
        let moduleName = UnsafeRawBufferPointer(rebasing: method[..<dot])
        let name = UnsafeRawBufferPointer(rebasing: method[(dot + 1)...])
        guard let module = modules.find(moduleName) else { return nil }
        if let index = modules.findCommand(name, in: module) {
            return Found(module: module, command: modules.command(index, of: module), name: name)
        }
        return modules.mayTake(name, module)
            ? Found(module: module, command: nil, name: name) : nil
    }
}

/// The text of JSON-RPC answers.
enum RPCText {
    /// Appends the answer to the call with `id`.
    static func append(_ outcome: CallOutcome, id: [UInt8], to out: inout ByteBuffer) {
        switch outcome {
        case .result(let json):
            out.append("{\"jsonrpc\":\"2.0\",\"id\":")
            out.append(id)
            out.append(",\"result\":")
            out.append(json)
            out.append("}")
        case .failure(.failed(_, let error)):
            append(error: error.code, error.message, data: error.data, id: id, to: &out)
        case .failure(let error):
            append(
                error: code(of: error), error.detail, data: end(error), id: id, to: &out)
        }
    }

    /// How the child ended that had the call, as JSON, if it did.
    private static func end(_ error: ModuleError) -> [UInt8]? {
        switch error {
        case .exited(_, let end), .runFailed(_, let end, _):
            JSONBytes.make { json in
                json.beginObject()
                end.appendMembers(&json)
                json.endObject()
            }
        default: nil
        }
    }

    private static func code(of error: ModuleError) -> Int {
        switch error {
        case .unknownModule, .unknownCommand, .notSafe: -32601
        case .badParameters: -32602
        default: -32000
        }
    }

    /// Appends an error answer; without an id it is `null`.
    static func append(
        error code: Int, _ message: String, data: [UInt8]? = nil, id: [UInt8]?,
        to out: inout ByteBuffer
    ) {
        JSONWriter.append(to: &out) { json in
            json.beginObject()
            json.key("jsonrpc")
            json.string("2.0")
            json.key("id")
            if let id { id.withUnsafeBytes { json.raw($0) } } else { json.null() }
            json.key("error")
            json.beginObject()
            json.key("code")
            json.int(code)
            json.key("message")
            json.string(message)
            if let data {
                json.key("data")
                data.withUnsafeBytes { json.raw($0) }
            }
            json.endObject()
            json.endObject()
        }
    }
}

extension Exchange {
    /// Answers a body that is no call with a JSON-RPC error.
    fileprivate func respondRPCError(_ code: Int, _ message: String) {
        var body = ByteBuffer()
        RPCText.append(error: code, message, id: nil, to: &body)
        body.append("\n")
        respond(200, type: "application/json", body)
    }
}
