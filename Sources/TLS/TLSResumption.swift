// TLSResumption: what a client keeps of one session to shorten the handshake of the next.

internal import COpenSSL

/// What a client needs to resume a session: the secret that a ticket stands for.
///
/// Confined to one thread at a time. A resumed handshake shows no certificate, so a resumption is
/// good only for the host, the trust and the identity that it was made with; a session made with
/// others ignores it.
package final class TLSResumption {
    /// The host that the certificate was checked for.
    package let host: String

    let session: OpaquePointer
    private let scope: [UInt8]

    /// Copies what `ssl` has; nil if the server gave it nothing (yet).
    init?(_ ssl: OpaquePointer, host: String, scope: [UInt8]) {
        // A copy: OpenSSL spoils the original when a connection ends without close_notify.
        guard let current = SSL_get_session(ssl), SSL_SESSION_is_resumable(current) == 1,
            let copy = SSL_SESSION_dup(current)
        else { return nil }
        session = copy
        self.host = host
        self.scope = scope
    }

    deinit { SSL_SESSION_free(session) }

    /// Whether a session with `host` on `context` may use it.
    func isFor(_ host: String, on context: TLSContext) -> Bool {
        self.host == host && scope == context.scope
    }
}
