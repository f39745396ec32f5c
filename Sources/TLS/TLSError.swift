// TLSError: everything that can go wrong, in words an operator can act on.
//
// Not here: how an OpenSSL error becomes one of these (ErrorQueue).

/// Why a context could not be built, or why a session ended.
package enum TLSError: Error, Equatable, Sendable {
    /// A file cannot be used; `reason` says why, e.g. "certificate and key do not match".
    case file(path: String, reason: String)
    /// A setting makes no sense by itself.
    case setting(String)

    /// The peer's first bytes are not TLS and look like HTTP. A server may answer in clear.
    case plainHTTP
    /// The client offers protocols by ALPN, and none of ours is among them (RFC 7301 §3.2).
    case noCommonProtocol
    /// The peer speaks only versions that we refuse.
    case noCommonVersion
    /// There is no cipher, group or signature that both ends accept.
    case noCommonCipher
    /// A client certificate is required, and the client has none.
    case certificateMissing
    /// The peer's certificate does not hold; the text is OpenSSL's reason.
    case certificateRejected(String)
    /// The peer ended the session with this fatal alert (RFC 8446 §6.2).
    case peerAlert(String)
    /// The peer broke the protocol: a forged record, a message out of order, plain garbage.
    case malformed(String)
    /// The transport ended without close_notify: the peer's last bytes may be missing.
    case truncated
    /// `send` before the handshake is complete, or after `close`.
    case notOpen
    /// OpenSSL failed for a reason of its own, e.g. for want of memory.
    case unavailable(String)
}

extension TLSError: CustomStringConvertible {
    /// One line for a log, without the word "error".
    package var description: String {
        switch self {
        case .file(let path, let reason): "\(path): \(reason)"
        case .setting(let reason): reason
        case .plainHTTP: "plain HTTP on a TLS port"
        case .noCommonProtocol: "no application protocol in common"
        case .noCommonVersion: "no TLS version in common"
        case .noCommonCipher: "no cipher, group or signature in common"
        case .certificateMissing: "the client has no certificate"
        case .certificateRejected(let reason): "certificate rejected: \(reason)"
        case .peerAlert(let reason): "the peer sent an alert: \(reason)"
        case .malformed(let reason): "not valid TLS: \(reason)"
        case .truncated: "the connection ended without close_notify"
        case .notOpen: "the TLS session is not open"
        case .unavailable(let reason): "TLS is unavailable: \(reason)"
        }
    }
}
