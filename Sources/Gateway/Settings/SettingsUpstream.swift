// The settings of upstream modules: HTTP servers behind the gateway. Values only.

extension Settings {
    /// An HTTP server behind the gateway.
    public struct UpstreamModule: Sendable, Equatable {
        /// When an upstream that fails is left alone, and for how long.
        public struct Breaker: Sendable, Equatable {
            /// Failures in a row after which calls are refused.
            public var failures = 5
            /// First pause.
            public var pause = Duration.seconds(1)
            /// Longest pause; each one is twice the one before.
            public var maxPause = Duration.seconds(30)

            /// Makes the default breaker.
            public init() {}
        }

        /// A request that is made regularly to see whether the upstream works.
        public struct Health: Sendable, Equatable {
            /// What to ask for: a path on the upstream, from its root.
            public var path: String
            /// Time between two requests.
            public var every = Duration.seconds(10)
            /// Time for an answer.
            public var timeout = Duration.seconds(2)

            /// Makes the default check of `path`.
            public init(path: String) {
                self.path = path
            }
        }

        /// The URL as configured.
        public var url: String
        /// Where to connect.
        public var address: Address
        /// Path before the command: empty, or `/path` without a slash at its end.
        public var basePath: String
        /// Whether the connection is encrypted.
        public var usesTLS: Bool
        /// PEM file of the authorities that are trusted; nil for those of the system.
        public var authority: String?
        /// Whether its certificate is verified.
        public var verifiesCertificate = true
        /// The host that it is asked as, with a port if that is not the scheme's own; nil for the
        /// URL's.
        public var host: String?
        /// Most connections per loop.
        public var connections = 32
        /// Most calls per loop that wait for a connection.
        public var queue = 256
        /// Longest wait for a connection.
        public var queueTimeout = Duration.seconds(10)
        /// Time to resolve the name and to connect.
        public var connectTimeout = Duration.seconds(5)
        /// Longest pause within the body of an answer, and within taking that of a request.
        public var bodyTimeout = Duration.seconds(30)
        /// Time that a connection is kept without a call.
        public var idleTimeout = Duration.seconds(55)
        /// Longest request body; nil for the general limit.
        public var bodySize: Int?
        /// Fields set on each request.
        public var headers: [String: String] = [:]
        /// Whether `Authorization` and `Cookie` of clients are passed on.
        public var passesCredentials = false
        /// Fields of answers that are passed on besides the usual ones, in lower case.
        public var responseHeaders: [String] = []
        /// When it is left alone.
        public var breaker = Breaker()
        /// How it is looked after; nil for by its calls alone.
        public var health: Health?

        /// Makes the default settings of an upstream.
        public init(url: String, address: Address, basePath: String, usesTLS: Bool) {
            self.url = url
            self.address = address
            self.basePath = basePath
            self.usesTLS = usesTLS
        }
    }
}
