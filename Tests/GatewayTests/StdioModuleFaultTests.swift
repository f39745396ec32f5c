// What a caller gets, and when, if the child breaks the protocol, does not start, or ends.

import Bytes
import Notifier
import Testing

@testable import Gateway

@Suite struct StdioModuleFaultTests {
    private static let echo = """
        for m in lines:
            if "id" in m: send({"jsonrpc": "2.0", "id": m["id"], "result": m["params"]})
        """

    private static func raw(_ line: String) -> String {
        """
        for m in lines:
            sys.stdout.buffer.write(\(line) % m["id"] + b"\\n")
            sys.stdout.flush()
        """
    }

    @Test(
        "an answer that is no JSON fails its caller at once",
        arguments: [
            #"b'{"jsonrpc":"2.0","id":%d,"result":NaN}'"#,
            #"b'{"jsonrpc":"2.0","id":%d,"result":"\xff\xfe"}'"#,
            #"b'{"result":{"id":7,"x":[NaN]},"id":%d}'"#,
            #"b'{"jsonrpc":"2.0","id":%d'"#,
            #"b'{"jsonrpc":"2.0","id":%d,"id":1,"result":1}'"#,
        ])
    func brokenAnswer(_ line: String) throws {
        let scene = try Scene(Self.raw(line))
        let outcome = scene.call()
        #expect(outcome.error?.status == 502, "\(String(describing: outcome.error))")
        #expect(scene.module.counters.malformed == 1)
    }

