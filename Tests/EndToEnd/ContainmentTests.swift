// A fault stays where it is: in the request, the child, the module. And what is said about it.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct ContainmentTests {
        private static func configuration(
            _ httpPort: Int, _ modules: String, more: String = ""
        ) -> String {
            "{ listeners: [{ url: 'http://127.0.0.1:\(httpPort)' }], modules: { \(modules) }, \(more) }"
        }

        private static let steps =
            "command: ['python3', '\(Checkout.root)/Tests/EndToEnd/modules/steps.py']"
        private static let slow =
            "command: ['python3', '\(Checkout.root)/Tests/EndToEnd/modules/slow.py']"

        private func run(
            _ modules: String, more: String = "", _ body: (Server) throws -> Void
        ) throws {
            let server = try Server { httpPort, _ in
                Self.configuration(httpPort, modules, more: more)
            }
            try body(server)
            try server.stop()
        }

        @Test func `a module that fails makes nothing unready unless it is required`() throws {
            let broken = "command: ['false'], start: 'eager', restart: { failures: 1, delay: '1m' }"
            try run("a: { \(broken) }, b: { \(Self.slow) }") { server in
                let answer = try curl(server.http("/readyz?verbose"))
                #expect(answer.status == 200)
                #expect(answer.body.contains("exited with code 1"))
            }
            let port = try FreePort.take(1)[0]
            let folder = try TemporaryFolder()
            let file = try folder.write(
                Self.configuration(port, "a: { \(broken), required: true }"), to: "c.json5")
            let program = try Program([Checkout.signalbox, "serve", "--config", file])
            try waitUntil("the failure to be told") {
                let answer = try curl("http://127.0.0.1:\(port)/readyz")
                return answer.status == 503 && answer.body.contains(#""required":true"#)
                    && answer.body.contains("exited with code 1")
            }
            program.send(SIGTERM)
            #expect(try program.wait() == .exited(0))
        }

        @Test func `100 calls that are never answered leave room for one that is`() throws {
            try run("slow: { \(Self.slow), calls_in_flight: 10 }, other: { \(Self.slow) }") {
                server in
                let body = "{}"
                let held = try (0..<100).map { _ in try RawConnection(port: server.httpPort) }
                for connection in held {
                    try connection.send(
                        "POST /v1/modules/slow/hold HTTP/1.1\r\nHost: x\r\nPrefer: wait=2\r\n"
                            + "Connection: close\r\nContent-Length: 2\r\n\r\n\(body)")
                }
                // While they wait, another module is as quick as ever.
                let began = ContinuousClock.now
                for _ in 0..<10 {
                    let answer = try curl("--data", "7", server.http("/v1/modules/other/echo"))
                    #expect(answer.body == "7")
                }
                #expect(ContinuousClock.now - began < .seconds(2))
                for connection in held {
                    try connection.readToEnd()
                    #expect(connection.text.hasPrefix("HTTP/1.1 504 "))
                }
                #expect(ContinuousClock.now - began < .seconds(6))
                let answer = try curl("--data", "7", server.http("/v1/modules/slow/echo"))
                #expect(answer.body == "7")
            }
        }

        @Test(arguments: ["kill", "exit"])
        func `8 calls of a child that ends get 502 within a second`(how: String) throws {
            try run("slow: { \(Self.slow) }") { server in
                let stream = try StreamReader(server.http("/v1/events?signal=slow.held"))
                let held = try (0..<8).map { _ in try RawConnection(port: server.httpPort) }
                for connection in held {
                    try connection.send(
                        "POST /v1/modules/slow/hold HTTP/1.1\r\nHost: x\r\n"
                            + "Connection: close\r\nContent-Length: 0\r\n\r\n")
                }
                _ = try stream.events(of: "slow.held", count: 8)
                let began = ContinuousClock.now
                if how == "kill" {
                    kill(try server.onlyChild().pid, SIGKILL)
                } else {
                    _ = try curl("--data", "{}", server.http("/v1/modules/slow/die"))
                }
                for connection in held {
                    try connection.readToEnd()
                    #expect(connection.text.hasPrefix("HTTP/1.1 502 "))
                }
                #expect(ContinuousClock.now - began < .seconds(1))
            }
        }

        @Test func `GET of a module that is slow to start keeps to the caller's deadline`() throws {
            try run("s: { \(Self.steps), environment: { STEPS_SLOW: '30' } }") { server in
                let began = ContinuousClock.now
                let answer = try curl(
                    "--header", "Prefer: wait=1", server.http("/v1/modules/s/steps"))
                _ = try answer.expectProblem(504)
                #expect(ContinuousClock.now - began < .seconds(5))
            }
        }

        @Test func `the context says who calls, and until when`() throws {
            try run("s: { \(Self.steps), pass_context: true }") { server in
                let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
                for method in ["GET", "POST"] {
                    let answer = try curl(
                        "--request", method, "--header", "X-Request-Id: mine-1", "--header",
                        "traceparent: \(trace)", "--header", "Prefer: wait=5",
                        server.http("/v1/modules/s/context"))
                    let context = try #require(try jsonObject(answer.body), "\(answer.body)")
                    #expect(context["request_id"] as? String == "mine-1")
                    #expect(context["traceparent"] as? String == trace)
                    #expect(context["client"] as? String == "127.0.0.1")
                    #expect(context["user"] is NSNull && context["tls_subject"] is NSNull)
                    let text = try #require(context["deadline"] as? String)
                    let format = ISO8601DateFormatter()
                    format.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
                    let deadline = try #require(format.date(from: text), "\(text)")
                    #expect((0...6).contains(deadline.timeIntervalSinceNow))
                }
            }
        }

        @Test func `the context says whose certificate the client showed`() throws {
            let folder = try TemporaryFolder()
            let script = """
                set -e; cd '\(folder.path)'
                new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "$@"; }
                new -x509 -keyout ca.key -out ca.crt -subj '/CN=Test authority' -days 2
                new -keyout ada.key -out ada.csr -subj '/O=Box/CN=ada'
                openssl x509 -req -in ada.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
                    -out ada.crt -days 2
                """
            #expect(try Command.run(["sh", "-c", script]).status == 0)
            let server = try Server(in: folder) { httpPort, httpsPort in
                """
                { listeners: [
                    { url: 'http://localhost:\(httpPort)' },
                    { url: 'https://localhost:\(httpsPort)',
                      certificate: '\(Checkout.root)/certs/localhost.crt',
                      key: '\(Checkout.root)/certs/localhost.key',
                      client_ca: 'ca.crt', client_auth: 'optional' } ],
                  modules: { s: { \(Self.steps), pass_context: true } } }
                """
            }
            let url = server.https("/v1/modules/s/context")
            let known = try curl(
                "--cacert", Checkout.authority, "--cert", folder.file("ada.crt"), "--key",
                folder.file("ada.key"), url)
            #expect(try jsonObject(known.body)?["tls_subject"] as? String == "CN=ada,O=Box")
            let unknown = try curl("--cacert", Checkout.authority, url)
            #expect(try jsonObject(unknown.body)?["tls_subject"] is NSNull)
            try server.stop()
        }

        @Test func `a notification is not waited for`() throws {
            try run("slow: { \(Self.slow) }") { server in
                let answer = try curl(
                    "--data", #"{"jsonrpc":"2.0","method":"slow.hold"}"#, "--max-time", "5",
                    server.http("/v1/rpc"))
                #expect(answer.status == 204)
                let release = try curl("--data", "{}", server.http("/v1/modules/slow/release"))
                #expect(release.body == #"{"released":1}"#)
            }
        }

        @Test func `what a module does wrong is counted where people look`() throws {
            try run("slow: { \(Self.slow) }") { server in
                _ = try curl("--data", "{}", server.http("/v1/modules/slow/nonsense"))
                let module = try #require(
                    try jsonObject(try curl(server.http("/v1/modules/slow")).body))
                let counters = try #require(module["counters"] as? [String: Int])
                #expect(counters["calls"] == 1 && counters["malformed"] == 2)
                let metrics = try curl(server.http("/metrics")).body
                #expect(metrics.contains("signalbox_module_malformed_total{module=\"slow\"} 2\n"))
            }
        }

        @Test func `each session has its own child, and a call without one is refused`() throws {
            try run("s: { \(Self.slow), per_session: { cookie: 'sid' } }") { server in
                func call(_ cookie: String?, _ command: String) throws -> CurlAnswer {
                    try curl(
                        ["--data", "{}", server.http("/v1/modules/s/\(command)")]
                            + (cookie.map { ["--cookie", "a=b; sid=\($0)"] } ?? []))
                }
                #expect(try call("one", "die").status == 502)
                #expect(try call("two", "echo").status == 200)
                #expect(try call("three", "echo").status == 200)
                #expect(try call(nil, "echo").expectProblem(400).code == "session_required")
                let module = try #require(
                    try jsonObject(try curl(server.http("/v1/modules/s")).body))
                #expect((module["children"] as? [Any])?.count == 3)
            }
        }

        @Test func `a module that lives but answers nothing is unresponsive until it does`() throws
        {
            let listed =
                "commands: { hold: { timeout: '1200ms' }, release: {} }, silence: { deadlines: 1 }"
            try run(
                "slow: { \(Self.slow), \(listed), start: 'eager', required: true }",
                more: "loops: 3"
            ) { server in
                func hold(_ more: String...) throws {
                    let answer = try curl(
                        more + ["--data", "{}", server.http("/v1/modules/slow/hold")])
                    #expect(try answer.expectProblem(504).code == "timed_out")
                }
                func state() throws -> String? {
                    try jsonObject(try curl(server.http("/v1/modules/slow")).body)?["state"]
                        as? String
                }
                try waitUntil("ready") { try state() == "ready" }
                // A deadline that the caller has shortened does not count.
                try hold("--header", "Prefer: wait=1")
                #expect(try state() == "ready")
                try hold()
                try waitUntil("unresponsive") { try state() == "unresponsive" }
                let answer = try curl(server.http("/readyz?verbose"))
                #expect(answer.status == 503 && answer.body.contains("it answers no call in time"))
                let release = try curl("--data", "{}", server.http("/v1/modules/slow/release"))
                #expect(release.status == 200)
                try waitUntil("ready again") {
                    try state() == "ready" && curl(server.http("/readyz")).status == 200
                }
            }
        }

        @Test func `the exit of an exec module is no code of JSON-RPC`() throws {
            let script = "echo one >&2; echo 'no such thing' >&2; exit 4"
            try run("x: { exec: ['sh', '-c', \"\(script)\"], exit_status: { '4': 404 } }") {
                server in
                let answer = try curl("--data", "{}", server.http("/v1/modules/x/run"))
                _ = try answer.expectProblem(404)
                let problem = try #require(try jsonObject(answer.body))
                #expect(problem["rpc_code"] == nil && problem["data"] == nil)
                #expect(problem["exit"] as? [String: Int] == ["code": 4])
                #expect(problem["stderr"] as? [String] == ["one", "no such thing"])
                #expect(problem["detail"] as? String == "Module \"x\" says: no such thing")
                let call = #"{"jsonrpc":"2.0","id":1,"method":"x.run"}"#
                let rpc = try jsonObject(try curl("--data", call, server.http("/v1/rpc")).body)
                let error = try #require(rpc?["error"] as? [String: Any])
                #expect(error["code"] as? Int == -32000)
                let data = try #require(error["data"] as? [String: Any])
                #expect(data["exit"] as? [String: Int] == ["code": 4])
                #expect(data["stderr"] as? [String] == ["one", "no such thing"])
            }
        }

        @Test func `check-config and run name what is not there`() throws {
            let folder = try TemporaryFolder()
            let file = try folder.write(
                Self.configuration(
                    1, "a: { command: ['no-such-program'], directory: 'gone' }"), to: "c.json5")
            let check = try Command.run([Checkout.signalbox, "check-config", file])
            #expect(check.status == 3)
            #expect(
                check.errors.contains(#"modules.a.command: there is no program "no-such-program""#))
            #expect(check.errors.contains("modules.a.directory: there is no folder"))
            let run = try Command.run([Checkout.signalbox, "run", "--", "/no/such/program"])
            #expect(run.status == 3)
            #expect(run.errors.contains("there is no program /no/such/program"))
            let schema = try folder.write(
                Self.configuration(
                    1, "a: { command: ['true'], commands: { b: { params: { type: 'strong' } } } }"),
                to: "d.json5")
            let broken = try Command.run([Checkout.signalbox, "check-config", schema])
            #expect(broken.status == 3 && broken.errors.contains("modules.a.commands.b.params"))
        }
    }
}
