// SettingsAddress: URLs of listeners and upstreams and addresses of sources, as far as a socket needs
// them (RFC 3986 §3). No name is resolved here.

import Bytes
import Glibc

/// A URL of the configuration, taken apart.
struct SettingsAddress {
    /// Where to bind or connect.
    var address: Settings.Address
    /// Whether the scheme is `https`.
    var usesTLS: Bool
    /// The path without a slash at its end; empty for none.
    var path: String

    /// What an address is for, which decides what is advised when it is none.
    enum Use {
        /// A URL to listen on.
        case listener
        /// A URL of a server behind the gateway.
        case upstream
        /// `HOST:PORT` where lines or datagrams come in.
        case source

        /// What the text is.
        fileprivate var noun: String { self == .source ? "address" : "URL" }

        /// How it is written.
        var aboutForm: String {
            switch self {
            case .listener: "write http://HOST:PORT, https://HOST:PORT or unix:/PATH"
            case .upstream: "write http://HOST:PORT/PATH, https://HOST/PATH or unix:/PATH"
            case .source: "write HOST:PORT such as 127.0.0.1:5514"
            }
        }

        fileprivate var aboutHost: String {
            switch self {
            case .listener: "write localhost, or 0.0.0.0 for all"
            case .upstream: "write that of the server"
            case .source: "write 127.0.0.1:PORT, or 0.0.0.0:PORT for all"
            }
        }

        fileprivate var aboutStar: String {
            self == .upstream ? aboutHost : "write 0.0.0.0 for all of IPv4, [::] for all"
        }

        fileprivate var aboutBrackets: String {
            self == .source ? "write [::1]:5514" : "write http://[::1]:8080"
        }
    }

    /// What is wrong with a URL.
    struct Fault: Error {
        var problem: String
        var advice: String?
    }

    /// Longest path of a Unix socket: `sun_path` less its terminator.
    static let unixPathLimit = 107