    @Test(
        "an error that is none is not passed on as the module's words",
        arguments: [
            (#"{}"#, "its error has no integer code"),
            (#"{"message":"x"}"#, "its error has no integer code"),
            (#"{"code":"4","message":"x"}"#, "its error has no integer code"),
            (#"{"code":4.5,"message":"x"}"#, "its error has no integer code"),
            (#"{"code":1e99,"message":"x"}"#, "its error has no integer code"),
            (#"{"code":4}"#, "its error has no message that is a string"),
            (#"{"code":4,"message":null}"#, "its error has no message that is a string"),
            (#""gone wrong""#, "its error is no object"), ("null", "its error is no object"),
            (#"[{"code":4,"message":"x"}]"#, "its error is no object"),
        ])
    func brokenError(_ error: String, _ reason: String) throws {
        let scene = try Scene(
            Self.raw(#"b'{"jsonrpc":"2.0","id":%d,"error":"# + error + "}'"))
        let failure = try #require(scene.call().error)
        #expect(failure.status == 502)
        #expect(failure.detail.contains(reason), "\(failure.detail)")
        #expect(scene.module.counters.malformed == 1)
        #expect(scene.log.contains { $0.hasPrefix("warning: ") }, "\(scene.log)")
    }

    @Test func `progress without a value is no progress, and is told in the log`() throws {
        let scene = try Scene(
            """
            for m in lines:
                for params in [{"id": m["id"]}, {"value": 1}, {"id": "x", "value": 2},
                               {"id": m["id"], "value": None}]:
                    send({"jsonrpc": "2.0", "method": "progress", "params": params})
                send({"jsonrpc": "2.0", "id": m["id"], "result": 3})
            """)
        let outcome = scene.call()
        #expect(outcome.result == "3")
        #expect(outcome.progress == ["null"])
        #expect(scene.module.counters.malformed == 3)
        #expect(scene.log.contains { $0.contains("progress without a value") })
        #expect(scene.log.contains { $0.contains("progress without the id of a call") })
    }

    /// Answers `any` at once unless its params are 0; those are answered with the next 1.
    private static let moody = """
        held = []
        for m in lines:
            if "id" not in m: continue
            if m["params"] == 0: held.append(m["id"])
            else:
                for id in held + [m["id"]]: send({"jsonrpc": "2.0", "id": id, "result": os.getpid()})
                held = []
        """

    private func miss(_ scene: Scene, count: Int, isOverdue: Bool = true) {
        for _ in 0..<count {
            let outcome = scene.start("any", "0")
            #expect(scene.wait { scene.module.seats[0].pending.count == 1 })
            outcome.ticket?.giveUp(
                .timedOut(module: "m", limit: .seconds(1)), isOverdue: isOverdue)
        }
    }

    @Test func `a child that hangs in each call does not stay ready`() throws {
        let scene = try Scene(Self.moody) { $0.silence.deadlines = 2 }
        let pid = scene.call("any", "1").result
        #expect(scene.module.facts.state == .ready)
        miss(scene, count: 1)
        #expect(scene.call("any", "1").result == pid)
        miss(scene, count: 1)
        miss(scene, count: 5, isOverdue: false)
        #expect(scene.module.facts.state == .ready)
        miss(scene, count: 1)
        #expect(scene.module.facts.state == .unresponsive)
        #expect(scene.facts.children.map(\.state) == [.unresponsive])
        #expect(scene.facts.reason == "it answers no call in time")
        #expect(scene.call("any", "1").result == pid)
        #expect(scene.facts.state == .ready && scene.facts.reason == nil)
        miss(scene, count: 4)
        #expect(scene.log.filter { $0.hasPrefix("error: ") }.count == 2)
    }

    @Test func `a late answer shows that a child does not hang`() throws {
        let scene = try Scene(Self.moody) { $0.silence.deadlines = 1 }
        _ = scene.call("any", "1")
        miss(scene, count: 1)
        #expect(scene.facts.state == .unresponsive)
        let late = scene.start("any", "1")
        #expect(scene.wait { scene.module.counters.lateAnswers == 1 })
        #expect(scene.facts.state == .ready)
        #expect(scene.wait { late.isDone })
    }

    @Test func `a child that hangs is started again where that is configured`() throws {
        let scene = try Scene(Self.moody) {
            $0.silence.deadlines = 2
            $0.silence.action = .restart
        }
        let pid = scene.call("any", "1").result
        let held = scene.start("any", "0")
        for _ in 0..<2 {
            scene.start("any", "0").ticket?.giveUp(
                .timedOut(module: "m", limit: .seconds(1)), isOverdue: true)
        }
        #expect(scene.wait { held.isDone })
        #expect(held.error?.detail.contains("answered nothing while") == true)
        let next = scene.call("any", "1").result
        #expect(next != nil && next != pid)
    }

    @Test func `in a pool a child that answers is preferred to one that hangs`() throws {
        let scene = try Scene(Self.moody) {
            $0.silence.deadlines = 1
            $0.sharing = .pool(2)
            $0.start = .eager
        }
        scene.backend.start()
        #expect(scene.wait { scene.facts.children.allSatisfy { $0.state == .ready } })
        scene.start("any", "0").ticket?.giveUp(
            .timedOut(module: "m", limit: .seconds(1)), isOverdue: true)
        let hanging = try #require(scene.facts.children.first { $0.state == .unresponsive }?.pid)
        #expect(scene.facts.state == .ready)
        for _ in 0..<4 { #expect(scene.call("any", "1").result != String(hanging)) }
    }

    @Test func `an answer longer than the limit fails its caller at once`() throws {
        let scene = try Scene(
            """
            for m in lines:
                send({"jsonrpc": "2.0", "id": m["id"], "result": "x" * m["params"]})
            """
        ) { $0.lineSize = 4096 }
        #expect(scene.call("any", "10000").error?.status == 502)
        #expect(scene.module.counters.overlong == 1)
        #expect(scene.call("any", "3").result == #""xxx""#)
    }

    @Test(arguments: [Settings.ProcessModule.Framing.lines, .contentLength])
    func `an answer longer than the limit whose id comes last fails its caller at once`(
        framing: Settings.ProcessModule.Framing
    ) throws {
        let scene = try Scene(
            """
            for m in lines:
                size = m["params"]
                text = '{"result":{"id":7,"x":"' + "x" * size + '"},"id":%d}' % m["id"]
                if \(framing == .lines ? "True" : "False"): text += "\\n"
                else: text = "Content-Length: %d\\r\\n\\r\\n" % len(text) + text
                sys.stdout.write(text); sys.stdout.flush()
            """.replacing(
                "for m in lines:",
                with: framing == .lines
                    ? "for m in lines:"
                    : """
                    def framed():
                        while head := sys.stdin.readline():
                            sys.stdin.readline()
                            yield json.loads(sys.stdin.read(int(head.split(":")[1])))
                    for m in framed():
                    """)
        ) {
            $0.lineSize = 4096
            $0.framing = framing
        }
        let error = try #require(scene.call("any", "300000").error)
        #expect(error.status == 502 && error.detail.contains("longer than 4KiB"), "\(error)")
        #expect(scene.module.counters.overlong == 1)
        #expect(scene.call("any", "3").result == #"{"id":7,"x":"xxx"}"#)
    }

    @Test func `a strict module loses its child for a line that is no message`() throws {
        let scene = try Scene(
            """
            for m in lines:
                print("debugging")
                sys.stdout.flush()
            """
        ) { $0.badOutput = .fail }
        let error = try #require(scene.call().error)
        #expect(error.status == 502)
        #expect(error.detail.contains("wrote something that is no message"))
    }

    @Test func `a request of the child is refused, not left waiting`() throws {
        let scene = try Scene(
            """
            m = next(lines)
            send({"jsonrpc": "2.0", "id": "mine-1", "method": "roots/list"})
            send({"jsonrpc": "2.0", "id": m["id"], "method": "roots/list"})
            refusals = [next(lines), next(lines)]
            send({"jsonrpc": "2.0", "id": m["id"],
                  "result": [[r["id"] for r in refusals], refusals[0]["error"]["code"]]})
            for m in lines: pass
            """)
        let outcome = scene.call()
        #expect(outcome.result?.hasPrefix(#"[["mine-1", "#) == true)
        #expect(outcome.result?.hasSuffix("-32601]") == true)
        #expect(scene.module.counters.refusedRequests == 2)
    }

    @Test func `a child with listed commands is ready with its first message, not before`() throws {
        let scene = try Scene(
            """
            m = next(lines)
            send({"jsonrpc": "2.0", "method": "log", "params": {"message": "slowly"}})
            for m in lines: pass
            """)
        _ = scene.start()
        #expect(scene.facts.state == .starting)
        scene.wait { scene.facts.state == .ready }
        #expect(scene.log.contains { $0.hasSuffix("slowly") })
    }

    @Test func `a child that ends at its start takes those who wait with it`() throws {
        let scene = try Scene(
            "time.sleep(0.05); sys.stderr.write('cannot bind'); os._exit(4)", commands: [])
        let outcomes = (0..<8).map { _ in scene.start() }
        scene.wait { outcomes.allSatisfy(\.isDone) }
        for outcome in outcomes {
            #expect(outcome.error?.status == 502)
            #expect(outcome.error?.detail.contains("exited with code 4") == true)
        }
    }

    @Test func `a child that is slow to say what it can is ended, and those who wait are told`()
        throws
    {
        let scene = try Scene("time.sleep(100)", commands: []) {
            $0.startTimeout = .milliseconds(100)
        }
        let outcomes = (0..<8).map { _ in scene.start() }
        scene.wait { outcomes.allSatisfy(\.isDone) }
        for outcome in outcomes {
            #expect(outcome.error?.status == 502)
            #expect(outcome.error?.detail.contains("was not ready within 100ms") == true)
        }
    }

    @Test func `an exit is told at once even if a grandchild holds the output`() throws {
        let scene = try Scene(
            """
            import subprocess
            subprocess.Popen(["sleep", "1000"], start_new_session=True)
            for m in lines:
                sys.stderr.write("%.9f\\n" % time.monotonic()); sys.stderr.flush()
                os._exit(1)
            """)
        guard case .exited(_, let end)? = scene.call().error else {
            Issue.record("no exit")
            return
        }
        let said = try #require(end.lastLines.first.flatMap(Double.init))
        let now = Double(scene.loop.clock.monotonicNanos()) / 1e9
        // 10 ms are promised; a machine with other work may take its time to schedule us.
        #expect(now - said < 0.09, "\(now - said) s")
    }

    @Test func `who waits too long for a turn is told that, and how long`() throws {
        let scene = try Scene("for m in lines: pass") {
            $0.child.callsInFlight = 1
            $0.child.queueTimeout = .milliseconds(30)
        }
        _ = scene.start()
        let error = try #require(scene.call().error)
        #expect(error.status == 503)
        #expect("\(error.code)" == "queue_timeout" && error.detail.contains("30ms"))
    }

    @Test func `the bytes of waiting calls are bounded`() throws {
        let scene = try Scene("for m in lines: pass") {
            $0.child.callsInFlight = 1
            $0.child.queueSize = 1000
        }
        _ = scene.start()
        let big = "\"\(String(repeating: "x", count: 600))\""
        let first = scene.start("any", big)
        let second = scene.start("any", big)
        #expect(second.error?.status == 503 && !first.isDone)
        first.ticket?.cancel()
        #expect(scene.module.queue.byteCount == 0)
        #expect(!scene.start("any", big).isDone)
    }

    @Test func `a description that is broken is told where people look`() throws {
        let scene = try Scene(
            """
            m = next(lines)
            send({"jsonrpc": "2.0", "id": m["id"], "result": {"methods": [
                {"name": "fine", "params": []}, {"name": "bad name"}, {"no": "name"},
                {"name": "odd", "params": [{"name": "x", "schema": {"type": "strong"}}]}]}})
            for m in lines: send({"jsonrpc": "2.0", "id": m["id"], "result": 1})
            """, commands: [])
        #expect(scene.call("fine").result == "1")
        #expect(scene.facts.warnings.count == 3, "\(scene.facts.warnings)")
        #expect(scene.facts.commands.map(\.name) == ["fine", "odd"])
        #expect(scene.facts.commands[1].params == nil)
        #expect(scene.log.count { $0.hasPrefix("warning:") } == 3)
    }

    @Test(
        "a failing module makes the gateway unready only if it is required",
        arguments: [
            (ModuleState.failing, true, true, true), (.failing, false, true, false),
            (.starting, true, true, true), (.starting, false, true, false),
            (.stopped, true, true, false), (.ready, true, true, false),
        ])
    func readiness(_ state: ModuleState, _ isRequired: Bool, _ settled: Bool, _ holds: Bool) {
        var facts = ModuleFacts(name: "m", kind: "process", state: state, commands: [])
        facts.isRequired = isRequired
        facts.hasSettled = settled
        #expect(facts.holdsReadiness == holds)
        facts.isEager = true
        facts.hasSettled = false
        #expect(facts.holdsReadiness)
    }
}
