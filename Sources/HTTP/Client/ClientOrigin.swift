// ClientOrigin: whom a client talks to: the place, how to reach it, and who it must prove to be.

package import TLS

/// One server as its clients see it.
///
/// Loop-confined.
package struct ClientOrigin {
    /// The place.
    package let endpoint: Endpoint

    /// The TLS context for its connections; nil for plain ones.
    package let tls: TLSContext?

    /// The name or address that its certificate must be valid for.
    package let certificateHost: String

    /// Where its addresses come from.
    package let resolver: ClientResolver

    /// Makes an origin whose addresses are known, by `SocketAddress.resolve` before the loop runs.
    ///
    /// - Parameter certificateHost: needed for TLS to a Unix socket, else the endpoint's host.
    package init(
        _ endpoint: Endpoint, addresses: [SocketAddress], tls: TLSContext? = nil,
        certificateHost: String? = nil
    ) {
        self.init(
            endpoint, resolver: ClientResolver(addresses), tls: tls,
            certificateHost: certificateHost)
    }

    /// Makes an origin whose name is resolved when it is needed, and again from time to time.
    package init(
        _ endpoint: Endpoint, resolver: ClientResolver, tls: TLSContext? = nil,
        certificateHost: String? = nil
    ) {
        self.endpoint = endpoint
        self.resolver = resolver
        self.tls = tls
        self.certificateHost = certificateHost ?? Self.host(of: endpoint)
    }

    /// The value of Host in requests to it: without the port if that is the scheme's own
    /// (RFC 9110 §7.2); `localhost` for a Unix socket.
    package var authority: String {
        guard case .tcp(_, let port) = endpoint else { return "localhost" }
        let isDefault = port == (tls == nil ? 80 : 443)
        let host = Self.host(of: endpoint)
        let name = host.contains(":") ? "[\(host)]" : host
        return isDefault ? name : "\(name):\(port)"
    }

    private static func host(of endpoint: Endpoint) -> String {
        switch endpoint {
        case .tcp(let host, _): host
        case .unix: "localhost"
        }
    }
}
