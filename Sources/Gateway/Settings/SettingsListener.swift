// The listeners of the configuration: which socket, and with which TLS files. How a URL becomes an
// address is in SettingsAddress.

extension Settings {
    /// Where a socket binds or connects.
    public enum Address: Sendable, Hashable {
        /// A host name or address, an IPv6 one without brackets, and a port.
        case tcp(host: String, port: Int)
        /// The absolute path of a Unix socket.
        case unix(path: String)
    }

    /// A socket that accepts HTTP.
    public struct Listener: Sendable, Equatable {
        /// The URL as configured, such as `https://localhost:8443`.
        public var url: String
        /// Where the socket binds.
        public var address: Address
        /// The TLS files; nil for plain HTTP.
        public var tls: TLSFiles?

        /// Makes a listener.
        public init(url: String, address: Address, tls: TLSFiles? = nil) {
            self.url = url
            self.address = address
            self.tls = tls
        }

        /// Plain HTTP on port 8080 of this machine alone.
        public static let loopback = Listener(
            url: "http://localhost:8080", address: .tcp(host: "localhost", port: 8080))
    }

    /// The files of a TLS listener, and what it asks of clients.
    public struct TLSFiles: Sendable, Equatable {
        /// A certificate chain and its key; absolute paths of PEM files.
        public struct Certificate: Sendable, Equatable {
            /// The chain, leaf first.
            public var certificate: String
            /// The private key.
            public var key: String

            /// Makes a pair.
            public init(certificate: String, key: String) {
                self.certificate = certificate
                self.key = key
            }
        }

        /// What a client's certificate is worth.
        public enum ClientAuthentication: String, Sendable, CaseIterable {
            /// It is not asked for.
            case none
            /// It is asked for and checked if it comes.
            case optional
            /// Without it there is no handshake.
            case required
        }

        /// The certificates, of which the client's server name picks one; the first is the default.
        public var certificates: [Certificate]
        /// PEM file of the authorities that sign client certificates.
        public var clientAuthority: String?
        /// Whether clients show a certificate.
        public var clientAuthentication = ClientAuthentication.none

        /// Makes TLS files without client certificates.
        public init(certificates: [Certificate]) {
            self.certificates = certificates
        }
    }
}
