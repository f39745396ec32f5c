// The small grammars: durations, sizes, names, moments, addresses and suggestions.

import Testing

@testable import Gateway

struct SettingsUnitsTests {
    @Test(arguments: [
        ("10s", Duration.seconds(10)), ("1.5s", .milliseconds(1_500)),
        ("250ms", .milliseconds(250)),
        ("5m", .seconds(300)), ("1h", .seconds(3_600)), ("2d", .seconds(172_800)), ("0s", .zero),
        ("7us", .microseconds(7)), ("3ns", .nanoseconds(3)), ("0.25 h", .seconds(900)),
        ("999999999999ms", .milliseconds(999_999_999_999)),
    ])
    func `durations have units`(text: String, duration: Duration) {
        #expect(SettingUnits.duration(text) == duration)
    }

    @Test(
        arguments: [
            "", "10", "s", "-1s", "+1s", "1,5s", "1.s", ".5s", "1..5s", "1s ", " 1s", "1 s", "1  s",
            "1S", "1M", "1 min", "1e3s", "0.1ns", "9999999999999s", "999999999999d", "１s",
        ].filter { $0 != "1 s" })
    func `other texts are no durations`(text: String) {
        #expect(SettingUnits.duration(text) == nil)
    }

    @Test(arguments: [
        ("0", 0), ("512", 512), ("512B", 512), ("16KiB", 16_384), ("16kib", 16_384),
        ("1MB", 1_000_000), ("1.5 KiB", 1_536), ("2GiB", 2_147_483_648), ("1KB", 1_000),
    ])
    func `sizes have units`(text: String, size: Int) {
        #expect(SettingUnits.size(text) == size)
    }

    @Test(arguments: [
        "", "KiB", "-1", "1K", "0.3", "1.5B", "1 TiB", "999999999999GiB", "1e3", "0x10",
    ])
    func `other texts are no sizes`(text: String) {
        #expect(SettingUnits.size(text) == nil)
    }

    @Test(arguments: ["250ms", "90s", "2h", "1d", "1500ms", "0s", "3ns", "86401s"])
    func `durations are shown as they are written`(text: String) throws {
        let duration = try #require(SettingUnits.duration(text))
        #expect(SettingUnits.duration(SettingUnits.text(duration)) == duration)
        #expect(SettingUnits.text(.seconds(90)) == "90s")
        #expect(SettingUnits.text(.seconds(7_200)) == "2h")
    }

    @Test(arguments: ["a", "a_b-0", String(repeating: "x", count: 64)])
    func `plain words are names`(name: String) {
        #expect(SettingNames.problem(ofName: name) == nil)
    }

    @Test(arguments: [
        "", "A", "a.b", "a b", "ä", "a/b", String(repeating: "x", count: 65), "signalbox",
    ])
    func `other words are no names`(name: String) {
        #expect(SettingNames.problem(ofName: name) != nil)
    }

    @Test(arguments: ["query", "getUser", "disk.free", "a-b_C"])
    func `commands may have capitals and dots`(name: String) {
        #expect(SettingNames.problem(ofCommand: name) == nil)
    }

    @Test(arguments: ["", ".", "a.", "rpc.x", "rpc", "a b", "a/b", "$x", "a..b"])
    func `other words are no commands`(name: String) {
        #expect(SettingNames.problem(ofCommand: name) != nil)
    }

    @Test(arguments: [
        ("a.b", true, true), ("a.*", false, true), ("**", false, true),
        ("a.**", false, true), ("*.a", false, true), ("a.**.b", false, false),
        ("a*", false, false), ("", false, false), ("a..b", false, false), ("A", false, false),
        ("signalbox.x", false, false), ("signalbox", false, false), ("signalboxes", true, true),
        (String(repeating: "a.", count: 128) + "a", false, false),
    ])
    func `signals and patterns have segments`(name: String, isSignal: Bool, isPattern: Bool) {
        #expect((SettingNames.problem(ofSignal: name) == nil) == isSignal)
        #expect((SettingNames.problem(ofSignalPattern: name) == nil) == isPattern)
    }

