// Bad configurations and what is said about them, word for word: the messages are the interface.

import Foundation
import Testing

@testable import Gateway

/// A configuration that is refused, and the lines that say why.
struct BadConfiguration: Sendable, CustomTestStringConvertible {
    var text: String
    var lines: [String]

    init(_ text: String, _ lines: String...) {
        self.text = text
        self.lines = lines
    }

    var testDescription: String { text }
}

/// What parsing `text` as `f` in `/etc/box` complains about.
func complaints(
    _ text: String, environment: [String: String] = [:], overrides: [Settings.Override] = []
) -> [String] {
    do {
        _ = try Settings.parse(
            text: text, name: "f", folder: "/etc/box", environment: environment,
            overrides: overrides)
        return []
    } catch {
        return error.faults.map(\.description)
    }
}

struct SettingsFaultTests {
    @Test(arguments: [
        BadConfiguration("", #"f:1: the file holds no configuration; the smallest one is {}"#),
        BadConfiguration(
            "// only a comment\n",
            #"f:2: the file holds no configuration; the smallest one is {}"#),
        BadConfiguration("[]", #"f:1: expected an object, found a list"#),
        BadConfiguration(
            "{\n  log: {\n", #"f:3: the text ends before the "{" of line 2 is closed"#),
        BadConfiguration(
            "{\n  loops: 2\n  log: {}\n}",
            #"f:3: expected "," or "}" but found "log"; is a comma missing before it?"#),
        BadConfiguration(
            "{ loops: 2 } extra",
            #"f:1: text after the end of the configuration; the whole file is one { … }"#),
        BadConfiguration(
            "{ base-path: '' }", #"f:1: the key base-path needs quotes; write "base-path""#),
        BadConfiguration(
            "{\n log: { access: yes } }", #"f:2: unknown word yes; write true or false"#),
        BadConfiguration(
            "{ log: { level: debug } }",
            #"f:1: debug is neither a number nor a literal; put text in quotes: "debug""#),
        BadConfiguration(
            "{ limits: { idle_timeout: 75s } }",
            #"f:1: 75s is no number; put text in quotes: "75s""#),
        BadConfiguration(
            "{ a: \"x\n\" }",
            #"f:1: the string is not closed on its line; add the closing ""#),
        BadConfiguration("{ /* open\n\n }", #"f:1: the comment /* is not closed"#),
        BadConfiguration(
            "{ loops: 2; }", #"f:1: unexpected ";"; text belongs in quotes"#),
        BadConfiguration("{ loops: 1 ]", #"f:1: "]" closes an object; objects end with "}""#),
        BadConfiguration("{ listeners: [ } }", #"f:1: expected a value but found "}""#),
        BadConfiguration("{ loops 1 }", #"f:1: expected ":" after the key "loops""#),
        BadConfiguration("{ : 1 }", #"f:1: expected a key or "}" but found ":""#),
        BadConfiguration(
            "{\n base_path: \"\\q\" }",
            #"f:2: an unknown escape in a string; write \\ for a backslash"#),
        BadConfiguration(
            "{\n base_path: '\\u12' }",
            #"f:2: \u without 4 hex digits; write \\ for a backslash"#),
        BadConfiguration(
            "{ base_path: 'a\tb' }",
            #"f:1: a raw control character in a string; write \t for a tab"#),
        BadConfiguration(
            "{ a: 'two\\\nlines',\n loops: \u{A0}1 }",
            #"f:3: the blank U+A0 outside of a string; write a plain space"#),
        BadConfiguration(
            "{ a: 1,\n base_path: '\\ud800' }",
            #"f:2: base_path: this is neither a number in range nor a sound string"#),
        BadConfiguration(
            "{\n loops: 1e999 }",
            #"f:2: loops: this is neither a number in range nor a sound string"#),
        BadConfiguration(
            String(repeating: "[", count: 65) + String(repeating: "]", count: 65),
            #"f:1: nested deeper than 64 levels"#),
    ])
    func `broken syntax is shown with its line`(_ bad: BadConfiguration) {
        #expect(complaints(bad.text) == bad.lines)
    }

    @Test(arguments: [
        BadConfiguration(
            "{\n modules: {\n  host: {\n   command: ['x'],\n   comands: {} } } }",
            #"f:5: modules.host.comands: unknown key; did you mean "commands"?"#),
        BadConfiguration(
            "{ modules: { host: {\n comand: ['x'] } } }",
            #"f:1: modules.host: nothing says what answers; "#
                + #"add command, exec, http, reply or builtin"#,
            #"f:2: modules.host.comand: unknown key; did you mean "command"?"#),
        BadConfiguration(
            "{ colour: 1 }",
            #"f:1: colour: unknown key; known: allow_anonymous, base_path, jobs, limits, listeners, "#
                + #"log, loops, modules, signals, timers, tls, version"#),
        BadConfiguration(
            "{ limits: { idle: '1s' } }",
            #"f:1: limits.idle: unknown key; did you mean "idle_timeout"?"#),
        BadConfiguration(
            "{ 'log.level': 'info' }",
            #"f:1: "log.level": unknown key; did you mean "log"?"#),
        BadConfiguration(
            "{\n loops: 2,\n loops: 3 }",
            #"f:3: loops: this key stands twice, first on line 2; remove one"#),
        BadConfiguration(
            "{ log: {\n \"level\": 'info',\n 'l\\u0065vel': 'info' } }",
            #"f:3: log.level: this key stands twice, first on line 2; remove one"#),
    ])
    func `unknown and double keys are named with their neighbours`(_ bad: BadConfiguration) {
        #expect(complaints(bad.text) == bad.lines)
    }

    @Test(arguments: [
        BadConfiguration("{ loops: '2' }", #"f:1: loops: expected a whole number, found a string"#),
        BadConfiguration("{ loops: 0 }", #"f:1: loops: 0 is out of range; from 1 to 256"#),
        BadConfiguration("{ loops: 1.5 }", #"f:1: loops: expected a whole number, found a number"#),
        BadConfiguration("{ version: 2 }", #"f:1: version: 2 is out of range; from 1 to 1"#),
        BadConfiguration(
            "{ allow_anonymous: 1 }",
            #"f:1: allow_anonymous: expected true or false, found a whole number"#),
        BadConfiguration("{ log: [] }", #"f:1: log: expected an object, found a list"#),
        BadConfiguration(
            "{ log: { level: 'warn' } }",
            #"f:1: log.level: unknown value "warn"; did you mean "warning"?"#),
        BadConfiguration(
            "{ log: { format: 'xml' } }",
            #"f:1: log.format: unknown value "xml"; one of text, json"#),
        BadConfiguration("{ log: { file: '' } }", #"f:1: log.file: the path is empty"#),
        BadConfiguration(
            "{ limits: { body_size: '1 MB extra' } }",
            #"f:1: limits.body_size: "1 MB extra" is no size; write "512", "16KiB" or "1MB""#),
        BadConfiguration(
            "{ limits: { head_size: 10 } }",
            #"f:1: limits.head_size: 10 is out of range; from 256 to 1MiB"#),
        BadConfiguration(
            "{ limits: { head_size: '4KiB', target_size: '8KiB' } }",
            #"f:1: limits.target_size: the target cannot be longer than the head it stands in; "#
                + #"raise limits.head_size above 8KiB"#),
        BadConfiguration(
            "{ limits: { idle_timeout: 75 } }",
            #"f:1: limits.idle_timeout: a duration needs a unit; write "75s" for seconds"#),
        BadConfiguration(
            "{ limits: { idle_timeout: '75 sec' } }",
            #"f:1: limits.idle_timeout: "75 sec" is no duration; "#
                + #"write "250ms", "1.5s", "5m", "1h" or "2d""#),
        BadConfiguration(
            "{ limits: { idle_timeout: '400d' } }",
            #"f:1: limits.idle_timeout: 400d is out of range; from 1ms to 365d"#),
        BadConfiguration(
            "{ base_path: 'x/' }",
            #"f:1: base_path: "x/" is no base path; "#
                + #"write "" or "/prefix", without a slash at the end"#),
        BadConfiguration(
            "{ base_path: '/a/../b' }",
            #"f:1: base_path: "/a/../b" is no base path; "#
                + #"write "" or "/prefix", without a slash at the end"#),
        BadConfiguration(
            "{ signals: { heartbeat: '1ms', history: { events: -1 } } }",
            #"f:1: signals.history.events: -1 is out of range; from 0 to 10000000"#,
            #"f:1: signals.heartbeat: 1ms is out of range; from 1s to 365d"#),
    ])
    func `wrong types and ranges are named with what would be right`(_ bad: BadConfiguration) {
        #expect(complaints(bad.text) == bad.lines)
    }

    @Test(arguments: [
        BadConfiguration(
            "{ listeners: [] }",
            #"f:1: listeners: there must be a listener; remove the key for the default"#),
        BadConfiguration(
            "{ listeners: [\n {} ] }",
            #"f:2: listeners[0]: the listener has no url; add url: "http://localhost:8080""#),
        BadConfiguration(
            "{ listeners: [ { url: 'localhost:8080' } ] }",
            #"f:1: listeners[0].url: "localhost:8080" is no URL of ours; "#
                + #"write http://HOST:PORT, https://HOST:PORT or unix:/PATH"#),
        BadConfiguration(
            "{ listeners: [\n { url: 'http://0.0.0.0:80' },\n { url: 'http://[::]:80' } ] }",
            #"f:2: listeners[0].url: other machines can reach http://0.0.0.0:80, and nobody is "#
                + #"asked who they are; bind localhost, or set allow_anonymous: true if anyone "#
                + #"may call"#,
            #"f:3: listeners[1].url: other machines can reach http://[::]:80, and nobody is "#
                + #"asked who they are; bind localhost, or set allow_anonymous: true if anyone "#
                + #"may call"#),
        BadConfiguration(
            "{ listeners: [ { url: 'https://localhost' } ] }",
            #"f:1: listeners[0]: an https listener needs a certificate; "#
                + #"add certificate: "FILE" and key: "FILE""#),
        BadConfiguration(
            "{ listeners: [ { url: 'systemd:web', client_ca: 'ca.crt' } ] }",
            #"f:1: listeners[0]: a TLS listener needs a certificate; "#
                + #"add certificate: "FILE" and key: "FILE""#),
        BadConfiguration(
            "{ listeners: [ { url: 'systemd:' } ] }",
            #"f:1: listeners[0].url: "systemd:" names no socket; "#
                + #"write systemd:NAME with the FileDescriptorName of the socket unit"#),
        BadConfiguration(
            "{ listeners: [ { url: 'http://localhost', ocsp: 'a.ocsp' } ] }",
            #"f:1: listeners[0].ocsp: only https listeners have this; "#
                + #"write url: "https://…""#),
        BadConfiguration(
            "{ listeners: [ { url: 'http://localhost', mode: '0660' } ] }",
            #"f:1: listeners[0].mode: only unix listeners have this; remove it"#),
        BadConfiguration(
            "{ listeners: [ { url: 'unix:/s', mode: 'u=rw' } ] }",
            #"f:1: listeners[0].mode: "u=rw" is no file mode; "#
                + #"write "0660" for owner and group"#),
        BadConfiguration(
            "{ listeners: [ { url: 'unix:/s', mode: '1777', group: '' } ] }",
            #"f:1: listeners[0].mode: "1777" is no file mode; "#
                + #"write "0660" for owner and group"#,
            #"f:1: listeners[0].group: "" is no name"#),
        BadConfiguration(
            "{ listeners: [ { url: 'unix:/s', mode: 432 } ] }",
            #"f:1: listeners[0].mode: expected a string, found a whole number"#),
        BadConfiguration(
            "{ listeners: [ { url: 'unix:/s', proxy_protocol: 'v2' } ] }",
            #"f:1: listeners[0].proxy_protocol: expected true or false, found a string"#),
        BadConfiguration(
            "{ tls: { ticket_rotation: '0s' } }",
            #"f:1: tls.ticket_rotation: 0s is out of range; from 1s to 365d"#),
        BadConfiguration(
            "{ listeners: [ { url: 'https://localhost', certificate: 'a.crt' } ] }",
            #"f:1: listeners[0]: key is missing; a certificate and its key come together"#),
        BadConfiguration(
            "{ listeners: [ { url: 'http://localhost', client_ca: 'ca.crt' } ] }",
            #"f:1: listeners[0].client_ca: only https listeners have this; "#
                + #"write url: "https://…""#),
        BadConfiguration(
            "{ listeners: [ { url: 'https://localhost', certificate: 'a', key: 'b', "
                + "client_auth: 'required' } ] }",
            #"f:1: listeners[0].client_auth: client certificates cannot be checked without "#
                + #"client_ca; name the file of their authorities"#),
        BadConfiguration(
            "{ listeners: [ { url: 'http://localhost:1' },\n { url: 'http://LOCALHOST:1/' } ] }",
            #"f:2: listeners[1].url: another listener has this address; remove one"#),
        BadConfiguration(
            "{ listeners: [ { url: 'http://localhost/x' } ] }",
            #"f:1: listeners[0].url: a listener has no path; set base_path for all of them"#),
        BadConfiguration(
            "{ listeners: [ { url: 'http://localhost:99999' } ] }",
            #"f:1: listeners[0].url: "99999" is no port; ports are 0 to 65535"#),
        BadConfiguration(
            "{ listeners: [ { url: 'http://::1:80' } ] }",
            #"f:1: listeners[0].url: an IPv6 address needs brackets; write http://[::1]:8080"#),
        BadConfiguration(
            "{ listeners: [ { url: 'http://*:80' } ] }",
            #"f:1: listeners[0].url: * is no host; "#
                + #"write 0.0.0.0 for all of IPv4, [::] for all"#),
    ])
    func `listeners are judged before they are opened`(_ bad: BadConfiguration) {
        #expect(complaints(bad.text) == bad.lines)
    }

    @Test func `all faults are shown at once, in the order of the file`() {
        let text = """
            {
              timers: { tick: { every: "1s", emit: { signal: "A" } } },
              loops: -1,
              // a comment with a { brace
              log: {
                level: "loud",
              },
              /* loops: 5,
               */ modules: {
                a: {
                  builtin: "echo", builtn: 1,
                },
              },
            }
            """
        #expect(
            complaints(text) == [
                "f:2: timers.tick.emit.signal: signals are words of a-z, 0-9, _ and -, "
                    + "with dots between them",
                "f:3: loops: -1 is out of range; from 1 to 256",
                "f:6: log.level: unknown value \"loud\"; one of trace, debug, info, notice, "
                    + "warning, error, critical",
                "f:11: modules.a.builtn: unknown key; did you mean \"builtin\"?",
            ])
    }

    @Test func `the error shows one fault per line, and none can forge another`() {
        do {
            _ = try Settings.parse(
                text: "{ 'a\\nf:9: b': 1, loops: 0 }", name: "f", folder: "/")
            Issue.record("the configuration was taken")
        } catch {
            #expect(error.description.split(separator: "\n").count == error.faults.count)
            #expect(error.description.hasPrefix(#"f:1: loops: 0 is"#))
            #expect(error.description.contains(#"f:1: "a\nf:9: b": unknown key"#))
        }
    }

    @Test func `text that is not UTF-8 is shown with its line`() {
        let text = [UInt8]("{\n// caf".utf8) + [0xE9] + [UInt8]("\n}".utf8)
        do {
            _ = try SettingsDecoder.decode(
                text: text, name: "f", folder: "/", environment: [:], overrides: [])
            Issue.record("the configuration was taken")
        } catch {
            #expect(
                error.description == "f:2: the text is not UTF-8; save the file as UTF-8")
        }
    }
}
