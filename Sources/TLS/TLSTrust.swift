// TLSTrust: whose signature on a peer's certificate counts, and how that gets into a context.

internal import COpenSSL

/// Who may sign the certificates of peers.
package enum TLSTrust: Hashable, Sendable {
    /// The authorities that the system trusts.
    case system
    /// The authorities in this PEM file, and nobody else.
    case file(String)
    /// Peers are not verified at all. Only for clients, and only where the network is trusted.
    case anybody

    /// Makes `context` trust these authorities.
    ///
    /// - Parameter announced: whether a server names them to its clients, so that a client with
    ///   several certificates can choose (RFC 8446 §4.2.4).
    /// - Returns: A digest of what is trusted: two that differ trust different authorities.
    /// - Throws: `TLSError.file` for a file without certificates, `TLSError.unavailable`.
    func install(in context: OpaquePointer, announced: Bool) throws(TLSError) -> [UInt8] {
        switch self {
        case .anybody:
            return Digest.sha256("anybody")
        case .system:
            guard SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw .unavailable(ErrorQueue.takeReason())
            }
            return Digest.sha256("system")
        case .file(let path):
            let file = try PEMFile(path: path)
            let authorities = try file.readCertificates()
            defer { for authority in authorities { X509_free(authority) } }
            let store = SSL_CTX_get_cert_store(context)
            // Whatever is listed is trusted by itself, be it a root, an intermediate or one peer's
            // own certificate.
            X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
            for authority in authorities {
                guard X509_STORE_add_cert(store, authority) == 1,
                    !announced || SSL_CTX_add_client_CA(context, authority) == 1
                else { throw .file(path: path, reason: ErrorQueue.takeReason()) }
            }
            return Digest.sha256(file.bytes)
        }
    }
}
