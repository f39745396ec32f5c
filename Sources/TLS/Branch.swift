// Branch: one SSL_CTX with the rules of its context. A context has one for each set of names it
// serves (BranchPlan); the certificates are put in by TLSContext.

internal import COpenSSL

/// One SSL_CTX with all rules of its context.
final class Branch {
    /// The SSL_CTX.
    ///
    /// Sessions add references of their own.
    let pointer: OpaquePointer
    /// What a resumption must have in common with a session: a digest of who is trusted and asked.
    private(set) var scope: [UInt8] = []

    // AES-128 first: it is the faster one, and no attack knows the difference. ECDHE and
    // AEAD only. A phone that puts ChaCha20 first gets it (SSL_OP_PRIORITIZE_CHACHA).
    private static let suites13 =
        "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    private static let ciphers12 =
        "ECDHE+AESGCM+AES128:ECDHE+AESGCM+AES256:ECDHE+CHACHA20"
    private static let groups = "X25519:P-256:P-384"

    private init(
        method: OpaquePointer?, minimumVersion: TLSVersion, hasTickets: Bool
    ) throws(TLSError) {
        ErrorQueue.clear()
        guard let pointer = SSL_CTX_new(method) else {
            throw .unavailable(ErrorQueue.takeReason())
        }
        self.pointer = pointer
        copenssl_ctx_set_options(pointer, hasTickets ? 1 : 0)
        // RELEASE_BUFFERS gives 33 KiB back while a connection is idle. Partial and moving writes
        // need no mode: the wire takes everything, so a write never has to be repeated.
        copenssl_ctx_set_mode(pointer, Int(SSL_MODE_RELEASE_BUFFERS))
        // Tickets carry all state; a cache would need room and sharing.
        copenssl_ctx_set_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
        SSL_CTX_set_timeout(pointer, TLSContext.ticketLifetimeSeconds)
        let oldest = minimumVersion == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
        guard copenssl_ctx_set_min_version(pointer, oldest) == 1,
            SSL_CTX_set_ciphersuites(pointer, Self.suites13) == 1,
            SSL_CTX_set_cipher_list(pointer, Self.ciphers12) == 1,
            copenssl_ctx_set_groups(pointer, Self.groups) == 1
        else { throw .unavailable(ErrorQueue.takeReason()) }
    }

    /// An SSL_CTX for servers.
    ///
    /// - Throws: `TLSError.file` for the authorities of clients, `TLSError.unavailable`.
    convenience init(server settings: TLSSettings, callbacks: CallbackData) throws(TLSError) {
        try self.init(
            method: TLS_server_method(), minimumVersion: settings.minimumVersion,
            hasTickets: settings.ticketKeys != nil)
        copenssl_ctx_set_server(pointer, callbacks.pointer)
        // One ticket a handshake, not OpenSSL's two: 11 % of the handshake's time.
        SSL_CTX_set_num_tickets(pointer, settings.ticketKeys == nil ? 0 : 1)
        var scope: [UInt8] = []
        switch settings.clientAuthentication {
        case .none:
            SSL_CTX_set_verify(pointer, SSL_VERIFY_NONE, nil)
        case .optional:
            SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
            scope = [1] + (try settings.clientTrust.install(in: pointer, announced: true))
        case .required:
            let mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
            SSL_CTX_set_verify(pointer, mode, nil)
            scope = [2] + (try settings.clientTrust.install(in: pointer, announced: true))
        }
        // A ticket stands for the check of the client's certificate, or for its absence. It must
        // not open a session on a listener that asks for more or trusts other authorities, such as
        // this one after a reload: so those are part of what OpenSSL compares.
        self.scope = Digest.sha256(scope)
        SSL_CTX_set_session_id_context(pointer, self.scope, UInt32(self.scope.count))
    }

    /// An SSL_CTX for clients that offer `protocols` (in wire format).
    ///
    /// - Throws: `TLSError.file` for the authorities of servers, `TLSError.unavailable`.
    convenience init(
        client settings: TLSClientSettings, protocols: [UInt8]
    ) throws(TLSError) {
        try self.init(
            method: TLS_client_method(), minimumVersion: settings.minimumVersion,
            hasTickets: true)
        let mode = settings.trust == .anybody ? SSL_VERIFY_NONE : SSL_VERIFY_PEER
        SSL_CTX_set_verify(pointer, mode, nil)
        let trust = try settings.trust.install(in: pointer, announced: false)
        scope = Digest.sha256(trust + Array((settings.identity?.chain ?? "").utf8))
        // This function alone returns 0 for success.
        guard SSL_CTX_set_alpn_protos(pointer, protocols, UInt32(protocols.count)) == 0 else {
            throw .unavailable(ErrorQueue.takeReason())
        }
    }

    deinit { SSL_CTX_free(pointer) }
}