    /// Takes `http://HOST[:PORT][/PATH]`, `https://…` or `unix:PATH` apart.
    ///
    /// - Parameters:
    ///   - use: what it is for.
    ///   - absolute: makes the path of a Unix socket absolute.
    init(
        _ url: String, for use: Use = .listener, absolute: (String) -> String
    ) throws(Fault) {
        if url.hasPrefix("unix:") {
            self = try Self.unix(url, absolute: absolute)
            return
        }
        let usesTLS = url.hasPrefix("https://")
        guard usesTLS || url.hasPrefix("http://") else {
            throw Fault(
                problem: "\(SettingsObject.shown(url)) is no URL of ours", advice: use.aboutForm)
        }
        let rest = url.dropFirst(usesTLS ? 8 : 7)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let path = rest[authority.endIndex...]
        guard !path.contains("?"), !path.contains("#") else {
            throw Fault(problem: "the \(use.noun) has a query or a fragment", advice: "remove it")
        }
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Fault(
                problem: "the path of the \(use.noun) has bytes that need %-encoding", advice: nil)
        }
        guard !authority.contains("@") else {
            throw Fault(problem: "the \(use.noun) has a user name", advice: "remove it")
        }
        let (host, port) = try Self.hostAndPort(authority, use, defaultPort: usesTLS ? 443 : 80)
        address = .tcp(host: host, port: port)
        self.usesTLS = usesTLS
        self.path = String(path.reversed().drop { $0 == "/" }.reversed())
    }

    private init(address: Settings.Address, usesTLS: Bool, path: String) {
        self.address = address
        self.usesTLS = usesTLS
        self.path = path
    }

    private static func unix(
        _ url: String, absolute: (String) -> String
    ) throws(Fault) -> SettingsAddress {
        let path = String(url.dropFirst(5))
        if let problem = SettingsFile.problem(ofPath: path) { throw Fault(problem: problem) }
        let socket = absolute(path)
        guard socket.utf8.count <= unixPathLimit else {
            throw Fault(
                problem: "the path of the socket has more than \(unixPathLimit) bytes",
                advice: "use a shorter folder, e.g. /run")
        }
        return SettingsAddress(address: .unix(path: socket), usesTLS: false, path: "")
    }

    private static func hostAndPort(
        _ authority: Substring, _ use: Use, defaultPort: Int
    ) throws(Fault) -> (String, Int) {
        var host = authority
        var portText: Substring?
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else {
                throw Fault(problem: "the address in [ has no ]", advice: nil)
            }
            host = authority[authority.index(after: authority.startIndex)..<end]
            let rest = authority[authority.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" else {
                throw Fault(
                    problem: "text after the ] of the address", advice: use.aboutBrackets)
            }
            portText = rest.isEmpty ? nil : rest.dropFirst()
            guard ipv6Bytes(String(host)) != nil else {
                throw Fault(problem: "[\(host)] is no IPv6 address", advice: nil)
            }
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            portText = authority[authority.index(after: colon)...]
            guard portText?.contains(":") == false else {
                throw Fault(
                    problem: "an IPv6 address needs brackets", advice: use.aboutBrackets)
            }
        }
        if authority.first != "[" { try checkHost(host, use) }
        guard let portText else {
            // 80 is for HTTP; what sources take has no port of its own.
            guard use != .source else {
                throw Fault(problem: "the address has no port", advice: use.aboutForm)
            }
            return (host.lowercased(), defaultPort)
        }
        guard portText.utf8.count <= 5, portText.utf8.allSatisfy({ ASCII.isDigit($0) }),
            let port = Int(portText), port <= 65_535
        else {
            throw Fault(problem: "\"\(portText)\" is no port", advice: "ports are 0 to 65535")
        }
        return (host.lowercased(), port)
    }

    private static func checkHost(_ host: Substring, _ use: Use) throws(Fault) {
        guard !host.isEmpty else {
            throw Fault(problem: "the \(use.noun) has no host", advice: use.aboutHost)
        }
        guard host != "*" else {
            throw Fault(problem: "* is no host", advice: use.aboutStar)
        }
        let isName =
            host.utf8.count <= 253
            && host.utf8.allSatisfy { byte in
                ASCII.isDigit(byte) || ASCII.isLetter(byte) || byte == UInt8(ascii: "-")
                    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
            }
        guard isName else {
            throw Fault(problem: "\(SettingsObject.shown(String(host))) is no host", advice: nil)
        }
    }

    private static func ipv6Bytes(_ text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
    }

    private static func ipv4Bytes(_ text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 4)
        return inet_pton(AF_INET, text, &bytes) == 1 ? bytes : nil
    }

    /// Who can reach a socket that is bound to an address.
    enum Reach {
        /// This machine alone.
        case local
        /// Others as well.
        case others
        /// That depends on what its name stands for.
        case unknown
    }

    /// Who can reach `address`.
    ///
    /// This machine alone: a Unix socket, a loopback address by its number, or the name localhost
    /// (RFC 6761 §6.3). What other names stand for is not looked up.
    static func reach(of address: Settings.Address) -> Reach {
        guard case .tcp(let host, _) = address else { return .local }
        if host == "localhost" || host.hasSuffix(".localhost") { return .local }
        if let bytes = ipv4Bytes(host) { return bytes[0] == 127 ? .local : .others }
        guard let bytes = ipv6Bytes(host) else { return .unknown }
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10...11] == [0xFF, 0xFF]
        if isMapped { return bytes[12] == 127 ? .local : .others }
        return bytes == [UInt8](repeating: 0, count: 15) + [1] ? .local : .others
    }

    /// What is to be said of `text`, an address of that reach, where nobody is asked who they are;
    /// nil if only this machine can reach it.
    static func warning(_ reach: Reach, _ text: String) -> String? {
        let nobody = "nobody is asked who they are"
        switch reach {
        case .local: return nil
        case .others: return "other machines can reach \(text), and \(nobody)"
        case .unknown:
            return "other machines may reach \(text), depending on what the name stands for, "
                + "and \(nobody)"
        }
    }
}

extension Settings.Listener {
    /// Whether only this machine can reach it, for all that its URL says.
    public var isLocal: Bool { SettingsAddress.reach(of: address) == .local }
}
