// GatewayAddress: a running gateway as --url names it, taken apart (RFC 3986 §3).

internal import HTTP
internal import HTTPWire

/// Where a running gateway is.
struct GatewayAddress {
    /// Why a text names no gateway, and what would.
    struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    /// The text it was made of, for messages.
    let text: String
    /// The place.
    let endpoint: Endpoint
    /// Whether the scheme is `https`.
    let usesTLS: Bool
    /// The path in front of all paths, without a slash at its end.
    let basePath: String

    /// Takes `http://HOST[:PORT][/PATH]`, `https://…` or `unix:PATH` apart.
    init(_ text: String) throws(Fault) {
        self.text = text
        if text.hasPrefix("unix:") {
            var path = text.dropFirst(5)
            // unix:///run/x.sock, as some write it, has an empty authority.
            if path.hasPrefix("//") { path = path.dropFirst(2) }
            guard path.hasPrefix("/") else {
                throw Fault(
                    description: "\(text) names no absolute path: write unix:/run/NAME.sock")
            }
            endpoint = .unix(path: String(path))
            usesTLS = false
            basePath = ""
            return
        }
        let scheme = text.prefix { $0 != ":" }.lowercased()
        guard scheme == "http" || scheme == "https", text.dropFirst(scheme.count).hasPrefix("://")
        else {
            throw Fault(
                description: "\(text) is no URL of a gateway: "
                    + "write http://HOST:PORT, https://HOST:PORT or unix:/PATH")
        }
        usesTLS = scheme == "https"
        let rest = text.dropFirst(scheme.count + 3)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        endpoint = try Self.endpoint(authority, usesTLS: usesTLS, of: text)
        basePath = try Self.path(rest[authority.endIndex...], of: text)
    }

    private static func endpoint(
        _ authority: Substring, usesTLS: Bool, of text: String
    ) throws(Fault) -> Endpoint {
        var copy = String(authority)
        guard copy.withUTF8({ Authority.isValid(UnsafeRawBufferPointer($0)) }) else {
            throw Fault(
                description: "\(text): \"\(authority)\" is no host with an optional port")
        }
        let hostEnd = authority.lastIndex(of: "]").map { authority.index(after: $0) }
        let colon = authority[(hostEnd ?? authority.startIndex)...].firstIndex(of: ":")
        var host = authority[..<(colon ?? authority.endIndex)]
        if host.hasPrefix("[") { host = host.dropFirst().dropLast() }
        let port = colon.flatMap { UInt16(authority[authority.index(after: $0)...]) }
        guard port != 0 else { throw Fault(description: "\(text): port 0 is no port to reach") }
        return .tcp(host: String(host), port: port ?? (usesTLS ? 443 : 80))
    }

    private static func path(_ rest: Substring, of text: String) throws(Fault) -> String {
        guard !rest.contains("?"), !rest.contains("#") else {
            throw Fault(description: "\(text) has a query or a fragment: leave it out")
        }
        guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Fault(description: "\(text) has characters that a URL must write as %XX")
        }
        return String(rest.reversed().drop { $0 == "/" }.reversed())
    }
}
