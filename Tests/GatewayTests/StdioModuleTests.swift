// StdioModule against real children in Python that misbehave in every way a child can.

import Bytes
import Glibc
import JSON
import Notifier
import Testing

@testable import Gateway

@Suite struct StdioModuleTests {
    private static let echo = """
        for m in lines:
            if "id" in m: send({"jsonrpc": "2.0", "id": m["id"], "result": m["params"]})
        """

    @Test func `a call starts the child and gets its answer`() throws {
        let scene = try Scene(Self.echo)
        #expect(scene.call("any", #"{"x":[1,2]}"#).result == #"{"x": [1, 2]}"#)
        #expect(scene.states.first == .starting && scene.states.last == .ready)
    }

    @Test func `a result comes back verbatim, numbers of any size untouched`() throws {
        let scene = try Scene(
            """
            for m in lines:
                sys.stdout.write('{"id":%d,"jsonrpc":"2.0","result":{"n":123456789012345678901234567890.5e-400,"a" : [ ] }}\\n' % m["id"])
                sys.stdout.flush()
            """)
        #expect(
            scene.call().result == #"{"n":123456789012345678901234567890.5e-400,"a" : [ ] }"#)
    }

    @Test func `answers in any order find their callers`() throws {
        let scene = try Scene(
            """
            held = []
            for m in lines:
                held.append(m)
                if len(held) == 50:
                    for h in reversed(held):
                        send({"jsonrpc": "2.0", "id": h["id"], "result": h["params"]["n"]})
            """)
        let outcomes = (0..<50).map { scene.start("any", "{\"n\":\($0)}") }
        scene.wait { outcomes.allSatisfy(\.isDone) }
        for (number, outcome) in outcomes.enumerated() { #expect(outcome.result == "\(number)") }
    }

    @Test func `late, repeated, invented and foreign answers reach nobody`() throws {
        let scene = try Scene(
            """
            for m in lines:
                for id in (m["id"] + 1024, m["id"] - 1024, -1, 0, str(m["id"]), None, 1.5):
                    send({"jsonrpc": "2.0", "id": id, "result": "wrong"})
                send({"jsonrpc": "2.0", "id": m["id"], "result": "right"})
                send({"jsonrpc": "2.0", "id": m["id"], "result": "again"})
            """)
        for _ in 0..<5 { #expect(scene.call().result == "\"right\"") }
        let counters = scene.module.counters
        #expect(counters.unknownAnswers + counters.lateAnswers >= 30)
        #expect(counters.lateAnswers >= 5)
    }

    @Test func `garbage, blank and overlong lines are skipped and counted`() throws {
        let scene = try Scene(
            """
            print("Welcome to my module!")
            for m in lines:
                sys.stdout.buffer.write(b"\\xff\\xfe\\n\\n[1,2]\\n{}\\n{\\"id\\":1\\n" + b"x" * 100000 + b"\\n")
                send({"jsonrpc": "2.0", "id": m["id"], "result": 1})
            """
        ) { $0.lineSize = 4096 }
        #expect(scene.call().result == "1")
        #expect(scene.module.counters.malformed == 5)
        #expect(scene.module.counters.overlong == 1)
    }

    @Test func `an error of the module keeps its code, message, data and status`() throws {
        let scene = try Scene(
            """
            for m in lines:
                send({"jsonrpc": "2.0", "id": m["id"], "error":
                      {"code": 7, "message": "no such disk", "data": {"status": 404, "mount": "/x"}}})
            """)
        let error = try #require(scene.call().error)
        #expect(error.status == 404)
        guard case .failed(_, let rpc) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(rpc.code == 7 && rpc.message == "no such disk")
    }

    @Test(
        "a status that is no error is a 500, nonsense for an error a 502",
        arguments: [#"{"code":1,"message":"x","data":{"status":200}}"#, #""boom""#, "{}", "null"])
    func oddErrors(_ text: String) throws {
        let scene = try Scene(
            """
            for m in lines:
                sys.stdout.write('{"jsonrpc":"2.0","id":%d,"error":%s}\\n' % (m["id"], '\(text)'))
                sys.stdout.flush()
            """)
        let outcome = scene.start()
        scene.wait { outcome.isDone }
        // What has not code and message is no error (JSON-RPC 2.0 §5.1), and its answer nonsense.
        #expect(outcome.error?.status == (text.contains("code") ? 500 : 502))
    }

    @Test func `a killed child fails its calls with the signal and its last words`() throws {
        let scene = try Scene(
            """
            for m in lines:
                sys.stderr.write("about to fall\\n"); sys.stderr.flush()
                os.kill(os.getpid(), 9)
            """)
        let error = try #require(scene.call().error)
        #expect(error.status == 502)
        guard case .exited(_, let end) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(end.signal == 9 && end.lastLines == ["about to fall"])
    }

    @Test func `after a crash the next call gets the next child`() throws {
        let scene = try Scene(
            """
            for m in lines:
                if m["params"].get("die"): os._exit(3)
                send({"jsonrpc": "2.0", "id": m["id"], "result": os.getpid()})
            """)
        let first = scene.call().result
        #expect(scene.call("any", #"{"die":1}"#).error?.status == 502)
        let second = scene.call().result
        #expect(second != nil && first != second)
        #expect(scene.module.facts.restarts == 1)
    }

    @Test func `a child that keeps falling opens the breaker, with the reason`() throws {
        let scene = try Scene(
            "sys.stderr.write('no licence\\n'); sys.exit(7)", commands: []
        ) { settings in
            settings.restart.failures = 3
            settings.restart.maxDelay = .seconds(60)
            settings.restart.delay = .milliseconds(5)
        }
        let error = try #require(scene.call().error)
        #expect(error.status == 502)
        guard case .exited(_, let end) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(end.exitCode == 7 && end.lastLines == ["no licence"])
        scene.wait { scene.module.facts.state == .failing }
        let again = scene.call()
        #expect(again.error?.status == 503 && again.error?.retryAfter != nil)
        #expect(scene.module.facts.children[0].failures == 3)
    }

    @Test func `a program that is not there is said so`() throws {
        let scene = try Scene("") {
            $0.command = ["/does/not/exist"]
            $0.restart.failures = 2
            $0.restart.maxDelay = .seconds(60)
        }
        let error = try #require(scene.call().error)
        #expect(error.status == 503)
        #expect(error.detail.contains("No such file"))
        scene.wait { scene.module.facts.state == .failing }
        guard case .failing(_, let end, _) = try #require(scene.call().error) else {
            Issue.record("the module is not failing")
            return
        }
        #expect(!end.wasRunning && end.lastLines.isEmpty)
        #expect(end.sentence.contains("No such file"))
    }

    @Test func `commands come from rpc.discover`() throws {
        let scene = try Scene(
            """
            for m in lines:
                if m["method"] == "rpc.discover":
                    r = {"openrpc": "1.3.2", "methods": [
                        {"name": "look", "x-safe": True, "summary": "Looks.", "params": [
                            {"name": "where", "required": True, "schema": {"type": "string"}}]},
                        {"name": "bad name"}, {"no": "name"}, 7]}
                else: r = m["method"]
                send({"jsonrpc": "2.0", "id": m["id"], "result": r})
            """, commands: [])
        #expect(scene.call("look").result == "\"look\"")
        let command = try #require(scene.module.facts.commands.first)
        #expect(scene.module.facts.commands.count == 1)
        #expect(command.isSafe && command.description == "Looks." && command.schema != nil)
        #expect(!scene.module.facts.acceptsAnyCommand)
    }

    @Test func `a child that knows no rpc.discover takes any command`() throws {
        let scene = try Scene(
            """
            for m in lines:
                if m["method"] == "rpc.discover":
                    send({"jsonrpc": "2.0", "id": m["id"], "error": {"code": -32601, "message": "?"}})
                else: send({"jsonrpc": "2.0", "id": m["id"], "result": m["method"]})
            """, commands: [])
        #expect(scene.call("whatever").result == "\"whatever\"")
        #expect(scene.module.facts.acceptsAnyCommand)
    }

    @Test func `signals pass if the module may emit them`() throws {
        let scene = try Scene(
            """
            for name in ("m.a", "m.b.c", "other.x", "signalbox.x", "m..a", 7):
                send({"jsonrpc": "2.0", "method": "signal", "params": {"name": name, "data": {"n": 1}}})
            send({"jsonrpc": "2.0", "method": "signal", "params": {"name": "m.bare"}})
            """ + "\n" + Self.echo)
        _ = scene.call()
        scene.wait { scene.signals.count == 3 }
        #expect(scene.signals.map(\.0) == ["m.a", "m.b.c", "m.bare"])
        #expect(scene.signals.map(\.1) == [#"{"n": 1}"#, #"{"n": 1}"#, "null"])
        #expect(scene.module.counters.refusedSignals == 4)
    }

    @Test func `a caller who leaves is told to the child, and a late answer is dropped`() throws {
        let scene = try Scene(
            """
            held = None
            for m in lines:
                if m["method"] == "$/cancelRequest":
                    send({"jsonrpc": "2.0", "id": held, "result": "late"})
                    send({"jsonrpc": "2.0", "method": "signal",
                          "params": {"name": "m.cancelled", "data": m["params"]["id"] == held}})
                else: held = m["id"]
            """)
        let outcome = scene.start()
        scene.wait { scene.module.seats[0].pending.count == 1 }
        outcome.ticket?.cancel()
        scene.wait { !scene.signals.isEmpty }
        #expect(scene.signals.map(\.1) == ["true"])
        #expect(!outcome.isDone)
        #expect(scene.module.counters.lateAnswers == 1)
    }

    @Test func `calls beyond what the child may have wait, those beyond the queue are refused`()
        throws
    {
        let scene = try Scene(Self.echo) { settings in
            settings.child.callsInFlight = 2
            settings.child.queue = 3
        }
        let outcomes = (0..<8).map { scene.start("any", "\($0)") }
        #expect(outcomes.suffix(3).allSatisfy { $0.error?.status == 503 })
        scene.wait { outcomes.allSatisfy(\.isDone) }
        #expect(outcomes.prefix(5).map(\.result) == ["0", "1", "2", "3", "4"])
    }

    @Test func `a flood on stderr does not delay answers for ever`() throws {
        let scene = try Scene(
            """
            import threading
            def flood():
                while True: sys.stderr.write("x" * 1000 + "\\n")
            threading.Thread(target=flood, daemon=True).start()
            """ + "\n" + Self.echo)
        for number in 0..<20 { #expect(scene.call("any", "\(number)").result == "\(number)") }
    }

    @Test(
        "a child that closes a stream and lives on is replaced",
        arguments: [true, false])
    func deaf(_ closesInput: Bool) throws {
        let signal =
            #"send({"jsonrpc": "2.0", "method": "signal", "params": {"name": "m.closed"}})"#
        let act = closesInput ? "os.close(0); " + signal : "os.close(1)"
        let scene = try Scene(
            """
            for m in lines:
                if m["params"] == "deaf":
                    \(act)
                    time.sleep(1000)
                send({"jsonrpc": "2.0", "id": m["id"], "result": os.getpid()})
            """)
        let first = scene.call().result
        let deaf = scene.start("any", "\"deaf\"")
        if closesInput {
            // A closed input shows with the next write to it.
            scene.wait { !scene.signals.isEmpty }
            #expect(scene.call().error?.status == 502)
        }
        scene.wait { deaf.isDone }
        #expect(deaf.error?.status == 502)
        let second = scene.call().result
        #expect(second != nil && second != first)
    }

    @Test func `a child that answers rpc.discover and falls is a failing one`() throws {
        let scene = try Scene(
            """
            m = next(lines)
            send({"jsonrpc": "2.0", "id": m["id"], "result": {"methods": [{"name": "x"}]}})
            time.sleep(0.02)
            os._exit(1)
            """, commands: []
        ) { settings in
            settings.restart.failures = 3
            settings.restart.maxDelay = .seconds(60)
        }
        scene.module.wake()
        #expect(scene.wait { scene.module.facts.state == .failing })
    }

    @Test func `each child is asked for its commands anew`() throws {
        let scene = try Scene(
            """
            m = next(lines)
            name = "c%d" % os.getpid()
            send({"jsonrpc": "2.0", "id": m["id"], "result": {"methods": [{"name": name}]}})
            for m in lines: os._exit(0)
            """, commands: [])
        scene.module.wake()
        scene.wait { scene.module.facts.state == .ready }
        let before = scene.module.facts.commands.map(\.name)
        _ = scene.call(before[0])
        scene.wait {
            scene.module.facts.state == .ready && scene.module.facts.commands.map(\.name) != before
        }
        #expect(scene.module.facts.commands.count == 1)
    }

    @Test func `stopping ends a child that ignores TERM, and its grandchildren`() throws {
        var pids: [Int32] = []
        do {
            let scene = try Scene(
                """
                import signal, subprocess
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                other = subprocess.Popen(["sleep", "1000"])
                m = next(lines)
                send({"jsonrpc": "2.0", "id": m["id"], "result": [os.getpid(), other.pid]})
                while True: time.sleep(1000)
                """)
            let text = try #require(scene.call().result)
            let value = try Array(text.utf8).withUnsafeBytes { try JSONValue.parse($0) }
            pids = (value.array ?? []).compactMap { $0.int.map(Int32.init) }
            #expect(pids.count == 2)
        }
        // They have been killed; when the kernel is done with them is its own affair.
        let limit = ContinuousClock.now + .seconds(10)
        while pids.contains(where: isRunning), ContinuousClock.now < limit { sched_yield() }
        for pid in pids { #expect(!isRunning(pid)) }
    }

    /// Whether a process still runs; one that only waits to be reaped by its parent does not.
    private func isRunning(_ pid: Int32) -> Bool {
        let file = open("/proc/\(pid)/stat", O_RDONLY)
        guard file >= 0 else { return false }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(file, &bytes, bytes.count)
        guard count > 0 else { return false }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        return !(text.split(separator: ")").last ?? "").hasPrefix(" Z")
    }
}
