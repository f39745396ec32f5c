// What a configuration becomes: every key in its place, defaults, paths, and who goes before whom.

import Foundation
import Testing

@testable import Gateway

/// Parses `text` as a file in `/etc/box`.
func settings(
    _ text: String, environment: [String: String] = [:], overrides: [Settings.Override] = []
) throws -> Settings {
    try Settings.parse(
        text: text, name: "f", folder: "/etc/box", environment: environment, overrides: overrides)
}

/// A configuration that uses every key there is.
let everything = """
    {
      $schema: "x", version: 1, base_path: "/box/v", loops: 3, allow_anonymous: true,
      listeners: [
        { url: "http://0.0.0.0:80" },
        { url: "https://[::1]:8443", certificate: "a.crt", key: "/k/a.key",
          ocsp: "a.ocsp", certificates: [{ certificate: "./b.crt", key: "../b.key", ocsp: "/b.der" }],
          client_ca: "ca.crt", client_auth: "optional", proxy_protocol: true },
        { url: "unix:run/box.sock", mode: "0660", owner: "box", group: "33" },
      ],
      tls: { watch_interval: "0s", ticket_rotation: "1h" },
      limits: {
        head_size: "32KiB", target_size: 4096, header_fields: 7, body_size: "1.5MB", json_depth: 8,
        head_timeout: "1s", body_timeout: "2s", handshake_timeout: "3s", idle_timeout: "4s",
        write_timeout: "5s", call_timeout: "6s", drain_timeout: "0s", connections: 20,
        connections_per_address: 9, pipelined_requests: 3, stream_buffer: "8KiB",
        half_close_timeout: "250ms",
      },
      log: { level: "debug", format: "json", access: true, file: "log/box.log" },
      modules: {
        zeta: { builtin: "echo" },
        host: {
          description: "d", command: ["./bin/host", "../x"], start: "eager", directory: "work",
          environment: { A: "1" }, inherit_environment: ["PATH"], pass_context: true,
          calls_in_flight: 5, queue: 0, queue_timeout: "7s", line_size: "1MiB",
          start_timeout: "8s", stop_timeout: "9s", idle_timeout: "10m",
          restart: { delay: "1s", max_delay: "1m", failures: 2 },
          signals: ["host.*", "box.**"], required: true, queue_size: "2MiB", max_life: "1d",
          framing: "content-length", bad_output: "fail", pool: 3,
          handshake: [
            { call: "initialize", params: { a: [1] } }, { notify: "initialized" },
          ],
          notifications: { "text/diagnostics": "host.diagnostics" },
          commands: {
            zebra: { safe: true, timeout: "5s", description: "z",
                     params: { type: "object", properties: { b: {}, a: true } }, result: false },
            aardvark: { method: "tools/call", notification: true },
          },
        },
        each: {
          command: ["x"], per_session: { header: "X-S", limit: 3, idle_timeout: "4s" },
        },
        cook: { command: ["x"], per_session: { cookie: "sid" } },
        df: {
          exec: ["df", "-h"], output: "lines", output_size: 10, exit_status: { "1": 404, "2": 503 },
          commands: { one: { exec: ["df", "{path}"] } },
        },
        api: { http: "https://api.example:8000/base/", ca: "api.crt", connections: 2, host: "h",
               queue: 3, queue_timeout: "4s", connect_timeout: "5s", body_timeout: "6s",
               idle_timeout: "7s", body_size: 8, headers: { A: "b" }, pass_credentials: true,
               response_headers: ["X-Own"], breaker: { failures: 9, pause: "10s" },
               health: { path: "/up?x", every: "11s", timeout: "12s" } },
        demo: { reply: { hello: { z: [1, 2.5, null, "é\\n\\u0001"], a: 9007199254740993 }, no: null },
                commands: { no: { description: "n" } } },
      },
      signals: {
        history: { events: 10, size: "1KiB", age: "1h" },
        heartbeat: "20s", retry: "3s", subscriptions: 5, rules: { boot: { latest: true } },
      },
      jobs: { count: 3, size: "1KiB", keep: "2s", timeout: "3s" },
      timers: {
        tick: { every: "1s", emit: { signal: "demo.tick", data: { from: "timer" } },
                jitter: "1s", max_runs: 3 },
        once: { after: "10s", emit: { signal: "demo.once" } },
        noon: { cron: "0 12 * * *", timezone: "Europe/Berlin", overlap: "queue",
                call: { module: "host", command: "zebra", params: [1] } },
        then: { at: "2030-12-01T08:00:00+01:00", call: { module: "zeta", command: "echo" } },
      },
      state: "/var/s",
      sources: {
        u: { udp: "127.0.0.1:5514", signal: "log.line", line_size: "1KiB", rate: 5 },
        t: { tcp: "127.0.0.1:5515", signal: "feed.item", framing: "json", connections: 3,
             idle_timeout: "1m" },
        x: { unix: "x.sock", signal: "x.line" },
        f: { file: "/var/log/x", signal: "f.line" },
      },
      reactions: {
        e: { on: { signal: "log.*" }, emit: { signal: "seen.line", data: 1 }, rate: 7 },
        c: { on: { signal: "feed.item" }, call: { module: "zeta", command: "echo", params: [] },
             result: "zeta.said", overlap: "skip" },
        x: { on: { signal: "x.line" }, exec: ["bin/page", "{type}"], timeout: "5s", output: "lines",
             output_size: "1KiB", result: "page.sent", directory: "/srv", environment: { A: "b" },
             inherit_environment: ["PATH"], stop_timeout: "1s", overlap: "parallel", in_flight: 4 },
      },
    }
    """

