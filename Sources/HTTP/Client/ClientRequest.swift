// ClientRequest: what is to be asked of a server. Its head is composed while it is filled in, so a
// request that breaks the grammar fails where it is made, and nothing of it is sent.
//
// Fields that frame the message or belong to the connection are the client's own: a caller that
// could set them could make two requests of one (RFC 9112 §11.2).

package import Bytes
package import HTTPWire

/// The body of a request.
package enum ClientBody {
    /// No body.
    case none
    /// These bytes.
    case bytes(Payload)
    /// Bytes that `ClientExchange.send` brings: so many, or chunked if that is not known.
    case stream(length: Int?)
}

/// One request.
package struct ClientRequest: ~Copyable {
    /// The method; `.other` for one that has no name here.
    package let method: Method

    /// The body.
    package var body = ClientBody.none

    private var head = ByteBuffer()

    /// Begins a request for `target`, in origin form or `*`, of the host and port `authority`.
    ///
    /// - Throws: `ClientError.requestInvalid` or `.authorityInvalid`.
    package init(
        _ method: Method, target: String, authority: String
    ) throws(ClientError) {
        let name: StaticString = method.name ?? ""
        self.method = method
        try begin(
            UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount),
            target, authority)
    }

    /// Begins a request with a method of any name; as above.
    package init(
        name: UnsafeRawBufferPointer, target: String, authority: String
    ) throws(ClientError) {
        method =
            Method.allCases.first { method in
                method.name.map { ASCII.isExactly(name, $0) } ?? false
            } ?? .other
        try begin(name, target, authority)
    }

    private mutating func begin(
        _ name: UnsafeRawBufferPointer, _ target: String, _ authority: String
    ) throws(ClientError) {
        // A tunnel is no request with an answer.
        guard method != .connect else { throw .requestInvalid(.methodInvalid) }
        try Self.bytes(of: target) { (target) throws(ClientError) in
            do throws(WireError) {
                try head.appendRequestLine(method: name, target: target)
            } catch {
                throw Self.translated(error)
            }
        }
        try Self.bytes(of: authority) { (authority) throws(ClientError) in
            guard Authority.isValid(authority) else { throw .authorityInvalid }
            head.appendField("Host", trusted: authority)
        }
    }

    /// Adds a field.
    ///
    /// - Throws: `ClientError.requestInvalid` if name or value break the grammar, `.reservedField`
    ///   if the field is the client's own.
    package mutating func append(_ name: String, _ value: String) throws(ClientError) {
        try Self.bytes(of: name) { (name) throws(ClientError) in
            try Self.bytes(of: value) { (value) throws(ClientError) in
                try append(name: name, value: value)
            }
        }
    }

    /// Adds a field; as above.
    package mutating func append(
        name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) throws(ClientError) {
        let known = KnownField.recognise(name)
        guard !Self.isReserved(known) else { throw .reservedField(known) }
        do throws(WireError) {
            try head.appendField(name: name, value: value)
        } catch {
            throw Self.translated(error)
        }
    }

    /// Whether `field` frames the message or is meant for one connection only (RFC 9110 §7.6.1):
    /// whoever forwards fields leaves these out.
    package static func isReserved(_ field: KnownField) -> Bool {
        switch field {
        case .host, .contentLength, .transferEncoding, .connection, .keepAlive, .expect, .te,
            .trailer, .upgrade, .proxyConnection, .proxyAuthenticate, .proxyAuthorization:
            true
        default:
            false
        }
    }

    /// Whether the request can be sent again: nothing of its body is lost by sending it once.
    var isRepeatable: Bool {
        guard method.isIdempotent else { return false }
        if case .stream = body { return false }
        return true
    }

    /// Appends the whole head to `output`.
    func composeHead(into output: inout ByteBuffer) {
        output.append(head.readable)
        switch body {
        case .none:
            // RFC 9110 §8.6: methods that usually have a body say that there is none.
            if !method.isSafe, method != .delete { output.appendContentLength(0) }
        case .bytes(let payload): output.appendContentLength(payload.count)
        case .stream(let length?): output.appendContentLength(max(length, 0))
        case .stream(nil): output.appendChunkedCoding()
        }
        output.appendHeadEnd()
    }

    private static func bytes(
        of text: String, _ body: (UnsafeRawBufferPointer) throws(ClientError) -> Void
    ) throws(ClientError) {
        var failure: ClientError?
        var copy = text
        copy.withUTF8 { bytes in
            do throws(ClientError) {
                try body(UnsafeRawBufferPointer(bytes))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private static func translated(_ error: WireError) -> ClientError {
        guard case .misuse(let misuse) = error else { return .malformed(error) }
        return .requestInvalid(misuse)
    }
}
