// Exchange+Client: who the client is by its certificate, where a TLS listener asks for one.

internal import TLS

extension Exchange {
    /// The subject of the client's certificate in RFC 2253 form, such as `CN=alice,O=Example`.
    ///
    /// Only of a certificate that one of the listener's authorities has signed; nil without one.
    /// Made anew each time: ask once a request.
    package var clientSubject: String? {
        guard let tls = connection?.tls, tls.peerVerification == .verified else { return nil }
        return tls.peerSubject
    }
}
