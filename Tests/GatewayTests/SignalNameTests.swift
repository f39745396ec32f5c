// Names and patterns of signals.

import Testing

@testable import Gateway

@Suite struct SignalNameTests {
    @Test(
        "a name is segments joined by dots",
        arguments: [
            ("a", true), ("host.load", true), ("A-1_b.c", true), ("a.b.c.d", true),
            ("", false), (".", false), ("a.", false), (".a", false), ("a..b", false),
            ("a b", false), ("a\n", false), ("a*", false), ("ä", false),
            (String(repeating: "x", count: 128), true),
            (String(repeating: "x", count: 129), false),
        ])
    func grammar(_ name: String, _ isValid: Bool) {
        #expect(Array(name.utf8).withUnsafeBytes { SignalName.isValid($0) } == isValid)
    }

    @Test(
        "a pattern matches what it says",
        arguments: [
            ("a.b", "a.b", true), ("a.b", "a.bc", false), ("a.b", "a", false),
            ("a.*", "a.b", true), ("a.*", "a.b.c", false), ("a.*", "a", false),
            ("a.*", "ab", false), ("a.*", "a.", false),
            ("a.**", "a.b", true), ("a.**", "a.b.c", true), ("a.**", "a", false),
            ("a.**", "b.a", false), ("**", "anything.at.all", true), ("*", "one", true),
            ("*", "one.two", false),
        ])
    func matching(_ text: String, _ name: String, _ expected: Bool) throws {
        let pattern = try #require(SignalPattern(text))
        guard name.last != "." else { return }
        #expect(Array(name.utf8).withUnsafeBytes { pattern.matches($0) } == expected)
    }

    @Test(
        "what is no pattern is refused",
        arguments: ["", "a*", "a.*b", "*.a", "a.**.b", "a..*", ".*", "***", "a.***", "a b"])
    func malformed(_ text: String) {
        #expect(SignalPattern(text) == nil)
    }

    @Test func `equal wishes are equal filters, whatever their order`() throws {
        let a = try #require(SignalPattern("a.*"))
        let b = try #require(SignalPattern("b"))
        #expect(SignalFilter([a, b]) == SignalFilter([b, a, b]))
    }

    @Test func `names under signalbox are the gateway's`() {
        #expect(Array("signalbox.gap".utf8).withUnsafeBytes { SignalName.isReserved($0) })
        #expect(!Array("signalboxes.gap".utf8).withUnsafeBytes { SignalName.isReserved($0) })
        #expect(!Array("signalbox".utf8).withUnsafeBytes { SignalName.isReserved($0) })
    }
}
