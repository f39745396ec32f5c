import HTTPWire
import Testing

@Suite struct AuthorityTests {
    @Test(arguments: [
        "a", "example.com", "example.com.", "a_b", "a~b", "127.0.0.1", "999.999", "a:", "a:0",
        "a:80", "a:65535", "a:00080", "%41", "a%2Fb", "[::]", "[::1]:80", "[1:2:3:4:5:6:7:8]",
        "[1::8]", "[::ffff:192.0.2.1]", "[1:2:3:4:5:6:1.2.3.4]", "!$&'()*+,;=",
    ])
    func `a host with or without port is valid`(_ text: String) {
        #expect(withBytes(text) { Authority.isValid($0) })
    }

    @Test(arguments: [
        "", ":", ":80", "a:65536", "a:99999", "a:123456", "a:x", "a: 80", "a:8 0", "a:80:", "a b",
        "a@b", "a/b", "a?b", "a#b", "a\\b", "a\"b", "<a>", "a\tb", "a\0", "%", "%4", "%zz", "a%",
        "[", "[]", "[:]", "[:::]", "[1]", "[1:2]", "[::1", "::1", "[::1]x", "[::1]:x", "[::g]",
        "[12345::]", "[1::2::3]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7::8]", "[1:2:3:4:5:6:7:8:9]",
        "[::1.2.3]", "[::1.2.3.256]", "[::1.2.3.04]", "[::1.2.3.4.5]", "[1.2.3.4]", "[v1.a]",
        "[fe80::1%25eth0]", "[::1]]", "é",
    ])
    func `anything else is not`(_ text: String) {
        #expect(!withBytes(text) { Authority.isValid($0) })
    }

    @Test(arguments: [
        ("a:80", true), ("a", false), ("a:", false), ("[::1]:1", true), ("[::1]", false),
    ])
    func `a port can be asked for`(_ text: String, _ isValid: Bool) {
        #expect(withBytes(text) { Authority.isValid($0, needsPort: true) } == isValid)
    }

    @Test(arguments: [
        ("0.0.0.0", true), ("255.255.255.255", true), ("1.2.3", false), ("1.2.3.4.", false),
        ("01.2.3.4", false), ("1.2.3.1000", false), ("", false), ("1..2.3", false),
        (".1.2.3", false),
    ])
    func `an IPv4 address has four numbers`(_ text: String, _ isValid: Bool) {
        #expect(withBytes(text) { Authority.isIPv4($0) } == isValid)
    }
}