    @Test(arguments: [
        ("2030-12-01T08:00:00Z", true), ("2030-12-01t08:00:00z", true),
        ("2030-12-01T08:00:00.123456+05:30", true), ("2028-02-29T00:00:00Z", true),
        ("2030-02-29T00:00:00Z", false), ("2030-13-01T00:00:00Z", false),
        ("2030-12-01T24:00:00Z", false), ("2030-12-01 08:00:00Z", false),
        ("2030-12-01T08:00:00", false), ("2030-12-01T08:00:00.Z", false),
        ("2030-12-01T08:00:00+0530", false), ("2030-12-01T08:00:00+24:00", false),
        ("2030-12-01T08:00Z", false), ("", false), ("2030-12-00T08:00:00Z", false),
    ])
    func `moments exist in the calendar`(text: String, isMoment: Bool) {
        #expect(SettingsDecoder.isMoment(text) == isMoment)
    }

    @Test(arguments: [
        ("comand", "command"), ("ecxec", "exec"), ("comm", "command"), ("EXEC", "exec"),
        ("hpt", nil), ("xyz", nil), ("htp", "http"), ("ht", nil), ("replies", nil),
        ("commandments", "command"),
    ])
    func `the nearest name is suggested`(name: String, nearest: String?) {
        #expect(
            SettingsSuggestion.nearest(to: name, among: ["command", "exec", "http", "reply"])
                == nearest)
    }

    @Test func `edits are counted`() {
        func distance(_ one: String, _ other: String) -> Int {
            SettingsSuggestion.editDistance(Array(one.utf8), Array(other.utf8))
        }
        #expect(distance("", "abc") == 3 && distance("abc", "") == 3 && distance("", "") == 0)
        #expect(distance("abc", "abc") == 0 && distance("abc", "acb") == 1)
        #expect(distance("kitten", "sitting") == 3)
    }
}

struct SettingsAddressTests {
    @Test(arguments: [
        ("http://localhost:8080", Settings.Address.tcp(host: "localhost", port: 8080), false, ""),
        ("https://LocalHost", .tcp(host: "localhost", port: 443), true, ""),
        ("http://127.0.0.1/", .tcp(host: "127.0.0.1", port: 80), false, ""),
        ("http://[::1]:0/a/b//", .tcp(host: "::1", port: 0), false, "/a/b"),
        ("https://[2001:db8::1]/x", .tcp(host: "2001:db8::1", port: 443), true, "/x"),
        ("unix:/run/a.sock", .unix(path: "/run/a.sock"), false, ""),
        ("unix:a.sock", .unix(path: "/base/a.sock"), false, ""),
    ])
    func `URLs become addresses`(
        url: String, address: Settings.Address, usesTLS: Bool, path: String
    ) throws {
        let parsed = try SettingsAddress(url) { SettingsFile.absolute($0, in: "/base") }
        #expect(parsed.address == address)
        #expect(parsed.usesTLS == usesTLS && parsed.path == path)
    }

    @Test(arguments: [
        "", "http://", "http:///x", "http://:80", "http://a:", "http://a:-1", "http://a:+1",
        "http://a:0x50", "http://a:65536", "http://a:1:2", "http://[::1", "http://[::1]8080",
        "http://[1.2.3.4]", "http://[::g]", "http://a b", "http://u@h", "http://h/?q", "http://h#f",
        "http://h/ä", "HTTP://h", "ws://h", "unix:", "unix:/a\u{0}b",
        "unix:/" + String(repeating: "x", count: 107),
        "http://\(String(repeating: "h", count: 254))",
    ])
    func `other texts do not`(url: String) {
        #expect(throws: SettingsAddress.Fault.self) {
            try SettingsAddress(url) { $0 }
        }
    }

    @Test(arguments: [
        ("localhost", true), ("box.localhost", true), ("127.0.0.1", true), ("127.8.9.10", true),
        ("::1", true), ("::ffff:127.0.0.1", true), ("0.0.0.0", false), ("::", false),
        ("::ffff:10.0.0.1", false), ("10.0.0.1", false), ("example.org", false),
        ("127.1", false), ("0x7f000001", false), ("localhost.example.org", false),
        ("notlocalhost", false),
    ])
    func `only loopback addresses are local`(host: String, isLocal: Bool) {
        #expect((SettingsAddress.reach(of: .tcp(host: host, port: 1)) == .local) == isLocal)
    }
}
