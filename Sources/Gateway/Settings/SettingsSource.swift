// The sources of the configuration. Values only; the sockets and files are in Gateway/Sources.

extension Settings {
    /// A socket or file whose lines or datagrams become signals.
    public struct Source: Sendable, Equatable {
        /// Where it listens or reads.
        public enum Kind: Sendable, Equatable {
            /// Datagrams: one signal each.
            case udp(host: String, port: Int)
            /// Connections: one signal per line.
            case tcp(host: String, port: Int)
            /// The same on a Unix socket.
            case unix(path: String)
            /// A file that grows: one signal per line that is added.
            case file(path: String)
        }

        /// What a line or datagram is.
        public enum Framing: String, Sendable, CaseIterable {
            /// Text: the data are an object with `line`, and for sockets `from`.
            case lines
            /// JSON: the data are its value.
            case json
        }

        /// Its name, for the log and the metrics.
        public var name: String
        /// Where it listens or reads.
        public var kind: Kind
        /// The signal that is emitted.
        public var signal: String
        /// What a line or datagram is.
        public var framing = Framing.lines
        /// Longest line or datagram in bytes; longer ones are counted and left out.
        public var lineSize = 8 << 10
        /// Signals per second, in the mean and at once; more are counted and left out.
        public var rate = 1_000
        /// Most connections at a time.
        public var connections = 100
        /// Quiet time after which a connection is closed.
        public var idleTimeout = Duration.seconds(300)

        /// Makes a source with the default limits.
        public init(name: String, kind: Kind, signal: String) {
            self.name = name
            self.kind = kind
            self.signal = signal
        }
    }
}
