// ClientError: why a request of ours has no answer, in words an operator can act on. What a gateway
// answers its own client with is not decided here.

internal import Bytes
package import HTTPWire
package import Notifier
package import TLS

/// A deadline of the client side.
package enum ClientDeadline: Sendable {
    /// Waiting for a connection of the pool to become free.
    case queue
    /// Resolving the name and connecting.
    case connect
    /// The TLS handshake.
    case handshake
    /// The peer taking some of the request.
    case write
    /// The head of the final response, counted from the end of the request.
    case head
    /// Progress of the response's body.
    case body
}

/// Why a request got no answer, or not all of it.
package enum ClientError: Error, Equatable, Sendable {
    /// The request would break the grammar; nothing was sent.
    case requestInvalid(WireMisuse)
    /// The request sets a field that is the client's to set; nothing was sent.
    case reservedField(KnownField)
    /// The host is no host, with or without port; nothing was sent.
    case authorityInvalid
    /// The streamed body is longer or shorter than it was announced.
    case bodyLengthWrong
    /// As many requests wait for a connection as the pool allows.
    case queueFull(limit: Int)
    /// The pool has been closed, or the connection is not free.
    case closed
    /// The host's name has no address.
    case unresolved(SystemError)
    /// No address of the host took the connection; one error for each that was tried.
    case connectFailed([SystemError])
    /// A deadline passed.
    case timedOut(ClientDeadline)
    /// TLS failed; certificates that do not hold are among this.
    case tls(TLSError)
    /// The peer ended the connection during the TLS handshake.
    case closedInHandshake
    /// The peer ended the connection before any of an answer came.
    case noAnswer
    /// A system call failed on the open connection, e.g. because the peer reset it.
    case broken(SystemError)
    /// The response breaks the grammar.
    case malformed(WireError)
    /// The connection ended in the middle of the response.
    case truncated
    /// The response's body is larger than `limit` bytes.
    case bodyTooLarge(limit: Int)
    /// The peer sent something before it was asked.
    case unsolicited
    /// More interim responses (1xx) came than anybody needs.
    case interimsTooMany
    /// The peer switched protocols (101), which nobody had asked for.
    case protocolSwitched

    /// Whether the peer was never reached: nothing of the request can have been seen.
    package var isUnreachable: Bool {
        switch self {
        case .unresolved, .connectFailed, .tls, .closedInHandshake, .timedOut(.connect),
            .timedOut(.handshake):
            true
        case .requestInvalid, .reservedField, .authorityInvalid, .bodyLengthWrong, .queueFull,
            .closed, .timedOut, .noAnswer, .broken, .malformed, .truncated, .bodyTooLarge,
            .unsolicited, .interimsTooMany, .protocolSwitched:
            false
        }
    }
}

extension ClientError: CustomStringConvertible {
    /// One line for a log, without the word "error".
    package var description: String {
        switch self {
        case .requestInvalid(let misuse): "\(misuse.reason)"
        case .reservedField(let field):
            "the field \(field.name ?? "named") is set by the client itself"
        case .authorityInvalid: "the host is no valid host and port"
        case .bodyLengthWrong: "the body is not as long as it was announced"
        case .queueFull(let limit): "\(Quantity.text(limit, "request")) may wait, and do already"
        case .closed: "the client is closed"
        case .unresolved(let error): "cannot resolve \(error.subject)"
        case .connectFailed(let errors): Self.text(errors)
        case .timedOut(let deadline): Self.text(deadline)
        case .tls(let error): "\(error)"
        case .closedInHandshake: "the peer ended the connection during the TLS handshake"
        case .noAnswer: "the peer ended the connection without an answer"
        case .broken(let error): "the connection broke: \(error)"
        case .malformed(let error): "the answer is malformed: \(error.reason)"
        case .truncated: "the connection ended in the middle of the answer"
        case .bodyTooLarge(let limit): "the answer's body is larger than \(Quantity.bytes(limit))"
        case .unsolicited: "the peer sent something before it was asked"
        case .interimsTooMany: "too many interim responses came before the answer"
        case .protocolSwitched: "the peer switched to another protocol, which nobody asked for"
        }
    }

    private static func text(_ errors: [SystemError]) -> String {
        errors.isEmpty
            ? "the host has no address" : errors.map { "\($0)" }.joined(separator: "; ")
    }

    private static func text(_ deadline: ClientDeadline) -> String {
        switch deadline {
        case .queue: "no connection became free in time"
        case .connect: "the connection was not made in time"
        case .handshake: "the TLS handshake was not finished in time"
        case .write: "the peer did not take the request in time"
        case .head: "the answer did not begin in time"
        case .body: "the answer's body did not arrive in time"
        }
    }
}
