// KnownField: the field names that this server looks at, and their recognition without regard to
// case. Everything else is `other` and is found by comparing names.
//
// A name is compared eight bytes at a time against constants, by its length, its beginning and its
// end. No allocation, no table in memory: the names are in the code.

import Bytes

/// A field name that has a number, so that a head can find it without comparing names.
package enum KnownField: UInt8, CaseIterable, Sendable {
    case host, contentLength, transferEncoding, connection, keepAlive, expect, te, trailer, upgrade
    case contentType, contentEncoding, accept, acceptEncoding, acceptLanguage
    case authorization, cookie, origin, lastEventID, prefer, idempotencyKey, requestID
    case forwarded, xForwardedFor, xForwardedProto, xForwardedHost, traceparent, tracestate
    case ifMatch, ifNoneMatch, ifModifiedSince, range, xsrfProtection
    case accessControlRequestMethod, accessControlRequestHeaders, secFetchSite
    case userAgent, referer, server, date, location, setCookie, wwwAuthenticate, retryAfter
    case cacheControl, proxyAuthenticate, proxyAuthorization, proxyConnection
    case etag, vary, allow, lastModified, contentRange
    case other

    /// The name in the usual spelling, or nil for `other`.
    package var name: StaticString? {
        switch self {
        case .host: "Host"
        case .contentLength: "Content-Length"
        case .transferEncoding: "Transfer-Encoding"
        case .connection: "Connection"
        case .keepAlive: "Keep-Alive"
        case .expect: "Expect"
        case .te: "TE"
        case .trailer: "Trailer"
        case .upgrade: "Upgrade"
        case .contentType: "Content-Type"
        case .contentEncoding: "Content-Encoding"
        case .accept: "Accept"
        case .acceptEncoding: "Accept-Encoding"
        case .acceptLanguage: "Accept-Language"
        case .authorization: "Authorization"
        case .cookie: "Cookie"
        case .origin: "Origin"
        case .lastEventID: "Last-Event-ID"
        case .prefer: "Prefer"
        case .idempotencyKey: "Idempotency-Key"
        case .requestID: "X-Request-Id"
        case .forwarded: "Forwarded"
        case .xForwardedFor: "X-Forwarded-For"
        case .xForwardedProto: "X-Forwarded-Proto"
        case .xForwardedHost: "X-Forwarded-Host"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        case .ifMatch: "If-Match"
        case .ifNoneMatch: "If-None-Match"
        case .ifModifiedSince: "If-Modified-Since"
        case .range: "Range"
        case .xsrfProtection: "X-XSRF-Protection"
        case .accessControlRequestMethod: "Access-Control-Request-Method"
        case .accessControlRequestHeaders: "Access-Control-Request-Headers"
        case .secFetchSite: "Sec-Fetch-Site"
        case .userAgent: "User-Agent"
        case .referer: "Referer"
        case .server: "Server"
        case .date: "Date"
        case .location: "Location"
        case .setCookie: "Set-Cookie"
        case .wwwAuthenticate: "WWW-Authenticate"
        case .retryAfter: "Retry-After"
        case .cacheControl: "Cache-Control"
        case .proxyAuthenticate: "Proxy-Authenticate"
        case .proxyAuthorization: "Proxy-Authorization"
        case .proxyConnection: "Proxy-Connection"
        case .etag: "ETag"
        case .vary: "Vary"
        case .allow: "Allow"
        case .lastModified: "Last-Modified"
        case .contentRange: "Content-Range"
        case .other: nil
        }
    }

    /// The known field that `name` spells, or `other`.
    package static func recognise(_ name: UnsafeRawBufferPointer) -> KnownField {
        guard let base = name.baseAddress else { return .other }
        // The word tests read eight bytes that end with the name; a copy has them in front of it.
        guard name.count <= 32 else { return .other }
        return withUnsafeTemporaryAllocation(byteCount: 40, alignment: 8) { copy in
            copy.baseAddress?.storeBytes(of: 0, as: UInt64.self)
            guard let copied = copy.baseAddress else { return .other }
            copied.advanced(by: 8).copyMemory(from: base, byteCount: name.count)
            return recognise(UnsafeRawPointer(copied), start: 8, count: name.count)
        }
    }
}

extension KnownField {
    /// The known field spelt by the `count` bytes at `start`, which is at least 8.
    ///
    /// Any bytes may stand there; a match is exact but for the case of letters, so a name that is
    /// recognised is a valid token as well.
    @inline(__always)
    static func recognise(_ bytes: UnsafeRawPointer, start: Int, count: Int) -> KnownField {
        guard count >= 2 else { return .other }
        // SAFETY: the caller has `start >= 8` readable bytes in front of the name, and the name.
        let tail = Words.load(bytes, start &+ count &- 8)
        if count < 8 { return short(tail >> UInt64((8 &- count) &* 8), count: count) }
        let head = Words.load(bytes, start)
        if count <= 16 { return medium(head, tail, count: count) }
        return long(bytes, start: start, count: count)
    }

    @inline(__always)
    private static func spells(_ word: UInt64, _ literal: StaticString) -> Bool {
        Words.spells(word, Words.load(literal))
    }

