// Facts about an open session: what was agreed on, and who the peer is.

internal import COpenSSL

/// What is known about the peer's certificate.
package enum TLSVerification: Equatable, Sendable {
    /// The peer showed none.
    case noCertificate
    /// It is valid and signed by somebody we trust.
    case verified
    /// It is not, and the session was allowed all the same (`TLSTrust.anybody`).
    case rejected(String)
}

extension TLSSession {
    /// The version in use, such as `TLSv1.3`.
    package var version: String { String(cString: SSL_get_version(ssl)) }

    /// The cipher in use, such as `TLS_AES_128_GCM_SHA256`; nil before the handshake.
    package var cipher: String? {
        guard let cipher = SSL_get_current_cipher(ssl), let name = SSL_CIPHER_get_name(cipher)
        else { return nil }
        return String(cString: name)
    }

    /// The protocol that ALPN agreed on; nil if the client offered none.
    package var applicationProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &count)
        guard let name, count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    /// The host name the client asked for, as it was sent.
    package var serverName: String? {
        SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
    }

    /// Whether the handshake was shortened by a ticket.
    package var wasResumed: Bool { SSL_session_reused(ssl) == 1 }

    /// The subject of the peer's certificate in RFC 2253 form.
    ///
    /// A server may take it as the caller's identity if `peerVerification` is `.verified`; nil if
    /// it is empty.
    package var peerSubject: String? {
        guard let certificate = SSL_get0_peer_certificate(ssl) else { return nil }
        let subject = TLSCertificateFacts.subject(of: certificate)
        return subject.isEmpty ? nil : subject
    }

    /// What the peer's certificate says.
    package var peerFacts: TLSCertificateFacts? {
        SSL_get0_peer_certificate(ssl).map { TLSCertificateFacts($0) }
    }

    /// Whether the peer's certificate holds.
    package var peerVerification: TLSVerification {
        guard SSL_get0_peer_certificate(ssl) != nil else { return .noCertificate }
        let verdict = SSL_get_verify_result(ssl)
        return verdict == X509_V_OK
            ? .verified : .rejected(ErrorQueue.verificationText(verdict))
    }

    /// What a client keeps to resume the session later.
    ///
    /// With TLS 1.3 the ticket comes after the handshake, usually with the first data; nil until
    /// then, and on servers.
    package var resumption: TLSResumption? {
        host.flatMap { TLSResumption(ssl, host: $0, scope: context.scope) }
    }
}
