// SettingsAddress: URLs of listeners and upstreams, as far as a socket needs them (RFC 3986 §3).
// No name is resolved here.

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

    /// What is wrong with a URL.
    struct Fault: Error {
        var problem: String
        var advice: String?
    }

    /// Longest path of a Unix socket: `sun_path` less its terminator.
    static let unixPathLimit = 107

    /// Takes `http://HOST[:PORT][/PATH]`, `https://…` or `unix:PATH` apart.
    ///
    /// - Parameter absolute: makes the path of a Unix socket absolute.
    init(_ url: String, absolute: (String) -> String) throws(Fault) {
        if url.hasPrefix("unix:") {
            self = try Self.unix(url, absolute: absolute)
            return
        }
        let usesTLS = url.hasPrefix("https://")
        guard usesTLS || url.hasPrefix("http://") else {
            throw Fault(
                problem: "\(SettingsObject.shown(url)) is no URL of ours",
                advice: "write http://HOST:PORT, https://HOST:PORT or unix:/PATH")
        }
        let rest = url.dropFirst(usesTLS ? 8 : 7)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let path = rest[authority.endIndex...]
        guard !path.contains("?"), !path.contains("#") else {
            throw Fault(problem: "the URL has a query or a fragment", advice: "remove it")
        }
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Fault(problem: "the path of the URL has bytes that need %-encoding", advice: nil)
        }
        guard !authority.contains("@") else {
            throw Fault(problem: "the URL has a user name", advice: "remove it")
        }
        let (host, port) = try Self.hostAndPort(authority, defaultPort: usesTLS ? 443 : 80)
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
        _ authority: Substring, defaultPort: Int
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
                throw Fault(problem: "text after the ] of the address", advice: "write [::1]:8080")
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
                    problem: "an IPv6 address needs brackets", advice: "write http://[::1]:8080")
            }
        }
        if authority.first != "[" { try checkHost(host) }
        guard let portText else { return (host.lowercased(), defaultPort) }
        guard portText.utf8.count <= 5, portText.utf8.allSatisfy({ ASCII.isDigit($0) }),
            let port = Int(portText), port <= 65_535
        else {
            throw Fault(problem: "\"\(portText)\" is no port", advice: "ports are 0 to 65535")
        }
        return (host.lowercased(), port)
    }

    private static func checkHost(_ host: Substring) throws(Fault) {
        guard !host.isEmpty else {
            throw Fault(
                problem: "the URL has no host", advice: "write localhost, or 0.0.0.0 for all")
        }
        guard host != "*" else {
            throw Fault(
                problem: "* is no host", advice: "write 0.0.0.0 for all of IPv4, [::] for all")
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

    /// Whether only this machine can reach `address`: a Unix socket, or a loopback address by its
    /// number or the name localhost (RFC 6761 §6.3).
    static func isLocal(_ address: Settings.Address) -> Bool {
        guard case .tcp(let host, _) = address else { return true }
        if host == "localhost" || host.hasSuffix(".localhost") { return true }
        if let bytes = ipv4Bytes(host) { return bytes[0] == 127 }
        guard let bytes = ipv6Bytes(host) else { return false }
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10...11] == [0xFF, 0xFF]
        if isMapped { return bytes[12] == 127 }
        return bytes == [UInt8](repeating: 0, count: 15) + [1]
    }
}

extension Settings.Listener {
    /// Whether only this machine can reach it.
    public var isLocal: Bool { SettingsAddress.isLocal(address) }
}
