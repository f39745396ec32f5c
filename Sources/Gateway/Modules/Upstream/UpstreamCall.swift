// UpstreamCall: a call of an upstream module that does not come by plain HTTP: from JSON-RPC or a
// timer. It becomes a POST of its params, and the answer must be JSON.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Notifier

extension UpstreamModule {
    func call(_ call: ModuleCall, _ ticket: CallTicket) {
        var isProbe = false
        if let refusal = refusal(isProbe: &isProbe) {
            ticket.fail(refusal)
            return
        }
        let probes = isProbe
        do throws(ClientError) {
            let request = try compose(call)
            let exchange = try pool.fetch(request, limit: Self.collectedLimit) { [self] result in
                finish(result, ticket, isProbe: probes)
            }
            ticket.onCancel { [self] in
                exchange.cancel()
                // The deadline of such a call may be the caller's own.
                conclude(.abandoned, isProbe: probes)
            }
        } catch {
            conclude(.refused, isProbe: probes)
            ticket.fail(error == .closed ? .draining : .overloaded(module: name))
        }
    }

    private func compose(_ call: ModuleCall) throws(ClientError) -> ClientRequest {
        var request = try ClientRequest(
            .post, target: settings.basePath + "/" + String(decoding: call.command, as: UTF8.self),
            authority: authority)
        try request.append("Content-Type", "application/json")
        try request.append("Accept", "application/json")
        let context = try? JSONValue.parse(call.context)
        var id = ByteBuffer()
        id.append(text: context?["request_id"]?.string ?? "-")
        var trace = ByteBuffer()
        trace.append(text: context?["traceparent"]?.string ?? "")
        try fields.set(
            UpstreamFields.Origin(
                client: context?["client"]?.string ?? "unix", isSecure: false,
                host: UnsafeRawBufferPointer(start: nil, count: 0), requestID: id.readable,
                trace: TraceContext.isValid(trace.readable) ? trace.readable : nil), to: &request)
        request.body = .bytes(Payload(call.params))
        return request
    }

    private func finish(
        _ result: Result<ClientAnswer, ClientError>, _ ticket: CallTicket, isProbe: Bool
    ) {
        switch result {
        case .success(let answer):
            conclude(.answered, isProbe: isProbe)
            deliver(answer, ticket)
        case .failure(let error):
            guard let fault = UpstreamFault(error) else {
                conclude(.refused, isProbe: isProbe)
                ticket.fail(error == .closed ? .draining : .overloaded(module: name))
                return
            }
            conclude(.failed("\(error)"), isProbe: isProbe)
            ticket.fail(.upstream(module: name, fault))
        }
    }

    private func deliver(_ answer: ClientAnswer, _ ticket: CallTicket) {
        guard (200..<300).contains(answer.status) else {
            refuse(answer, ticket)
            return
        }
        guard !answer.body.isEmpty else {
            Array("null".utf8).withUnsafeBytes { ticket.finish(.result($0)) }
            return
        }
        answer.body.withUnsafeBytes { body in
            var line = ByteBuffer()
            do throws(JSONError) {
                _ = try JSONScanner.compact(body, into: &line)
                ticket.finish(.result(line.readable))
            } catch {
                ticket.fail(.nonsense(module: name, reason: "its answer is not JSON: \(error)"))
            }
        }
    }

    /// Makes an error of an answer that is none; its body goes along if it is JSON.
    private func refuse(_ answer: ClientAnswer, _ ticket: CallTicket) {
        guard answer.status >= 400 else {
            ticket.fail(
                .nonsense(module: name, reason: "its answer has the status \(answer.status)"))
            return
        }
        var data: [UInt8]?
        var message: String?
        answer.body.withUnsafeBytes { body in
            var line = ByteBuffer()
            guard (try? JSONScanner.compact(body, into: &line)) != nil else { return }
            data = line.array()
            let problem = try? JSONValue.parse(line.readable)
            message = problem?["detail"]?.string ?? problem?["title"]?.string
        }
        let reason = String(decoding: StatusCode.reason(answer.status), as: UTF8.self)
        ticket.fail(
            .failed(
                module: name,
                .init(
                    code: -32000, message: message ?? "\(answer.status) \(reason)", data: data,
                    status: min(answer.status, 599))))
    }
}
