// Bad modules and timers and what is said about them, and a configuration with every value in
// every place.

import Testing

@testable import Gateway

struct SettingsModuleFaultTests {
    @Test(arguments: [
        BadConfiguration(
            "{ modules: { Host: { command: ['x'] } } }",
            #"f:1: modules.Host: names are 1 to 64 of a-z, 0-9, _ and -"#),
        BadConfiguration(
            "{ modules: { signalbox: { command: ['x'] } } }",
            #"f:1: modules.signalbox: the name signalbox is the gateway's own"#),
        BadConfiguration(
            "{ modules: { a: { command: ['x'],\n exec: ['y'] } } }",
            #"f:2: modules.a.exec: command and exec exclude each other; "#
                + #"keep one of command, exec, http, reply or builtin"#),
        BadConfiguration(
            "{ modules: { a: { command: 'x y' } } }",
            #"f:1: modules.a.command: expected a list of strings, found a string"#),
        BadConfiguration(
            "{ modules: { a: { command: [\n 'x', 1 ] } } }",
            #"f:2: modules.a.command[1]: expected a string, found a whole number"#),
        BadConfiguration(
            "{ modules: { a: { command: [] } } }",
            #"f:1: modules.a.command: there is no program in it; write ["PROGRAM", "ARGUMENT"]"#),
        BadConfiguration(
            "{ modules: { a: { http: 'ftp://x' } } }",
            #"f:1: modules.a.http: "ftp://x" is no URL of ours; "#
                + #"write http://HOST:PORT/PATH, https://HOST/PATH or unix:/PATH"#),
        BadConfiguration(
            "{ modules: { a: { http: 'http://:80/x' } } }",
            #"f:1: modules.a.http: the URL has no host; write that of the server"#),
        BadConfiguration(
            "{ modules: { a: { http: 'http://*/x' } } }",
            #"f:1: modules.a.http: * is no host; write that of the server"#),
        BadConfiguration(
            "{ modules: { a: { http: 'http://x:0', ca: 'c', verify: false } } }",
            #"f:1: modules.a.ca: only https upstreams have authorities; remove it"#,
            #"f:1: modules.a.verify: only https upstreams are verified; remove it"#,
            #"f:1: modules.a.verify: with ca there is something to verify; remove one"#,
            #"f:1: modules.a.http: port 0 is no port to connect to"#),
        BadConfiguration(
            "{ modules: { a: { http: 'https://x', host: 'a b', body_tmeout: '1s' } } }",
            #"f:1: modules.a.host: "a b" is no host"#,
            #"f:1: modules.a.body_tmeout: unknown key; did you mean "body_timeout"?"#),
        BadConfiguration(
            "{ modules: { a: { http: 'unix:/x',\n headers: { 'x-FORWARDED-for': '1', 'a b': '2', "
                + "C: 'x\\ny' },\n response_headers: ['Connection', 'X-Ok'] } } }",
            #"f:2: modules.a.headers.C: the value has a control character"#,
            #"f:2: modules.a.headers."a b": no field has such a name"#,
            #"f:2: modules.a.headers.x-FORWARDED-for: this field is the gateway's own"#,
            #"f:3: modules.a.response_headers[0]: this field is the gateway's own"#),
        BadConfiguration(
            "{ modules: { a: { http: 'unix:/x', breaker: { failures: 0, pause: '2s', "
                + "max_pause: '1s' }, health: { path: 'x', evry: '1s' } } } }",
            #"f:1: modules.a.breaker.failures: 0 is out of range; from 1 to 1000000"#,
            #"f:1: modules.a.breaker.max_pause: max_pause is shorter than pause; raise it"#,
            #"f:1: modules.a.health.path: expected a path as in a URL; begin with /"#,
            #"f:1: modules.a.health.evry: unknown key; did you mean "every"?"#),
        BadConfiguration(
            "{ modules: { a: { builtin: 'ecko' } } }",
            #"f:1: modules.a.builtin: unknown value "ecko"; did you mean "echo"?"#),
        BadConfiguration(
            "{ modules: { a: { builtin: 'echo', start: 'eager' } } }",
            #"f:1: modules.a.start: unknown key; known: builtin, command, commands, description, "#
                + #"exec, http, reply, required, signals"#),
        BadConfiguration(
            "{ modules: { a: { reply: { x: 1 }, commands: { y: {} } } } }",
            #"f:1: modules.a.commands.y: there is no answer for this command; add it to reply"#),
        BadConfiguration(
            "{ modules: { a: { reply: { x: [1, { y: Infinity }] } } } }",
            #"f:1: modules.a.reply.x[1].y: JSON has no such number; write null"#),
        BadConfiguration(
            "{ modules: { a: { command: ['x'], commands: { 'b c': { params: 3, saf: true } } } } }",
            #"f:1: modules.a.commands."b c": commands are words of A-Z, a-z, 0-9, _ and -, "#
                + #"with dots between them"#,
            #"f:1: modules.a.commands."b c".params: expected a JSON Schema, found a whole number"#,
            #"f:1: modules.a.commands."b c".saf: unknown key; did you mean "safe"?"#),
        BadConfiguration(
            "{ modules: { a: { command: ['x'], commands: { 'rpc.discover': {} } } } }",
            #"f:1: modules.a.commands."rpc.discover": commands beginning with rpc. belong to "#
                + #"JSON-RPC"#),
        BadConfiguration(
            "{ modules: { a: { command: ['x'],\n signals: ['a.**.b', 'signalbox.x', 'ok.*'] } } }",
            #"f:2: modules.a.signals[0]: ** stands at the end of a pattern"#,
            #"f:2: modules.a.signals[1]: signals below signalbox. are the gateway's own"#),
        BadConfiguration(
            "{ modules: { a: { command: ['x'], restart: { delay: '2s', max_delay: '1s' } } } }",
            #"f:1: modules.a.restart.max_delay: max_delay is shorter than delay; raise it"#),
        BadConfiguration(
            "{ modules: { a: { command: ['x'], environment: { 'A=B': 'c', D: 1 } } } }",
            #"f:1: modules.a.environment.D: expected a string, found a whole number"#,
            #"f:1: modules.a.environment."A=B": no variable has such a name"#),
        BadConfiguration(
            "{ modules: { a: { command: ['x'], commands: { b: { params: { type: 'strong' } } } } } }",
            #"f:1: modules.a.commands.b.params: is no JSON Schema: "#
                + #"/type names no type of JSON Schema: strong"#),
        BadConfiguration(
            "{ modules: { a: { command: ['x'], pool: 2, per_session: { header: 'X-S' } } } }",
            #"f:1: modules.a.per_session: pool and per_session exclude each other; keep one"#),
        BadConfiguration(
            "{ modules: { a: { command: ['x'], per_session: { cookie: 'a b' } },"
                + " b: { command: ['x'], per_session: {} } } }",
            #"f:1: modules.a.per_session.cookie: "a b" is no name of a cookie"#,
            #"f:1: modules.b.per_session: nothing says what names the session; "#
                + #"add header or cookie"#),
        BadConfiguration(
            "{ modules: { a: { command: ['x'], handshake: [{ call: 'a\"b' }, { params: 3 }],"
                + " notifications: { x: 'signalbox.y' } } } }",
            #"f:1: modules.a.handshake[0].call: "a\"b" is no name of a method"#,
            #"f:1: modules.a.handshake[1].params: expected an object or a list, "#
                + #"found a whole number"#,
            #"f:1: modules.a.handshake[1]: nothing says what is sent; add call or notify"#,
            #"f:1: modules.a.notifications.x: signals below signalbox. are the gateway's own"#),
        BadConfiguration(
            "{ modules: { a: { exec: ['x'], exit_status: { '0': 404, '1': 200, '2': 404 } } } }",
            #"f:1: modules.a.exit_status.0: exit codes are 1 to 255"#,
            #"f:1: modules.a.exit_status.1: expected an HTTP status from 400 to 599"#),
    ])
    func `modules are judged by their kind`(_ bad: BadConfiguration) {
        #expect(complaints(bad.text) == bad.lines)
    }

    @Test(arguments: [
        BadConfiguration(
            "{ timers: { t: { emit: { signal: 'a' } } } }",
            #"f:1: timers.t: nothing says when it fires; add after, every, at or cron"#),
        BadConfiguration(
            "{ timers: { t: { every: '1s',\n after: '1s', emit: { signal: 'a' } } } }",
            #"f:1: timers.t.every: after and every exclude each other; "#
                + #"keep one of after, every, at or cron"#),
        BadConfiguration(
            "{ timers: { t: { every: '1ms', emit: { signal: 'a' } } } }",
            #"f:1: timers.t.every: 1ms is out of range; from 10ms to 365d"#),
        BadConfiguration(
            "{ timers: { t: { every: '1s' } } }",
            #"f:1: timers.t: nothing says what it does; add emit or call"#),
        BadConfiguration(
            "{ timers: { t: { every: '1s', emit: {} } } }",
            #"f:1: timers.t.emit: signal is missing; add signal: "NAME""#),
        BadConfiguration(
            "{ timers: { t: { every: '1s', emit: { signal: 'signalbox.x' } } } }",
            #"f:1: timers.t.emit.signal: signals below signalbox. are the gateway's own"#),
        BadConfiguration(
            "{ timers: { t: { at: '2030-02-30T08:00:00Z', emit: { signal: 'a' } } } }",
            #"f:1: timers.t.at: "2030-02-30T08:00:00Z" is no moment of RFC 3339; "#
                + #"write "2030-12-01T08:00:00Z" or with an offset such as +01:00"#),
        BadConfiguration(
            "{ timers: { t: { at: '2201-01-01T00:00:00Z', emit: { signal: 'a' } } } }",
            #"f:1: timers.t.at: "2201-01-01T00:00:00Z" is not from 1970 to 2200"#),
        BadConfiguration(
            "{ timers: { t: { cron: '* * *', emit: { signal: 'a' } } } }",
            #"f:1: timers.t.cron: "* * *" is no cron expression: there are 3 fields; five are "#
                + "needed: minute, hour, day of month, month, day of week; "
                + #"write five fields, e.g. "*/5 * * * *", or a name such as "@hourly""#),
        BadConfiguration(
            "{ timers: { t: { every: '1s', timezone: '../etc', emit: { signal: 'a' } } } }",
            #"f:1: timers.t.timezone: only cron timers have a time zone; remove it"#,
            #"f:1: timers.t.timezone: "../etc" is no name of a time zone; "#
                + #"write one such as "Europe/Berlin" or "UTC""#),
        BadConfiguration(
            "{ modules: { host: { command: ['x'], commands: { load: {} } } },\n timers: {\n"
                + " t: { every: '1s', call: { module: 'hots', command: 'load' } },\n"
                + " u: { every: '1s', call: { module: 'host', command: 'laod' } },\n"
                + " v: { every: '1s', call: { command: 'load' } } } }",
            #"f:3: timers.t.call.module: there is no module "hots"; did you mean "host"?"#,
            #"f:4: timers.u.call.command: module host has no command "laod"; "#
                + #"did you mean "load"?"#,
            #"f:5: timers.v.call: module is missing; add module: "NAME""#),
    ])
    func `timers are judged with their calls`(_ bad: BadConfiguration) {
        #expect(complaints(bad.text) == bad.lines)
    }

    /// Every tree that is `tree` with one value replaced by `value`.
    private func replacing(_ tree: SettingValue, with value: SettingValue) -> [SettingValue] {
        var trees = [value]
        switch tree {
        case .object(let members):
            for (key, member) in members {
                for changed in replacing(member, with: value) {
                    trees.append(.object(members.merging([key: changed]) { $1 }))
                }
            }
        case .list(let elements):
            for (index, element) in elements.enumerated() {
                for changed in replacing(element, with: value) {
                    var copy = elements
                    copy[index] = changed
                    trees.append(.list(copy))
                }
            }
        case .null, .flag, .integer, .number, .text:
            break
        }
        return trees
    }

    @Test(arguments: [
        SettingValue.null, .flag(true), .integer(0), .integer(.min), .integer(.max), .number(0.5),
        .number(.nan), .number(1e300), .text(""), .text("\u{0}\n/../[:*"), .list([]),
        .list([.null]), .object([:]), .object(["": .null]),
    ])
    func `no value in any place does more than cause faults`(value: SettingValue) throws {
        let tree = try SettingValue.read([UInt8](everything.utf8))
        var refusedCount = 0
        for changed in replacing(tree, with: value) {
            let reading = SettingsReading(
                name: "f", folder: "/", locator: SettingsLocator(), origins: [])
            _ = SettingsDecoder(reading: reading).settings(changed)
            guard let error = reading.error() else { continue }
            refusedCount += 1
            #expect(!error.description.utf8.contains { $0 < 0x20 && $0 != 0x0A })
        }
        // Null means absent, which is an error for the few keys that must be there.
        #expect(refusedCount > 10)
    }
}
