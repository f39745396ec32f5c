// The listeners of the configuration: which socket, and with which TLS files. How a URL becomes an
// address is in SettingsAddress.

extension Settings {
    /// Where a socket binds or connects.
    public enum Address: Sendable, Hashable {
        /// A host name or address, an IPv6 one without brackets, and a port.
        case tcp(host: String, port: Int)
        /// The absolute path of a Unix socket.
        case unix(path: String)
        /// Sockets that systemd has opened: their name, or the number of one's place, from 0.
        case inherited(name: String)
    }

    /// A socket that accepts HTTP.
    public struct Listener: Sendable, Equatable {
        /// The URL as configured, such as `https://localhost:8443`.
        public var url: String
        /// Where the socket binds.
        public var address: Address
        /// The TLS files; nil for plain HTTP.
        public var tls: TLSFiles?
        /// Whether each connection begins with the header of the PROXY protocol.
        public var expectsProxy = false
        /// Who may connect to a Unix socket.
        public var access = Access()

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

    /// Who may connect to a Unix socket: whoever may write to its file.
    public struct Access: Sendable, Equatable {
        /// Permission bits; nil for what the umask of the process leaves.
        public var mode: UInt32?
        /// Name or number of the owner; nil for the user of the process.
        public var owner: String?
        /// Name or number of the group; nil for the group of the process.
        public var group: String?

        /// Makes an access that leaves everything to the system.
        public init() {}
    }

    /// How certificates and ticket keys are kept fresh.
    public struct TLSUpkeep: Sendable, Equatable {
        /// How often the files are looked at; zero for never.
        public var watchInterval = Duration.seconds(5)
        /// How long tickets are sealed with the same key.
        public var ticketRotation = Duration.seconds(7_200)

        /// Makes the default upkeep.
        public init() {}
    }

    /// The files of a TLS listener, and what it asks of clients.
    public struct TLSFiles: Sendable, Equatable {
        /// A certificate chain and its key; absolute paths of PEM files.
        public struct Certificate: Sendable, Equatable {
            /// The chain, leaf first.
            public var certificate: String
            /// The private key.
            public var key: String
            /// An OCSP response in DER to send along.
            public var ocsp: String?

            /// Makes a pair.
            public init(certificate: String, key: String, ocsp: String? = nil) {
                self.certificate = certificate
                self.key = key
                self.ocsp = ocsp
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
        ///
        /// Two with the same names and different kinds of key (RSA and ECDSA) are offered side by
        /// side.
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
