// Who shares a child: pools, sessions, replacement, and strangers with manners of their own.

import Bytes
import Notifier
import Testing

@testable import Gateway

@Suite struct SharingTests {
    private static let whoami = """
        held = []
        for m in lines:
            if m["params"] == "hold": held.append(m)
            elif m["params"] == "die": os._exit(3)
            else: send({"jsonrpc": "2.0", "id": m["id"], "result": os.getpid()})
        """

    @Test func `a pool gives each call to the least busy child`() throws {
        let scene = try Scene(Self.whoami) { $0.sharing = .pool(3) }
        let held = (0..<3).map { _ in scene.start("any", "\"hold\"") }
        scene.wait { scene.module.seats.allSatisfy { $0.state == .ready || $0.child == nil } }
        let more = (0..<9).map { _ in scene.start() }
        scene.wait { more.allSatisfy(\.isDone) }
        // The first call is answered by a free child once the pool has grown.
        scene.wait { scene.module.seats.filter { $0.child != nil }.count == 3 }
        scene.wait { scene.facts.children.allSatisfy { $0.state == .ready } }
        let spread = (0..<3).map { _ in scene.start("any", "\"hold\"") }
        scene.loop.step(sleep: false)
        let counts = scene.module.seats.map(\.pending.count)
        #expect(counts.reduce(0, +) == 6 && counts.allSatisfy { $0 <= 4 }, "\(counts)")
        #expect(held.allSatisfy { !$0.isDone } && spread.allSatisfy { !$0.isDone })
    }

    @Test func `one child of a pool that falls takes its own calls and no others`() throws {
        let scene = try Scene(Self.whoami) {
            $0.sharing = .pool(2)
            $0.start = .eager
        }
        scene.module.start()
        scene.wait { scene.facts.children.allSatisfy { $0.state == .ready } }
        let held = scene.start("any", "\"hold\"")
        let fallen = scene.start("any", "\"die\"")
        scene.wait { fallen.isDone }
        #expect(fallen.error?.status == 502 && !held.isDone)
        #expect(scene.call().result != nil)
        #expect(scene.facts.restarts == 1)
    }

    @Test func `each session has a child of its own, which remembers`() throws {
        let scene = try Scene(
            """
            count = 0
            for m in lines:
                count += 1
                send({"jsonrpc": "2.0", "id": m["id"], "result": count})
            """
        ) { $0.sharing = .perSession(.init(source: .header("X-S"))) }
        #expect(scene.call(session: "a").result == "1")
        #expect(scene.call(session: "a").result == "2")
        #expect(scene.call(session: "b").result == "1")
        #expect(scene.call().result == "1")
        #expect(scene.backend.counters.answers == 4)
    }

    @Test func `sessions are bounded, and a quiet one makes room`() throws {
        let scene = try Scene(Self.whoami) {
            var bounds = Settings.ProcessModule.PerSession(source: .cookie("sid"))
            bounds.limit = 2
            bounds.idleTimeout = .milliseconds(50)
            $0.sharing = .perSession(bounds)
        }
        let module = try #require(scene.backend as? SessionModule)
        let held = scene.start("any", "\"hold\"", session: "a")
        let pid = scene.call(session: "b").result
        let refused = scene.call(session: "c")
        #expect(refused.error?.status == 503)
        #expect(refused.error.map { "\($0.code)" } == "too_many_sessions")
        scene.wait { module.sessionCount == 1 }
        scene.wait { scene.call(session: "c").result != nil }
        #expect(!held.isDone && pid != nil)
        scene.wait { module.sessionCount == 1 }
        let fresh = scene.call(session: "b")
        #expect(fresh.result != pid || fresh.error?.status == 503)
    }

    @Test func `a child is replaced when it is old, without losing a call`() throws {
        let scene = try Scene(Self.whoami) { $0.maxLife = .milliseconds(100) }
        var pids: Set<String> = []
        var errors = 0
        scene.wait {
            let outcome = scene.call()
            if let pid = outcome.result { pids.insert(pid) } else { errors += 1 }
            return pids.count == 3
        }
        #expect(errors == 0 && pids.count == 3)
        #expect(scene.facts.restarts == 0)
    }

    @Test func `an idle child is stopped and started again when wanted`() throws {
        let scene = try Scene(Self.whoami) { $0.idleTimeout = .milliseconds(20) }
        let first = scene.call().result
        scene.wait { scene.facts.state == .stopped }
        #expect(scene.facts.reason == "idle")
        let second = scene.call().result
        #expect(second != nil && second != first)
    }

