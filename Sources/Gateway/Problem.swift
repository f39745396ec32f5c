// Problem: the body of every error answer, a problem document (RFC 9457) with our members beside
// the standard ones.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON

/// Composes problem documents.
enum Problem {
    /// Their media type.
    static let mediaType: StaticString = "application/problem+json"

    /// Appends a document, and adds the field that keeps browsers from taking it for a page: it may
    /// quote what the client sent.
    ///
    /// - Parameters:
    ///   - code: a stable name for programs; it also makes the `type`.
    ///   - more: writes further members.
    static func append(
        status: Int, code: StaticString, detail: String, of exchange: Exchange,
        isRetryable: Bool = false, to out: inout ByteBuffer,
        more: (inout JSONWriter) -> Void = { _ in }
    ) {
        exchange.extraFields.append("X-Content-Type-Options: nosniff\r\n")
        JSONWriter.append(to: &out) { json in
            write(status, code, detail, isRetryable, of: exchange, &json, more)
        }
        out.append(UInt8(ascii: "\n"))
    }

    /// Appends the document of a call that failed.
    static func append(_ error: ModuleError, of exchange: Exchange, to out: inout ByteBuffer) {
        append(
            status: error.status, code: error.code, detail: error.detail, of: exchange,
            isRetryable: error.isRetryable, to: &out
        ) { json in error.appendMembers(&json) }
    }

    /// Writes the document of a call that failed for nobody in particular, such as a job's.
    static func write(_ error: ModuleError, _ json: inout JSONWriter) {
        write(error.status, error.code, error.detail, error.isRetryable, of: nil, &json) { json in
            error.appendMembers(&json)
        }
    }

    /// Writes a document; without an exchange there is no `instance` and no `request_id`.
    private static func write(
        _ status: Int, _ code: StaticString, _ detail: String, _ isRetryable: Bool,
        of exchange: Exchange?, _ json: inout JSONWriter, _ more: (inout JSONWriter) -> Void
    ) {
        json.beginObject()
        json.key("type")
        json.string("urn:signalbox:problem:\(code)")
        json.key("title")
        json.string(StatusCode.reason(status))
        json.key("status")
        json.int(status)
        json.key("detail")
        json.string(detail)
        if let exchange, exchange.path.count > 0 {
            // A URI reference (RFC 9457 §3.1.5): the path is kept decoded.
            var instance = ByteBuffer()
            Percent.encodePath(exchange.path, into: &instance)
            json.key("instance")
            json.string(instance.readable)
        }
        json.key("code")
        json.string(code)
        if let exchange {
            var id = ByteBuffer()
            exchange.appendID(to: &id)
            json.key("request_id")
            json.string(id.readable)
        }
        json.key("retryable")
        json.bool(isRetryable)
        more(&json)
        json.endObject()
    }
}

extension Exchange {
    /// Answers with a problem document.
    ///
    /// What has to do with the moment, such as 503, may be tried again.
    func respondProblem(_ status: Int, _ code: StaticString, _ detail: String) {
        var body = ByteBuffer()
        Problem.append(
            status: status, code: code, detail: detail, of: self,
            isRetryable: status == 503 || status == 429, to: &body)
        respond(status, type: Problem.mediaType, body)
    }

    /// Answers a call that failed.
    func respondFailure(_ error: ModuleError) {
        var body = ByteBuffer()
        let status = error.status
        Problem.append(error, of: self, to: &body)
        if let seconds = error.retryAfter {
            extraFields.append("Retry-After: ")
            extraFields.append(decimal: seconds)
            extraFields.append("\r\n")
        }
        if case .notSafe = error { extraFields.append("Allow: POST, OPTIONS\r\n") }
        respond(status, type: Problem.mediaType, body)
    }
}

extension ModuleError {
    /// Writes the members that this error adds to a problem document.
    fileprivate func appendMembers(_ json: inout JSONWriter) {
        switch self {
        case .badParameters(let faults):
            json.key("errors")
            json.beginArray()
            for fault in faults {
                json.beginObject()
                json.key("pointer")
                json.string(fault.pointer)
                json.key("detail")
                json.string(fault.message)
                json.endObject()
            }
            json.endArray()
        case .failed(let module, let error):
            json.key("module")
            json.string(module)
            json.key("rpc_code")
            json.int(error.code)
            if let data = error.data {
                json.key("data")
                data.withUnsafeBytes { json.raw($0) }
            }
        case .exited(let module, let end), .failing(let module, let end, _),
            .runFailed(let module, let end, _):
            json.key("module")
            json.string(module)
            end.appendMembers(&json)
        case .notStarted(let module, _), .overloaded(let module), .timedOut(let module, _),
            .nonsense(let module, _), .notSafe(let module, _), .unknownCommand(let module, _),
            .unknownModule(let module), .waitedTooLong(let module, _),
            .tooManySessions(let module, _), .sessionRequired(let module, _),
            .upstream(let module, _):
            json.key("module")
            json.string(module)
        case .cancelled, .draining: break
        }
    }
}

extension ModuleError.ChildEnd {
    /// Writes how the child ended and its last words; nothing if there was none.
    func appendMembers(_ json: inout JSONWriter) {
        guard wasRunning else { return }
        json.key("exit")
        json.beginObject()
        if let exitCode {
            json.key("code")
            json.int(exitCode)
        }
        if let signal {
            json.key("signal")
            json.int(signal)
        }
        json.endObject()
        json.key("stderr")
        json.beginArray()
        for line in lastLines { json.string(line) }
        json.endArray()
    }
}
