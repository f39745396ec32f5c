// JSONRequest: what is asked of request bodies and queries before they become parameters, and the
// guard against pages of other origins.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON

/// Checks and conversions of request bodies.
enum JSONRequest {
    /// Whether the body's media type may carry JSON.
    ///
    /// Besides JSON types, none at all and the one that `curl -d` sends are taken: what counts is
    /// whether the body is JSON, and foreign pages are kept out by `OriginGuard`.
    static func hasAcceptableType(_ exchange: Exchange) -> Bool {
        guard let field = exchange.field(.contentType) else { return true }
        var end = 0
        while end < field.count, field[end] != UInt8(ascii: ";"), !ASCII.isBlank(field[end]) {
            end += 1
        }
        let type = UnsafeRawBufferPointer(rebasing: field[..<end])
        if Words.spell(type, "application/json") { return true }
        if ASCII.equals(type, "application/x-www-form-urlencoded") { return true }
        guard type.count > 5 else { return type.count == 0 }
        return ASCII.equals(UnsafeRawBufferPointer(rebasing: type[(type.count - 5)...]), "+json")
    }

    /// Appends the members of a query as an object; false if it is no query.
    ///
    /// Values are strings, but for parameters that `kinds` says are numbers or booleans, if they look
    /// like one.
    static func appendParams(
        query: UnsafeRawBufferPointer, kinds: [String: String], to out: inout ByteBuffer
    ) -> Bool {
        var isSound = true
        var names: Set<String> = []
        JSONWriter.append(to: &out) { json in
            json.beginObject()
            QueryString.forEach(query) { name, value in
                guard let name, let value, names.insert(name).inserted else {
                    isSound = false
                    return
                }
                json.key(name)
                switch kinds[name] {
                case "integer", "number":
                    if let number = JSONNumber(value) {
                        json.number(number)
                    } else {
                        json.string(value)
                    }
                case "boolean" where value == "true" || value == "false":
                    json.bool(value == "true")
                default: json.string(value)
                }
            }
            json.endObject()
        }
        return isSound
    }
}

/// The `name=value&…` form of a query.
enum QueryString {
    /// Members of one query, more than any route has a use for.
    static let memberLimit = 300

    /// Calls `body` with each member, decoded; nil where the encoding is broken, and once, at the end,
    /// for what is beyond `memberLimit`.
    static func forEach(
        _ query: UnsafeRawBufferPointer, _ body: (_ name: String?, _ value: String?) -> Void
    ) {
        guard query.count > 0 else { return }
        var count = 0
        for member in query.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: true) {
            count += 1
            guard count <= memberLimit else {
                body(nil, nil)
                return
            }
            let equals = member.firstIndex(of: UInt8(ascii: "=")) ?? member.endIndex
            let name = UnsafeRawBufferPointer(rebasing: member[..<equals])
            let rest = member[equals...].dropFirst()
            body(decode(name), decode(UnsafeRawBufferPointer(rebasing: rest)))
        }
    }

    private static func decode(_ bytes: UnsafeRawBufferPointer) -> String? {
        var out = ByteBuffer()
        guard Percent.decode(bytes, into: &out, plusIsSpace: true) else { return nil }
        return String(validating: out.array(), as: UTF8.self)
    }
}

/// Keeps pages of other origins from acting through a visitor's browser.
enum OriginGuard {
    /// Whether a request that changes something may come from where it says it comes from.
    ///
    /// Browsers name the page's origin in `Origin`; programs send none. Without an origin the fetch
    /// metadata decide, if there are any.
    static func allows(_ exchange: Exchange) -> Bool {
        if let origin = exchange.field(.origin) {
            return isSame(origin, exchange)
        }
        guard let site = exchange.field(.secFetchSite) else { return true }
        return ASCII.equals(site, "same-origin") || ASCII.equals(site, "none")
    }

    /// Whether `origin` names the host that the request was sent to.
    private static func isSame(_ origin: UnsafeRawBufferPointer, _ exchange: Exchange) -> Bool {
        guard let host = exchange.field(.host) else { return false }
        // The scheme is not compared: a proxy may have taken TLS off on the way.
        var start = 0
        while start + 2 < origin.count {
            if origin[start] == UInt8(ascii: ":"), origin[start + 1] == UInt8(ascii: "/"),
                origin[start + 2] == UInt8(ascii: "/")
            {
                let authority = origin[(start + 3)...]
                return authority.count == host.count
                    && zip(authority, host).allSatisfy { ASCII.lower($0) == ASCII.lower($1) }
            }
            start += 1
        }
        return false
    }
}

extension Exchange {
    /// Answers with JSON.
    func respondJSON(_ status: Int = 200, _ write: (inout JSONWriter) -> Void) {
        var body = ByteBuffer()
        JSONWriter.append(to: &body, write)
        body.append(UInt8(ascii: "\n"))
        respond(status, type: "application/json", body)
    }

    /// Answers with plain text.
    func respondText(_ status: Int, _ text: StaticString) {
        respond(
            status, type: "text/plain; charset=utf-8",
            UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
