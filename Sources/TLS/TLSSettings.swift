// TLSSettings, TLSClientSettings: what a context is built from. Plain values that travel between
// threads; files are named, not read (TLSIdentity and TLSTrust read them).

/// The oldest version of the protocol that is accepted.
package enum TLSVersion: Sendable {
    /// TLS 1.2 (RFC 5246).
    case tls12
    /// TLS 1.3 (RFC 8446).
    case tls13
}

/// The files of one certificate.
package struct TLSIdentityFiles: Hashable, Sendable {
    /// PEM: the certificate, then its intermediates in order.
    package var chain: String
    /// PEM: the private key, not encrypted.
    package var key: String
    /// DER: an OCSP response to staple, or nil.
    package var ocspResponse: String?

    /// Names the files of one certificate.
    package init(chain: String, key: String, ocspResponse: String? = nil) {
        self.chain = chain
        self.key = key
        self.ocspResponse = ocspResponse
    }
}

/// Whether a server asks its clients for certificates.
package enum TLSClientAuthentication: Sendable {
    /// Does not ask.
    case none
    /// Asks; a client may have none, but one it presents must be valid.
    case optional
    /// Ends the handshake of a client without a valid certificate.
    case required
}

/// What a server context is built from.
package struct TLSSettings: Sendable {
    /// Certificates; the first serves clients that name no host, or an unknown one.
    ///
    /// Two with the same names and different kinds of key (RSA and ECDSA) are offered side by side.
    package var identities: [TLSIdentityFiles]
    /// The oldest version accepted.
    package var minimumVersion = TLSVersion.tls12
    /// Protocols by ALPN in order of preference; empty switches ALPN off.
    package var protocols = ["http/1.1"]
    /// Whether clients are asked for certificates.
    package var clientAuthentication = TLSClientAuthentication.none
    /// Who may sign client certificates.
    ///
    /// Used unless `clientAuthentication` is `.none`.
    package var clientTrust = TLSTrust.system
    /// Keys of the resumption tickets, the same on every loop; nil switches resumption off.
    package var ticketKeys: TLSTicketKeys?

    /// Makes the settings of a server with these certificates and no client authentication.
    package init(identities: [TLSIdentityFiles], ticketKeys: TLSTicketKeys? = nil) {
        self.identities = identities
        self.ticketKeys = ticketKeys
    }
}

/// What a client context is built from.
package struct TLSClientSettings: Sendable {
    /// Who may sign server certificates.
    package var trust: TLSTrust
    /// A certificate of our own for servers that ask, or nil.
    package var identity: TLSIdentityFiles?
    /// The oldest version accepted.
    package var minimumVersion = TLSVersion.tls12
    /// Protocols offered by ALPN in order of preference; empty offers none.
    package var protocols = ["http/1.1"]

    /// Makes the settings of a client that trusts `trust`.
    package init(trust: TLSTrust = .system, identity: TLSIdentityFiles? = nil) {
        self.trust = trust
        self.identity = identity
    }
}