    @inline(__always)
    private static func short(_ word: UInt64, count: Int) -> KnownField {
        switch count {
        case 2:
            if spells(word, "te\0\0\0\0\0\0") { return .te }
        case 4:
            if spells(word, "host\0\0\0\0") { return .host }
            if spells(word, "date\0\0\0\0") { return .date }
            if spells(word, "etag\0\0\0\0") { return .etag }
            if spells(word, "vary\0\0\0\0") { return .vary }
        case 5:
            if spells(word, "range\0\0\0") { return .range }
            if spells(word, "allow\0\0\0") { return .allow }
        case 6:
            if spells(word, "accept\0\0") { return .accept }
            if spells(word, "cookie\0\0") { return .cookie }
            if spells(word, "origin\0\0") { return .origin }
            if spells(word, "expect\0\0") { return .expect }
            if spells(word, "prefer\0\0") { return .prefer }
            if spells(word, "server\0\0") { return .server }
        case 7:
            if spells(word, "referer\0") { return .referer }
            if spells(word, "upgrade\0") { return .upgrade }
            if spells(word, "trailer\0") { return .trailer }
        default:
            break
        }
        return .other
    }

    /// Names of 8 to 16 bytes: the first eight and the last eight, which may overlap.
    ///
    /// No two names of one length end in the same eight bytes, so the end alone picks the name.
    private static func medium(_ head: UInt64, _ tail: UInt64, count: Int) -> KnownField {
        switch count {
        case 8:
            if spells(head, "location") { return .location }
            if spells(head, "if-match") { return .ifMatch }
        case 9:
            if spells(tail, "orwarded") { return spells(head, "forwarde") ? .forwarded : .other }
        case 10:
            if spells(tail, "er-agent") { return spells(head, "user-age") ? .userAgent : .other }
            if spells(tail, "nnection") { return spells(head, "connecti") ? .connection : .other }
            if spells(tail, "ep-alive") { return spells(head, "keep-ali") ? .keepAlive : .other }
            if spells(tail, "acestate") { return spells(head, "tracesta") ? .tracestate : .other }
            if spells(tail, "t-cookie") { return spells(head, "set-cook") ? .setCookie : .other }
        case 11:
            if spells(tail, "ceparent") { return spells(head, "tracepar") ? .traceparent : .other }
            if spells(tail, "ry-after") { return spells(head, "retry-af") ? .retryAfter : .other }
        case 12:
            if spells(tail, "ent-type") { return spells(head, "content-") ? .contentType : .other }
            if spells(tail, "quest-id") { return spells(head, "x-reques") ? .requestID : .other }
        case 13:
            if spells(tail, "rization") {
                return spells(head, "authoriz") ? .authorization : .other
            }
            if spells(tail, "ne-match") { return spells(head, "if-none-") ? .ifNoneMatch : .other }
            if spells(tail, "-control") { return spells(head, "cache-co") ? .cacheControl : .other }
            if spells(tail, "event-id") { return spells(head, "last-eve") ? .lastEventID : .other }
            if spells(tail, "modified") { return spells(head, "last-mod") ? .lastModified : .other }
            if spells(tail, "nt-range") { return spells(head, "content-") ? .contentRange : .other }
        case 14:
            if spells(tail, "t-length") {
                return spells(head, "content-") ? .contentLength : .other
            }
            if spells(tail, "tch-site") { return spells(head, "sec-fetc") ? .secFetchSite : .other }
        case 15:
            if spells(tail, "encoding") {
                return spells(head, "accept-e") ? .acceptEncoding : .other
            }
            if spells(tail, "language") {
                return spells(head, "accept-l") ? .acceptLanguage : .other
            }
            if spells(tail, "rded-for") {
                return spells(head, "x-forwar") ? .xForwardedFor : .other
            }
            if spells(tail, "ency-key") {
                return spells(head, "idempote") ? .idempotencyKey : .other
            }
        case 16:
            if spells(tail, "encoding") {
                return spells(head, "content-") ? .contentEncoding : .other
            }
            if spells(tail, "ded-host") {
                return spells(head, "x-forwar") ? .xForwardedHost : .other
            }
            if spells(tail, "enticate") {
                return spells(head, "www-auth") ? .wwwAuthenticate : .other
            }
            if spells(tail, "nnection") {
                return spells(head, "proxy-co") ? .proxyConnection : .other
            }
        default:
            break
        }
        return .other
    }

    /// Names of 17 bytes and more, none of them frequent.
    @inline(never)
    private static func long(_ bytes: UnsafeRawPointer, start: Int, count: Int) -> KnownField {
        let name = UnsafeRawBufferPointer(start: bytes + start, count: count)
        switch count {
        case 17:
            if KnownField.transferEncoding.isSpelt(name) { return .transferEncoding }
            if KnownField.xForwardedProto.isSpelt(name) { return .xForwardedProto }
            if KnownField.ifModifiedSince.isSpelt(name) { return .ifModifiedSince }
            if KnownField.xsrfProtection.isSpelt(name) { return .xsrfProtection }
        case 18:
            if KnownField.proxyAuthenticate.isSpelt(name) { return .proxyAuthenticate }
        case 19:
            if KnownField.proxyAuthorization.isSpelt(name) { return .proxyAuthorization }
        case 29:
            let field = KnownField.accessControlRequestMethod
            if field.isSpelt(name) { return field }
        case 30:
            let field = KnownField.accessControlRequestHeaders
            if field.isSpelt(name) { return field }
        default:
            break
        }
        return .other
    }

    private func isSpelt(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let name, name.utf8CodeUnitCount == bytes.count else { return false }
        for index in 0..<bytes.count
        where ASCII.lower(bytes[index]) != ASCII.lower(name.utf8Start[index]) {
            return false
        }
        return true
    }
}
