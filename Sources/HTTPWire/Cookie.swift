// Cookie: reading one value out of a Cookie field, and writing Set-Cookie (RFC 6265 §4).
//
// Reading is by name, in place and without allocation. A pair that breaks the grammar is passed
// over, not repaired. Writing refuses whatever could add an attribute or a line.

package import Bytes

/// Reads the Cookie field.
package enum Cookie {
    /// The value of the first valid pair called `name` in the field value `field`, or nil.
    ///
    /// Names are case-sensitive. Quotes around a value are taken off. Of several with one name the
    /// first counts: user agents put the one with the longest path there (RFC 6265 §5.4).
    package static func value(
        named name: UnsafeRawBufferPointer, in field: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer? {
        var start = 0
        while start < field.count {
            var end = start
            while end < field.count, field[end] != UInt8(ascii: ";") { end &+= 1 }
            let pair = FieldList.trimmed(UnsafeRawBufferPointer(rebasing: field[start..<end]))
            if let value = value(named: name, pair: pair) { return value }
            start = end &+ 1
        }
        return nil
    }

    /// The value of the first valid pair called `name` in the field value `field`, or nil.
    package static func value(
        named name: StaticString, in field: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer? {
        value(
            named: UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount),
            in: field)
    }

    private static func value(
        named name: UnsafeRawBufferPointer, pair: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer? {
        guard pair.count > name.count, pair[name.count] == UInt8(ascii: "=") else { return nil }
        for index in 0..<name.count where pair[index] != name[index] { return nil }
        var value = UnsafeRawBufferPointer(rebasing: pair[(name.count &+ 1)...])
        if value.count >= 2, value[0] == UInt8(ascii: "\""),
            value[value.count &- 1] == UInt8(ascii: "\"")
        {
            value = UnsafeRawBufferPointer(rebasing: value[1..<(value.count &- 1)])
        }
        return value.allSatisfy(isOctet) ? value : nil
    }

    /// Whether `byte` is a `cookie-octet`: visible ASCII without `" , ; \` (RFC 6265 §4.1.1).
    static func isOctet(_ byte: UInt8) -> Bool {
        let low: UInt64 = 0xF7FF_EFFA_0000_0000
        let high: UInt64 = 0x7FFF_FFFF_EFFF_FFFF
        guard byte < 128 else { return false }
        return (byte < 64 ? low : high) >> UInt64(byte & 63) & 1 == 1
    }
}

/// A cookie to be set.
package struct SetCookie: Sendable {
    /// When the cookie is sent along from another site.
    package enum SameSite: Sendable {
        case strict, lax
        /// Needs `isSecure`.
        case none
    }

    /// The name, a token.
    package var name: String
    /// The value, cookie octets only.
    package var value: String
    /// The path below which it is sent, or nil for that of the request.
    package var path: String?
    /// The domain that it is sent to, or nil for this host only.
    package var domain: String?
    /// Seconds it lives; 0 deletes it, nil is until the browser ends.
    package var maxAgeSeconds: Int?
    /// Whether it is sent over TLS only.
    package var isSecure = false
    /// Whether scripts cannot read it.
    package var isHTTPOnly = true
    /// When the cookie is sent along from another site.
    package var sameSite: SameSite? = .lax

    /// Makes a cookie for this host that scripts cannot read.
    package init(name: String, value: String, path: String? = "/") {
        self.name = name
        self.value = value
        self.path = path
    }
}

extension ByteBuffer {
    /// Appends a Set-Cookie field.
    ///
    /// Path comes last, as programs written for UMC expect.
    ///
    /// - Throws: `WireError.misuse` if name, value or an attribute is not fit for its place; nothing
    ///   is appended then.
    package mutating func appendSetCookie(_ cookie: SetCookie) throws(WireError) {
        guard !cookie.name.isEmpty, cookie.name.utf8.allSatisfy(ASCII.isToken) else {
            throw .misuse(.cookieNameInvalid)
        }
        guard cookie.value.utf8.allSatisfy(Cookie.isOctet) else {
            throw .misuse(.cookieValueInvalid)
        }
        for attribute in [cookie.path, cookie.domain] {
            guard attribute?.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x3B }) ?? true
            else { throw .misuse(.cookieAttributeInvalid) }
        }
        append("Set-Cookie: ")
        append(text: cookie.name)
        append("=")
        append(text: cookie.value)
        if let seconds = cookie.maxAgeSeconds {
            append("; Max-Age=")
            append(decimal: seconds)
        }
        if let domain = cookie.domain {
            append("; Domain=")
            append(text: domain)
        }
        if cookie.isSecure { append("; Secure") }
        if cookie.isHTTPOnly { append("; HttpOnly") }
        switch cookie.sameSite {
        case .strict: append("; SameSite=Strict")
        case .lax: append("; SameSite=Lax")
        case .some(.none): append("; SameSite=None")
        case nil: break
        }
        if let path = cookie.path {
            append("; Path=")
            append(text: path)
        }
        append("\r\n")
    }
}
