import Bytes
import HTTPWire
import Testing

@Suite struct CookieTests {
    @Test(arguments: [
        ("sid=abc", "abc"), ("a=b; sid=abc", "abc"), ("a=b;sid=abc", "abc"), ("sid=", ""),
        ("a=b;  sid=abc  ;c=d", "abc"), ("sid=\"abc\"", "abc"), ("sid=\"\"", ""),
        ("sid=a=b=", "a=b="), ("sid=1; sid=2", "1"), ("SID=1; sid=2", "2"), ("xsid=1; sid=2", "2"),
        ("sid =1; sid=2", "2"), ("sid; sid=2", "2"), ("sid=a b; sid=2", "2"),
        ("sid=a,b; sid=2", "2"), ("sid=\"a; sid=2", "2"), ("sid=\u{E9}; sid=2", "2"),
        ("sid=a\\b; sid=2", "2"),
        ("sid=!#$%&'()*+-./:<=>?@[]^_`{|}~", "!#$%&'()*+-./:<=>?@[]^_`{|}~"),
    ])
    func `a value is found by its name`(_ field: String, _ value: String) {
        withBytes(field) { bytes in
            let found = Cookie.value(named: "sid", in: bytes)
            #expect(found.map { String(decoding: $0, as: UTF8.self) } == value)
        }
    }

    @Test(arguments: [
        "", ";", "=", "sid", "a=sid=1", "sidx=1", "xsid=1", "Sid=1", "sid=\"", "sid=a\"", "sid=a b",
        "sid=\t1\u{1}", "a=\"; sid=1\"x",
    ])
    func `a value that is not there or not sound is not found`(_ field: String) {
        withBytes(field) { #expect(Cookie.value(named: "sid", in: $0) == nil) }
    }

    @Test func `a cookie is set with what it was told and the path last`() throws {
        var cookie = SetCookie(name: "UMCSessionId", value: "abc-1")
        cookie.isSecure = true
        cookie.maxAgeSeconds = 300
        cookie.domain = "example.com"
        cookie.sameSite = .strict
        cookie.path = "/univention"
        let text = try written { (output) throws(WireError) in try output.appendSetCookie(cookie) }
        let expected =
            "Set-Cookie: UMCSessionId=abc-1; Max-Age=300; Domain=example.com; Secure; "
            + "HttpOnly; SameSite=Strict; Path=/univention\r\n"
        #expect(text == expected)
    }

    @Test func `a plain cookie is closed to scripts and other sites`() throws {
        let cookie = SetCookie(name: "sid", value: "")
        let text = try written { (output) throws(WireError) in try output.appendSetCookie(cookie) }
        #expect(text == "Set-Cookie: sid=; HttpOnly; SameSite=Lax; Path=/\r\n")
    }

    @Test(arguments: [
        ("", "a", "/", WireMisuse.cookieNameInvalid), ("a b", "a", "/", .cookieNameInvalid),
        ("a=", "a", "/", .cookieNameInvalid), ("a", "b;c", "/", .cookieValueInvalid),
        ("a", "b\r\nX: y", "/", .cookieValueInvalid), ("a", "b c", "/", .cookieValueInvalid),
        ("a", "b\"", "/", .cookieValueInvalid), ("a", "é", "/", .cookieValueInvalid),
        ("a", "b", "/; Domain=x", .cookieAttributeInvalid),
        ("a", "b", "/\r\n", .cookieAttributeInvalid),
        ("a", "b", "/\u{7F}", .cookieAttributeInvalid),
    ])
    func `nothing can be added to a cookie from within`(
        _ name: String, _ value: String, _ path: String, _ misuse: WireMisuse
    ) {
        var output = ByteBuffer()
        #expect(throws: WireError.misuse(misuse)) {
            try output.appendSetCookie(SetCookie(name: name, value: value, path: path))
        }
        let count = output.count
        #expect(count == 0)
    }
}