func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

struct SettingsTests {
    @Test func `an empty object means the defaults`() throws {
        #expect(try settings("{}") == Settings())
        #expect(Settings().listeners.map(\.url) == ["http://localhost:8080"])
        #expect(Settings().limits.bodySize == 1_048_576)
    }

    @Test func `sources, reactions and the state are read`() throws {
        let settings = try settings(everything)
        #expect(settings.state == "/var/s")
        #expect(
            settings.sources.map(\.kind) == [
                .udp(host: "127.0.0.1", port: 5514), .tcp(host: "127.0.0.1", port: 5515),
                .unix(path: "/etc/box/x.sock"), .file(path: "/var/log/x"),
            ])
        #expect(settings.sources[1].framing == .json && settings.sources[1].connections == 3)
        var program = Settings.Reaction.Program(
            run: Settings.ExecModule(exec: ["/etc/box/bin/page", "{type}"], directory: "/srv"))
        program.run.child.environment = ["A": "b"]
        program.run.child.inheritedEnvironment = ["PATH"]
        program.run.child.stopTimeout = .seconds(1)
        program.run.output = .lines
        program.run.outputSize = 1_024
        program.timeout = .seconds(5)
        program.result = "page.sent"
        #expect(
            settings.reactions.map(\.action) == [
                .emit(signal: "seen.line", data: [49]),
                .call(
                    module: "zeta", command: "echo", params: Array("[]".utf8), result: "zeta.said"),
                .exec(program),
            ])
        #expect(settings.reactions[2].inFlight == 4)
    }

    @Test func `null means the default as well`() throws {
        #expect(
            try settings("{ loops: null, log: null, limits: { idle_timeout: null } }") == Settings()
        )
    }

    @Test func `the fixed parts land in their places`() throws {
        let settings = try settings(everything)
        #expect(settings.basePath == "/box/v")
        #expect(settings.loops == 3)
        #expect(settings.allowsAnonymous)
        let limits = settings.limits
        #expect(limits.headSize == 32_768 && limits.targetSize == 4_096)
        #expect(limits.headerFields == 7 && limits.bodySize == 1_500_000 && limits.jsonDepth == 8)
        #expect(
            [
                limits.headTimeout, limits.bodyTimeout, limits.handshakeTimeout,
                limits.idleTimeout, limits.writeTimeout, limits.callTimeout, limits.drainTimeout,
            ] == [1, 2, 3, 4, 5, 6, 0].map { Duration.seconds($0) })
        #expect(limits.halfCloseTimeout == .milliseconds(250))
        #expect(limits.connections == 20 && limits.connectionsPerAddress == 9)
        #expect(limits.pipelinedRequests == 3 && limits.streamBuffer == 8_192)
        #expect(settings.log.level == .debug && settings.log.format == .json)
        #expect(settings.log.access && settings.log.file == "/etc/box/log/box.log")
        let signals = settings.signals
        #expect(signals.history.events == 10 && signals.history.size == 1_024)
        #expect(signals.history.age == .seconds(3_600) && signals.heartbeat == .seconds(20))
        #expect(signals.retry == .seconds(3) && signals.subscriptions == 5)
        #expect(settings.jobs.count == 3 && settings.jobs.size == 1_024)
        #expect(settings.jobs.keep == .seconds(2) && settings.jobs.timeout == .seconds(3))
    }

    @Test func `what has a dot or a star among the signals is a rule, in the order of the file`()
        throws
    {
        let signals = try settings(
            """
            { signals: { event_size: '2KiB', "host.state": { latest: true },
                "**": { events: 5, size: "1MiB", age: "5m" }, rules: { boot: { latest: true } },
                durable_history: { events: 7 } } }
            """
        ).signals
        #expect(signals.eventSize == 2048)
        #expect(signals.durableHistory.events == 7 && signals.history.events == 1000)
        #expect(signals.rules.map(\.pattern) == ["host.state", "**", "boot"])
        #expect(signals.rules[0].latest && !signals.rules[1].latest && signals.rules[2].latest)
        let last = signals.rules[1]
        #expect(last.events == 5 && last.size == 1 << 20 && last.age == .seconds(300))
    }

    @Test func `listeners have addresses and files`() throws {
        let listeners = try settings(everything).listeners
        #expect(
            listeners.map(\.address) == [
                .tcp(host: "0.0.0.0", port: 80), .tcp(host: "::1", port: 8443),
                .unix(path: "/etc/box/run/box.sock"),
            ])
        #expect(listeners.map(\.isLocal) == [false, true, true])
        #expect(listeners[0].tls == nil && listeners[2].tls == nil)
        #expect(
            listeners[1].tls?.certificates == [
                .init(certificate: "/etc/box/a.crt", key: "/k/a.key", ocsp: "/etc/box/a.ocsp"),
                .init(certificate: "/etc/box/b.crt", key: "/etc/box/../b.key", ocsp: "/b.der"),
            ])
        #expect(listeners.map(\.expectsProxy) == [false, true, false])
        #expect(listeners[2].access.mode == 0o660)
        #expect(listeners[2].access.owner == "box" && listeners[2].access.group == "33")
        #expect(listeners[0].access == Settings.Access())
        let upkeep = try settings(everything).tls
        #expect(upkeep.watchInterval == .zero && upkeep.ticketRotation == .seconds(3_600))
        #expect(listeners[1].tls?.clientAuthority == "/etc/box/ca.crt")
        #expect(listeners[1].tls?.clientAuthentication == .optional)
    }

    @Test func `a client authority alone requires client certificates`() throws {
        let settings = try settings(
            "{ listeners: [{ url: 'https://localhost', certificate: 'a', key: 'b', client_ca: 'c' }] }"
        )
        #expect(settings.listeners[0].tls?.clientAuthentication == .required)
        #expect(settings.listeners[0].address == .tcp(host: "localhost", port: 443))
    }

    @Test func `a socket of systemd's is encrypted if it has a certificate`() throws {
        let listeners = try settings(
            "{ listeners: [{ url: 'systemd:web', certificate: 'a', key: 'b' }, { url: 'systemd:0' }] }"
        ).listeners
        #expect(listeners.map(\.address) == [.inherited(name: "web"), .inherited(name: "0")])
        #expect(listeners[0].tls?.certificates.count == 1 && listeners[1].tls == nil)
        // Whether others can reach it shows when it is there.
        #expect(listeners.map(\.isLocal) == [true, true])
    }

    @Test func `modules and commands keep the order of the file`() throws {
        let modules = try settings(everything).modules
        #expect(modules.map(\.name) == ["zeta", "host", "each", "cook", "df", "api", "demo"])
        #expect(modules[1].commands.map(\.name) == ["zebra", "aardvark"])
    }

    @Test func `a process has its keys`() throws {
        let module = try settings(everything).modules[1]
        guard case .process(let process) = module.kind else {
            Issue.record("host is no process")
            return
        }
        #expect(module.description == "d" && module.signals == ["host.*", "box.**"])
        #expect(process.command == ["/etc/box/bin/host", "../x"])
        #expect(process.child.directory == "/etc/box/work")
        #expect(process.child.environment == ["A": "1"])
        #expect(process.child.inheritedEnvironment == ["PATH"])
        #expect(process.child.callsInFlight == 5 && process.child.queue == 0)
        #expect(process.child.queueTimeout == .seconds(7))
        #expect(process.child.stopTimeout == .seconds(9))
        #expect(process.start == .eager && process.passesContext)
        #expect(process.lineSize == 1 << 20 && process.startTimeout == .seconds(8))
        #expect(process.idleTimeout == .seconds(600))
        #expect(process.restart.delay == .seconds(1) && process.restart.maxDelay == .seconds(60))
        #expect(process.restart.failures == 2)
        #expect(module.isRequired && process.child.queueSize == 2 << 20)
        #expect(process.maxLife == .seconds(86_400) && process.framing == .contentLength)
        #expect(process.badOutput == .fail && process.sharing == .pool(3))
        #expect(process.handshake.map(\.method) == ["initialize", "initialized"])
        #expect(process.handshake.map(\.isNotification) == [false, true])
        #expect(process.handshake.map { text($0.params) } == [#"{"a":[1]}"#, "{}"])
        #expect(process.notifications == ["text/diagnostics": "host.diagnostics"])
        #expect(module.commands[1].method == "tools/call" && module.commands[1].isNotification)
        let zebra = module.commands[0]
        #expect(zebra.isSafe && zebra.timeout == .seconds(5) && zebra.description == "z")
        #expect(text(zebra.params) == #"{"type":"object","properties":{"b":{},"a":true}}"#)
        #expect(text(zebra.result) == "false")
    }

    @Test func `sessions are named by a header field or a cookie`() throws {
        let modules = try settings(everything).modules
        guard case .process(let each) = modules[2].kind, case .process(let cook) = modules[3].kind,
            case .perSession(let bounds) = each.sharing
        else {
            Issue.record("each and cook have no children per session")
            return
        }
        #expect(bounds.source == .header("X-S") && bounds.limit == 3)
        #expect(bounds.idleTimeout == .seconds(4))
        #expect(cook.sharing == .perSession(.init(source: .cookie("sid"))))
    }

    @Test func `a process runs in the folder of the file and may emit below its name`() throws {
        let module = try settings("{ modules: { a: { command: ['python3', 'x.py'] } } }").modules[0]
        #expect(
            module
                == Settings.Module(
                    name: "a",
                    kind: .process(.init(command: ["python3", "x.py"], directory: "/etc/box"))))
        #expect(module.signals == ["a.**"])
    }

    @Test func `exec, upstream, reply and builtin have their keys`() throws {
        let modules = try settings(everything).modules
        #expect(modules[0].kind == .builtin(.echo))
        #expect(modules[0].commands.map(\.name) == ["echo"])
        var exec = Settings.ExecModule(exec: ["df", "-h"], directory: "/etc/box")
        exec.output = .lines
        exec.outputSize = 10
        exec.exitStatus = [1: 404, 2: 503]
        #expect(modules[4].kind == .exec(exec))
        #expect(modules[4].commands[0].exec == ["df", "{path}"])
        var api = Settings.UpstreamModule(
            url: "https://api.example:8000/base/",
            address: .tcp(host: "api.example", port: 8000), basePath: "/base", usesTLS: true)
        api.authority = "/etc/box/api.crt"
        api.connections = 2
        api.host = "h"
        api.queue = 3
        api.queueTimeout = .seconds(4)
        api.connectTimeout = .seconds(5)
        api.bodyTimeout = .seconds(6)
        api.idleTimeout = .seconds(7)
        api.bodySize = 8
        api.headers = ["A": "b"]
        api.passesCredentials = true
        api.responseHeaders = ["x-own"]
        api.breaker.failures = 9
        api.breaker.pause = .seconds(10)
        var health = Settings.UpstreamModule.Health(path: "/up?x")
        health.every = .seconds(11)
        health.timeout = .seconds(12)
        api.health = health
        #expect(modules[5].kind == .upstream(api))
        guard case .reply(let replies) = modules[6].kind else {
            Issue.record("demo is no reply")
            return
        }
        #expect(
            text(replies["hello"]) == #"{"z":[1,2.5,null,"é\n\u0001"],"a":9007199254740993}"#)
        #expect(text(replies["no"]) == "null")
        #expect(modules[6].commands.map(\.name) == ["no", "hello"])
        #expect(modules[6].commands.map(\.isSafe) == [false, true])
    }

    @Test func `an exec module without commands has the command run`() throws {
        let module = try settings("{ modules: { a: { exec: ['true'] } } }").modules[0]
        #expect(module.commands == [Settings.Command(name: "run")])
    }

    @Test func `timers have schedules and actions`() throws {
        let timers = try settings(everything).timers
        #expect(timers.map(\.name) == ["tick", "once", "noon", "then"])
        #expect(
            timers.map(\.schedule) == [
                .every(.seconds(1)), .after(.seconds(10)),
                .cron("0 12 * * *", timezone: "Europe/Berlin"), .at("2030-12-01T08:00:00+01:00"),
            ])
        #expect(
            timers.map(\.action) == [
                .emit(signal: "demo.tick", data: [UInt8](#"{"from":"timer"}"#.utf8)),
                .emit(signal: "demo.once", data: [UInt8]("null".utf8)),
                .call(module: "host", command: "zebra", params: [UInt8]("[1]".utf8)),
                .call(module: "zeta", command: "echo", params: [UInt8]("{}".utf8)),
            ])
        #expect(timers[0].jitter == .seconds(1) && timers[0].maxRuns == 3)
        #expect(timers[2].overlap == .queue && timers[1].overlap == .skip)
    }

    @Test func `fewer connections leave fewer per address`() throws {
        #expect(try settings("{ limits: { connections: 100 } }").limits.connectionsPerAddress == 50)
        #expect(try settings("{ limits: { connections: 1 } }").limits.connectionsPerAddress == 1)
    }

    @Test func `one module needs no file`() throws {
        let plain = try Settings.oneModule(command: ["./a", "b"], folder: "/home/me")
        #expect(plain.listeners == [.loopback])
        var process = Settings.ProcessModule(command: ["/home/me/a", "b"], directory: "/home/me")
        process.start = .eager
        #expect(plain.modules.map(\.kind) == [.process(process)])
        #expect(plain.modules[0].name == "main" && plain.modules[0].signals == ["**"])
        let both = try Settings.oneModule(
            command: ["a"], folder: "/home/me",
            certificate: .init(certificate: "c.crt", key: "/c.key"),
            environment: ["SIGNALBOX_LOG_LEVEL": "debug"])
        #expect(both.listeners.map(\.url) == ["http://localhost:8080", "https://localhost:8443"])
        #expect(
            both.listeners[1].tls?.certificates == [
                .init(certificate: "/home/me/c.crt", key: "/c.key")
            ])
        #expect(both.log.level == .debug)
    }

    @Test func `one module without a program is refused`() {
        #expect(throws: SettingsError.self) {
            try Settings.oneModule(command: [], folder: "/")
        }
    }
}
