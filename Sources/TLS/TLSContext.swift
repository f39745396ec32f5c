// TLSContext: certificates, trust and rules, loaded once and shared by the sessions of a loop.
//
// It is never changed except for its ticket keys. A reload builds a new one; if that fails the old
// one goes on, and sessions keep the context they began with.

internal import COpenSSL
internal import Glibc

/// What the TLS sessions of one loop have in common.
///
/// Loop-confined, but not tied to the thread that made it: whoever reloads may build one for each
/// loop, and hand them over when all of them are good.
package final class TLSContext {
    /// How long a resumption ticket is accepted.
    package static let ticketLifetimeSeconds = 7_200

    /// What deserves a line in the log: expired certificates, readable keys.
    package let warnings: [TLSWarning]
    /// Facts of the certificates, in the order of the settings.
    package let certificates: [TLSCertificateFacts]

    /// When the first of the OCSP responses ends, seconds since 1970; nil if none does.
    package let stapleEnd: Int64?

    let isServer: Bool
    let wire: Wire
    /// Whether a session may have been given an OCSP response that it can drop when it is open.
    let hasStaples: Bool
    /// One for each set of names; the first is the default.
    private let branches: [Branch]
    private let names: ServerNames
    private let identities: [TLSIdentity]
    private let callbacks: CallbackData

    /// The SSL_CTX a session starts from.
    var primary: OpaquePointer { branches[0].pointer }
    /// What a resumption must have in common with a session.
    var scope: [UInt8] { branches[0].scope }

    /// Builds a server context.
    ///
    /// - Throws: `TLSError.file` naming the file and the reason, `TLSError.setting`, or
    ///   `TLSError.unavailable`.
    package init(server settings: TLSSettings) throws(TLSError) {
        guard !settings.identities.isEmpty else {
            throw .setting("a TLS listener needs a certificate")
        }
        guard settings.clientAuthentication == .none || settings.clientTrust != .anybody else {
            throw .setting("client certificates need an authority that signs them")
        }
        var identities: [TLSIdentity] = []
        for files in settings.identities { identities.append(try TLSIdentity(files)) }
        let callbacks = CallbackData(
            protocols: try Self.wireFormat(settings.protocols), keys: settings.ticketKeys)
        let plan = BranchPlan(identities)
        var branches: [Branch] = []
        for members in plan.members {
            let branch = try Branch(server: settings, callbacks: callbacks)
            for member in members { try identities[member].install(in: branch.pointer) }
            branches.append(branch)
        }
        isServer = true
        wire = try Wire()
        certificates = identities.map(\.facts)
        warnings = identities.flatMap(\.warnings) + plan.warnings
        hasStaples = identities.contains { $0.staple != nil }
        stapleEnd = identities.compactMap(\.staple?.goodUntil).min()
        names = plan.names
        self.branches = branches
        self.identities = identities
        self.callbacks = callbacks
        installCallbacks()
    }

    /// Builds a client context.
    ///
    /// - Throws: `TLSError.file` naming the file and the reason, `TLSError.setting`, or
    ///   `TLSError.unavailable`.
    package init(client settings: TLSClientSettings) throws(TLSError) {
        let branch = try Branch(client: settings, protocols: Self.wireFormat(settings.protocols))
        var identities: [TLSIdentity] = []
        if let files = settings.identity {
            let identity = try TLSIdentity(files)
            try identity.install(in: branch.pointer)
            identities.append(identity)
        }
        isServer = false
        wire = try Wire()
        certificates = identities.map(\.facts)
        warnings = identities.flatMap(\.warnings)
        hasStaples = false
        stapleEnd = nil
        names = ServerNames()
        branches = [branch]
        self.identities = identities
        callbacks = CallbackData(protocols: [], keys: nil)
    }

    /// Seals tickets with `keys` from now on.
    ///
    /// Without effect on a context built without keys.
    package func replaceTicketKeys(_ keys: TLSTicketKeys) {
        callbacks.replaceKeys(keys)
    }

    /// Chooses the certificate for the name the client asks for (RFC 6066 §3).
    ///
    /// An unknown name gets the default certificate, and the client decides. Any name is
    /// acknowledged, because only then OpenSSL remembers it in tickets.
    private func choose(for ssl: OpaquePointer) -> Int32 {
        guard let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else {
            return SSL_TLSEXT_ERR_NOACK
        }
        guard branches.count > 1,
            let index = names.index(for: UnsafeRawBufferPointer(start: name, count: strlen(name)))
        else { return SSL_TLSEXT_ERR_OK }
        if index > 0 { SSL_set_SSL_CTX(ssl, branches[index].pointer) }
        return SSL_TLSEXT_ERR_OK
    }

    /// Keeps a session to the name it was made for (RFC 6066 §3): a ticket made for another one is
    /// not found, and a full handshake follows.
    private func bindSession(of ssl: OpaquePointer) {
        var data: UnsafePointer<UInt8>?
        var count = 0
        let kind = UInt32(TLSEXT_TYPE_server_name)
        // Without a name the branch's own scope stays.
        guard SSL_client_hello_get0_ext(ssl, kind, &data, &count) == 1,
            let name = ServerNames.asked(in: UnsafeRawBufferPointer(start: data, count: count))
        else { return }
        let scope = Digest.sha256(scope + ServerNames.canonical(name))
        SSL_set_session_id_context(ssl, scope, UInt32(scope.count))
    }

    /// Staples the OCSP response of the certificate in use (RFC 6066 §8).
    private func staple(_ ssl: OpaquePointer) -> Int32 {
        let certificate = SSL_get_certificate(ssl)
        guard let identity = identities.first(where: { $0.isCertificate(certificate) }),
            let staple = identity.staple, staple.isGood(at: Int64(time(nil))),
            copenssl_set_ocsp_response(ssl, staple.bytes, staple.bytes.count) == 1
        else { return SSL_TLSEXT_ERR_NOACK }
        return SSL_TLSEXT_ERR_OK
    }

    /// SAFETY of all callbacks: sessions hold their context, so it outlives every call.
    private func installCallbacks() {
        let me = Unmanaged.passUnretained(self).toOpaque()
        copenssl_ctx_set_servername_callback(
            primary,
            { ssl, _, context in
                guard let ssl, let context else { return SSL_TLSEXT_ERR_NOACK }
                return Unmanaged<TLSContext>.fromOpaque(context).takeUnretainedValue()
                    .choose(for: ssl)
            }, me)
        // The certificate is chosen after the ticket was looked at, this before.
        SSL_CTX_set_client_hello_cb(
            primary,
            { ssl, _, context in
                guard let ssl, let context else { return SSL_CLIENT_HELLO_ERROR }
                Unmanaged<TLSContext>.fromOpaque(context).takeUnretainedValue()
                    .bindSession(of: ssl)
                return SSL_CLIENT_HELLO_SUCCESS
            }, me)
        guard hasStaples else { return }
        for branch in branches {
            copenssl_ctx_set_status_callback(
                branch.pointer,
                { ssl, context in
                    guard let ssl, let context else { return SSL_TLSEXT_ERR_NOACK }
                    return Unmanaged<TLSContext>.fromOpaque(context).takeUnretainedValue()
                        .staple(ssl)
                }, me)
        }
    }

    /// Protocol names as ALPN carries them: a length byte before each (RFC 7301 §3.1).
    private static func wireFormat(_ protocols: [String]) throws(TLSError) -> [UInt8] {
        var bytes: [UInt8] = []
        for name in protocols {
            guard let length = UInt8(exactly: name.utf8.count), length > 0 else {
                throw .setting("an application protocol has 1 to 255 bytes")
            }
            bytes.append(length)
            bytes += name.utf8
        }
        return bytes
    }
}
