// What outlives the gateway: durable signals and timers, with a real kill -9 in between.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct StateTests {
        private static let configuration = Configuration(
            modules: [], hasTick: false,
            more: "state: 'state', signals: { 'order.**': { durable: true } }, loops: 2")

        private func start(_ folder: TemporaryFolder) throws -> Server {
            try Server(in: folder) { Self.configuration.text(httpPort: $0, httpsPort: $1) }
        }

        private func kill(_ server: Server) throws {
            server.program.send(SIGKILL)
            try server.program.wait()
        }

        /// The ids in the answers that `program` has printed.
        private func ids(_ program: Program) -> [String] {
            program.output.split(separator: "\n").compactMap { line in
                line.firstMatch(of: /\{"id":"([^"]+)"/).map { String($0.1) }
            }
        }

        private func number(_ id: String) throws -> Int {
            try #require(Int(id.split(separator: "-").last ?? ""))
        }

        @Test func `acknowledged emissions outlive kill -9, and streams resume without loss`()
            throws
        {
            let folder = try TemporaryFolder()
            let first = try start(folder)
            let reader = try StreamReader(first.http("/v1/events?signal=order.**"))
            let loop = "while curl -sf -d $$ \(first.http("/v1/signals/order.new")); do :; done"
            let emitters = try (1...3).map { _ in try Program(["sh", "-c", loop]) }
            try waitUntil("60 emissions", within: .seconds(20)) {
                emitters.reduce(0) { $0 + ids($1).count } >= 60
            }
            try kill(first)
            for emitter in emitters { try emitter.wait() }
            let acknowledged = emitters.flatMap(ids)
            let seen = reader.log.events(of: "order.new").map(\.id)
            let epoch = try #require(seen.first?.split(separator: "-").first)

            let second = try start(folder)
            let after = try curl("-d", "1", second.http("/v1/signals/order.last"))
            #expect(after.status == 200, "\(after.body)")
            func replay(_ id: String) throws -> EventLog {
                let url = "/v1/events?signal=order.**&last_event_id=\(id)"
                let stream = try StreamReader(second.http(url))
                _ = try stream.events(of: "order.last", count: 1)
                return stream.log
            }
            let whole = try replay("\(epoch)-0")
            let numbers = try whole.events.map { try number($0.id) }
            #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
            #expect(whole.events(of: "signalbox.gap").isEmpty)
            #expect(Set(acknowledged).isSubset(of: whole.events.map(\.id)))
            let rest = try replay(try #require(seen.last))
            #expect(seen + rest.events.map(\.id) == whole.events.map(\.id))
            try second.stop()
        }

        @Test func `timers outlive kill -9; deleted ones stay deleted`() throws {
            let folder = try TemporaryFolder()
            let first = try start(folder)
            for timer in [
                #"{"id":"far","after":"1h","emit":{"signal":"order.far"}}"#,
                #"{"id":"daily","cron":"30 2 * * *","timezone":"Europe/Berlin","emit":{"signal":"x"}}"#,
                #"{"id":"gone","after":"1h","emit":{"signal":"order.gone"}}"#,
                #"{"id":"soon","after":"8s","emit":{"signal":"order.soon"}}"#,
            ] {
                #expect(try curl("-d", timer, first.http("/v1/timers")).status == 201)
            }
            #expect(try curl("-X", "DELETE", first.http("/v1/timers/gone")).status == 204)
            let paused = try curl("-X", "POST", first.http("/v1/timers/daily/pause"))
            #expect(paused.status == 200 && paused.body.contains(#""paused":true"#))
            try kill(first)

            let second = try start(folder)
            let stream = try StreamReader(second.http("/v1/events?signal=order.*"))
            #expect(try curl(second.http("/v1/timers/far")).body.contains(#""after":"1h""#))
            #expect(try curl(second.http("/v1/timers/daily")).body.contains(#""paused":true"#))
            _ = try curl(second.http("/v1/timers/gone")).expectProblem(404)
            _ = try stream.events(of: "order.soon", count: 1, within: .seconds(20))
            try second.stop()
        }

        @Test func `readiness tells how it stands with the state`() throws {
            let folder = try TemporaryFolder()
            let server = try start(folder)
            let answer = try curl(server.http("/readyz?verbose"))
            #expect(answer.status == 200 && answer.body.contains(#""state":{"state":"ok"}"#))
            try server.stop()
            try Server.run(Configuration(modules: [], hasTick: false)) { server in
                let plain = try curl(server.http("/readyz?verbose")).body
                #expect(!plain.contains(#""state""#))
            }
        }

        @Test func `a state that is damaged or in use is an error in words`() throws {
            let folder = try TemporaryFolder()
            let server = try start(folder)
            let file = folder.file("signalbox.json5")
            let other = try folder.write(
                try String(contentsOfFile: file, encoding: .utf8)
                    .replacing("\(server.httpPort)", with: "0")
                    .replacing("\(server.httpsPort)", with: "0"), to: "other.json5")
            let inUse = try Command.run([Checkout.signalbox, "serve", "--config", other])
            #expect(inUse.status == 1 && inUse.errors.contains("in use by another gateway"))
            try server.stop()
            try String(repeating: "no database ", count: 1_000)
                .write(
                    toFile: folder.file("state/state.sqlite3"), atomically: true, encoding: .utf8)
            let damaged = try Command.run([Checkout.signalbox, "serve", "--config", other])
            #expect(damaged.status == 1 && damaged.errors.contains("is damaged"))
        }

        @Test func `a state that is removed while the gateway runs stores nothing, and it says so`()
            throws
        {
            let folder = try TemporaryFolder()
            let server = try start(folder)
            let url = server.http("/v1/signals/order.new")
            #expect(try curl("-d", "1", url).status == 200)
            try FileManager.default.moveItem(
                atPath: folder.file("state"), toPath: folder.file("aside"))
            let refused = try curl("-d", "2", url).expectProblem(503)
            #expect(refused.code == "not_stored" && refused.isRetryable)
            #expect(refused.detail?.contains("state/state.sqlite3 was removed or replaced") == true)
            let timer = #"{"id":"t","after":"1h","emit":{"signal":"x"}}"#
            let unkept = try curl("-d", timer, server.http("/v1/timers")).expectProblem(503)
            #expect(unkept.code == "not_stored")
            _ = try curl(server.http("/v1/timers/t")).expectProblem(404)
            let ready = try curl(server.http("/readyz?verbose")).body
            #expect(ready.contains(#""state":{"state":"degraded""#), "\(ready)")
            // What is not durable goes on.
            #expect(try curl("-d", "1", server.http("/v1/signals/plain")).status == 200)
            try FileManager.default.moveItem(
                atPath: folder.file("aside"), toPath: folder.file("state"))
            try server.waitForLog("durable signals are stored again")
            #expect(try curl("-d", "3", url).status == 200)
            try kill(server)
            let second = try start(folder)
            let list = try curl(second.http("/v1/events?signal=order.**&last_event_id=x-0&wait=1"))
            #expect(list.body.contains(#""data":1"#) && list.body.contains(#""data":3"#))
            #expect(!list.body.contains(#""data":2"#))
            try second.stop()
        }

        @Test func `a disk that is full for large signals only is not said to be well again`()
            throws
        {
            // A limit on the size of files stands for the disk: it can be set and lifted by anybody.
            let folder = try TemporaryFolder()
            let port = try FreePort.take(1)[0]
            let file = try folder.write(
                """
                { listeners: [{ url: 'http://localhost:\(port)' }], state: 'state',
                  signals: { 'order.**': { durable: true } } }
                """, to: "full.json5")
            let program = try Program([
                "prlimit", "--fsize=200000:unlimited", Checkout.signalbox, "serve", "--config",
                file,
            ])
            try waitUntil("the gateway") { (try? RawConnection(port: port)) != nil }
            let large = try folder.write(
                "\"" + String(repeating: "x", count: 240_000) + "\"", to: "l")
            let base = "http://localhost:\(port)"
            func emit(_ data: String) throws -> CurlAnswer {
                try curl("-d", data, base + "/v1/signals/order.new")
            }
            for _ in 1...3 {
                #expect(try emit("@\(large)").expectProblem(503).code == "not_stored")
                #expect(try emit("1").status == 200)
                let ready = try curl(base + "/readyz?verbose").body
                #expect(ready.contains(#""state":{"state":"degraded""#), "\(ready)")
            }
            func said(_ text: String) -> Int {
                program.errors.components(separatedBy: text).count - 1
            }
            #expect(said("durable signals are refused") == 1 && said("stored again") == 0)
            let lift = ["prlimit", "--pid=\(program.pid)", "--fsize=unlimited:unlimited"]
            #expect(try Command.run(lift).status == 0)
            #expect(try emit("@\(large)").status == 200)
            #expect(try curl(base + "/readyz?verbose").body.contains(#""state":{"state":"ok"}"#))
            try waitUntil("the log") { said("durable signals are stored again") == 1 }
            program.send(SIGTERM)
            #expect(try program.wait() == .exited(0))
        }

        @Test func `a look at the configuration tells what is wrong with the folder of the state`()
            throws
        {
            let folder = try TemporaryFolder()
            func check(_ state: String) throws -> Command {
                let file = try folder.write(
                    "{ listeners: [{ url: 'http://localhost:0' }], state: '\(state)' }",
                    to: "c.json5")
                return try Command.run([Checkout.signalbox, "check-config", file])
            }
            #expect(try check("new").status == 0)
            #expect(!FileManager.default.fileExists(atPath: folder.file("new")))
            _ = try folder.write("I am no folder", to: "file")
            let foreign = folder.file("foreign")
            try FileManager.default.createDirectory(
                atPath: foreign, withIntermediateDirectories: true)
            let making = try Command.run([
                "python3", "-c",
                "import sqlite3; sqlite3.connect('\(foreign)/state.sqlite3').execute('CREATE TABLE accounts (x)')",
            ])
            #expect(making.status == 0, "\(making.errors)")
            for (state, said) in [
                ("file", "this is no folder"), ("not/here", "make that first"),
                ("foreign", "is not a state of Signalbox"),
            ] {
                let checked = try check(state)
                let start = "state: \(folder.file(state))"
                #expect(checked.status == 3 && checked.errors.contains(start), "\(checked.errors)")
                #expect(checked.errors.contains(said), "\(checked.errors)")
                let served = try Command.run([
                    Checkout.signalbox, "serve", "--config", folder.file("c.json5"),
                ])
                #expect(served.status == 1 && served.errors.contains(said), "\(served.errors)")
            }
        }
    }
}
