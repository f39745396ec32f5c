// Variables and options over the file: precedence, names, and faults that name their source.

import Testing

@testable import Gateway

struct SettingsOverridesTests {
    @Test func `the command line goes before variables, and those before the file`() throws {
        let file = "{ loops: 2, log: { level: 'info', access: true }, limits: { connections: 5 } }"
        let settings = try settings(
            file,
            environment: ["SIGNALBOX_LOOPS": "3", "SIGNALBOX_LOG_LEVEL": "debug", "PATH": "/bin"],
            overrides: [.init(key: "log.level", value: "error")])
        #expect(settings.loops == 3)
        #expect(settings.log.level == .error)
        #expect(settings.log.access)
        #expect(settings.limits.connections == 5)
    }

    @Test func `variables are read by the kind of their key`() throws {
        let settings = try settings(
            "{ log: { file: 'x' } }",
            environment: [
                "SIGNALBOX_LIMITS_BODY_SIZE": "2097152", "SIGNALBOX_LIMITS_IDLE_TIMEOUT": "1m",
                "SIGNALBOX_ALLOW_ANONYMOUS": "1", "SIGNALBOX_BASE_PATH": "/7",
                "SIGNALBOX_SIGNALS_HISTORY_EVENTS": "12", "SIGNALBOX_LOG_FILE": "123",
            ])
        #expect(settings.limits.bodySize == 2_097_152)
        #expect(settings.limits.idleTimeout == .seconds(60))
        #expect(settings.allowsAnonymous)
        #expect(settings.basePath == "/7")
        #expect(settings.signals.history.events == 12)
        #expect(settings.log.file == "/etc/box/123")
    }

    @Test func `options reach every key`() throws {
        let settings = try settings(
            "{ modules: { a: { command: ['x'] } } }",
            overrides: [
                .init(key: "modules.a.start", value: "eager"),
                .init(key: "modules.b.builtin", value: "echo"),
                .init(key: "listeners", value: "[{ url: 'http://localhost:1' }]"),
                .init(key: "modules.a.commands.run", value: "{ safe: true }"),
            ])
        guard case .process(let process) = settings.modules[0].kind else {
            Issue.record("a is no process")
            return
        }
        #expect(process.start == .eager)
        #expect(settings.modules[0].commands.map(\.isSafe) == [true])
        #expect(settings.modules[1].name == "b")
        #expect(settings.listeners[0].url == "http://localhost:1")
    }

    @Test func `each fixed key has a variable of its own`() {
        let names = SettingsDecoder.fixedScalars().keys.map { SettingsOverrides.variable(for: $0) }
        #expect(Set(names).count == names.count)
        #expect(names.contains("SIGNALBOX_LIMITS_CONNECTIONS_PER_ADDRESS"))
        #expect(names.contains("SIGNALBOX_LOOPS"))
        #expect(!names.contains { $0.contains("LISTENERS") || $0.contains("MODULES") })
        #expect(SettingsOverrides.otherVariables.isDisjoint(with: names))
    }

    @Test(arguments: [
        (
            ["SIGNALBOX_LOG_LEVLE": "debug"],
            "environment SIGNALBOX_LOG_LEVLE: no setting has this name; "
                + "did you mean \"SIGNALBOX_LOG_LEVEL\"?"
        ),
        (
            ["SIGNALBOX_LOG_LEVEL": "loud"],
            "environment SIGNALBOX_LOG_LEVEL: log.level: unknown value \"loud\"; one of trace, "
                + "debug, info, notice, warning, error, critical"
        ),
        (
            ["SIGNALBOX_LOOPS": "many"],
            "environment SIGNALBOX_LOOPS: loops: expected a whole number, found a string"
        ),
        (
            ["SIGNALBOX_LOOPS": ""],
            "environment SIGNALBOX_LOOPS: loops: expected a whole number, found a string"
        ),
        (
            ["SIGNALBOX_LOG_ACCESS": "perhaps"],
            "environment SIGNALBOX_LOG_ACCESS: log.access: expected true or false, found a string"
        ),
    ])
    func `faults name the variable`(environment: [String: String], line: String) {
        #expect(complaints("{\n\n log: {} }", environment: environment) == [line])
    }

    @Test func `variables for other ends are left alone`() {
        let environment = [
            "SIGNALBOX_CONFIG": "x", "SIGNALBOX_BENCH": "y", "SIGNALBOX_BIN": "z", "SIGNAL": "q",
        ]
        #expect(complaints("{}", environment: environment) == [])
    }

    @Test(arguments: [
        (
            "log..level",
            "command line: \"log..level\" is no key path; write keys with dots between "
                + "them, e.g. log.level"
        ),
        (
            "log.level.x",
            "command line: log.level.x: what stands above this key in the file is no "
                + "object; set the whole of it, as JSON"
        ),
        ("log.levle", "command line: log.levle: unknown key; did you mean \"level\"?"),
        ("modules.a", "command line: modules.a: expected an object, found a whole number"),
    ])
    func `faults name the command line`(key: String, line: String) {
        let lines = complaints(
            "{ log: { level: 'info' } }", overrides: [.init(key: key, value: "1")])
        #expect(lines.first == line)
    }

    @Test func `a good variable hides a bad value of the file`() throws {
        #expect(
            try settings("{ loops: 'x' }", environment: ["SIGNALBOX_LOOPS": "4"]).loops == 4)
    }
}