    /// A child that speaks with Content-Length heads, in pieces of `size` bytes.
    private static func framed(_ size: Int) -> String {
        """
        def read():
            head = b""
            while not head.endswith(b"\\r\\n\\r\\n"):
                byte = sys.stdin.buffer.read(1)
                if not byte: sys.exit(0)
                head += byte
            return json.loads(sys.stdin.buffer.read(int(head.split(b":")[1])))
        def say(o, pad=""):
            body = json.dumps(o, indent=1).encode()
            data = b"Content-Type: x\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(body) + body
            for i in range(0, len(data), \(size)):
                os.write(1, data[i:i + \(size)])
        while True:
            m = read()
            if m["params"] == "broken": os.write(1, b"Traceback\\n")
            elif "id" in m: say({"jsonrpc": "2.0", "id": m["id"], "result": m["params"]})
        """
    }

    @Test(arguments: [1, 7, 100_000])
    func `messages may be framed by their length, in any pieces`(size: Int) throws {
        let scene = try Scene(Self.framed(size)) { $0.framing = .contentLength }
        #expect(scene.call("any", #"{"a":"é\n"}"#).result?.contains(#""a": "\u00e9\n""#) == true)
        let outcomes = (0..<20).map { scene.start("any", "\($0)") }
        scene.wait { outcomes.allSatisfy(\.isDone) }
        #expect(outcomes.map(\.result) == (0..<20).map { "\($0)" })
        #expect(scene.call("any", "\"broken\"").error?.status == 502)
        #expect(scene.call("any", "1").result == "1")
    }

    @Test func `a stranger is shaken hands with, and called by its own names`() throws {
        var tools = Settings.Command(name: "tools")
        tools.method = "tools/list"
        var open = Settings.Command(name: "open")
        open.method = "text/didOpen"
        open.isNotification = true
        let scene = try Scene(
            """
            seen = []
            for m in lines:
                seen.append([m["method"], "id" in m])
                if m["method"] == "text/didOpen":
                    sys.stdout.write('{"jsonrpc":"2.0","method":"text\\\\/diagnostics","params":{"n": 1}}\\n')
                if "id" in m: send({"jsonrpc": "2.0", "id": m["id"], "result": seen})
            """, commands: ["tools", "open"], described: [tools, open]
        ) {
            $0.handshake = [
                .init(method: "initialize", params: Array("{}".utf8), isNotification: false),
                .init(method: "initialized", params: Array("{}".utf8), isNotification: true),
            ]
            $0.notifications = ["text/diagnostics": "m.diagnostics"]
        }
        #expect(scene.call("open").result == "null")
        #expect(
            scene.call("tools").result
                == #"[["initialize", true], ["initialized", false], ["text/didOpen", false], "#
                + #"["tools/list", true]]"#)
        #expect(scene.signals.map(\.0) == ["m.diagnostics"])
        #expect(scene.signals.map(\.1) == [#"{"n": 1}"#])
    }

    @Test func `a handshake that is refused ends the start`() throws {
        let scene = try Scene(
            """
            for m in lines:
                send({"jsonrpc": "2.0", "id": m["id"], "error": {"code": 1, "message": "too old"}})
            """
        ) {
            $0.handshake = [
                .init(method: "initialize", params: Array("{}".utf8), isNotification: false)
            ]
        }
        let error = try #require(scene.call().error)
        #expect(error.status == 502 && error.detail.contains("too old"))
    }

    @Test func `progress and output reach the caller they belong to`() throws {
        let scene = try Scene(
            """
            held = []
            for m in lines:
                held.append(m["id"])
                if len(held) < 2: continue
                sys.stderr.write("working\\n"); sys.stderr.flush()
                for n in range(3):
                    for id in held + [7, "x", None]:
                        send({"jsonrpc": "2.0", "method": "progress",
                              "params": {"id": id, "value": {"n": n, "id": id}}})
                time.sleep(0.05)
                for id in held: send({"jsonrpc": "2.0", "id": id, "result": id})
                send({"jsonrpc": "2.0", "method": "progress", "params": {"id": held[0], "value": 9}})
            """)
        let calls = [scene.start(), scene.start()]
        scene.wait { calls.allSatisfy(\.isDone) }
        for call in calls {
            let id = try #require(call.result)
            #expect(call.progress == (0..<3).map { #"{"n": \#($0), "id": \#(id)}"# })
            #expect(call.output == ["working"])
        }
    }
}
