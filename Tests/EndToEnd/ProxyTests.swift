// Event streams and calls through the reverse proxies of docker/, as those files configure them.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct ProxyTests {
        /// Starts a proxy by its recipe on a free port in front of `server`.
        private func start(_ proxy: String, before server: Server) throws -> (Program, Int) {
            let port = try FreePort.take(1)[0]
            let folder = try TemporaryFolder()
            let file = proxy == "nginx" ? "nginx.conf" : "haproxy.cfg"
            let recipe = try Checkout.read("docker/\(file)")
                .replacing("127.0.0.1:8000", with: "127.0.0.1:\(port)")
                .replacing("127.0.0.1:8080", with: "127.0.0.1:\(server.httpPort)")
                .replacing("/tmp/signalbox-nginx.pid", with: folder.file("pid"))
            let path = try folder.write(recipe, to: file)
            return (try run(proxy, path, port), port)
        }

        private func run(_ proxy: String, _ path: String, _ port: Int) throws -> Program {
            let arguments =
                proxy == "nginx"
                ? ["nginx", "-c", path, "-g", "daemon off;"] : ["haproxy", "-f", path, "-W"]
            let searchPath = ProcessInfo.processInfo.environment["PATH"] ?? ""
            let program = try Program(
                arguments, environment: ["PATH": searchPath + ":/usr/sbin:/sbin"])
            try waitUntil("\(proxy): \(program.errors)") {
                try curl("http://127.0.0.1:\(port)/livez").status == 200
            }
            return program
        }

        @Test(arguments: ["nginx", "haproxy"])
        func `calls and events pass`(proxy: String) throws {
            try Server.run(Configuration(hasTick: false)) { server in
                let (program, port) = try start(proxy, before: server)
                let base = "http://127.0.0.1:\(port)/v1"
                let call = try curl("--data", #"{"n":1}"#, base + "/modules/slow/echo")
                #expect(call.status == 200 && call.body == #"{"n":1}"#)
                _ = try curl(base + "/modules/slow/nothing").expectProblem(405)

                let stream = try StreamReader(base + "/events?signal=demo.*")
                for number in 1...3 {
                    // Each event must come before the next is sent: nothing is held back.
                    _ = try curl("--data", "\(number)", server.http("/v1/signals/demo.count"))
                    let events = try stream.events(
                        of: "demo.count", count: number, within: .seconds(1))
                    #expect(events.map(\.data) == (1...number).map { "\($0)" })
                }
                try stream.close()
                program.send(SIGTERM)
                try program.wait()
            }
        }

        /// Configurations of somebody who has read no manual: every setting at its default.
        ///
        /// nginx then speaks HTTP/1.0 to the gateway and buffers answers.
        private static let plain = [
            "nginx": """
            pid PID; error_log stderr; events {}
            http { access_log off; server { listen 127.0.0.1:PORT;
                location / { proxy_pass http://127.0.0.1:GATEWAY; } } }
            """,
            "haproxy": """
            defaults
                mode http
                timeout connect 5s
                timeout client 30s
                timeout server 30s
            frontend web
                bind 127.0.0.1:PORT
                default_backend gateway
            backend gateway
                server one 127.0.0.1:GATEWAY

            """,
        ]

        @Test(
            "an event is visible at once behind a proxy with default settings",
            arguments: [
                ("nginx", "chromium"), ("nginx", "script"), ("nginx", "curl"),
                ("nginx", "httpx"), ("nginx", "sseclient"), ("haproxy", "chromium"),
                ("haproxy", "script"), ("haproxy", "curl"), ("haproxy", "httpx"),
            ])
        func defaults(proxy: String, reader: String) throws {
            try check(reader, behind: proxy, try #require(Self.plain[proxy]))
        }

        @Test(
            "programs see an event at once behind haproxy with its one option for it",
            arguments: ["script", "curl", "httpx", "sseclient"])
        func withOption(reader: String) throws {
            let plain = try #require(Self.plain["haproxy"])
            try check(
                reader, behind: "haproxy",
                plain.replacing("mode http\n", with: "mode http\n    option http-no-delay\n"))
        }

        /// Expects that nearly every event is visible to `reader` within 50 ms.
        private func check(
            _ reader: String, behind proxy: String, _ configuration: String
        ) throws {
            try Server.run(Configuration(modules: [], hasTick: false)) { server in
                let port = try FreePort.take(1)[0]
                let folder = try TemporaryFolder()
                let path = try folder.write(
                    configuration.replacing("PORT", with: "\(port)")
                        .replacing("GATEWAY", with: "\(server.httpPort)")
                        .replacing("PID", with: folder.file("pid")),
                    to: "proxy.conf")
                let program = try run(proxy, path, port)
                let result = try Command.run(
                    [
                        Self.python, Checkout.root + "/Tests/EndToEnd/visible.py",
                        "http://127.0.0.1:\(port)/v1/events?signal=demo.*",
                        server.http("/v1/signals/demo.count"), "40", reader,
                    ], within: .seconds(60))
                // The libraries are there where pip could install them.
                guard result.status != 3 else { return }
                #expect(result.status == 0, "\(result.errors)")
                let told = try #require(try jsonObject(result.output))
                // A busy machine may be late for some; a proxy that buffers is late for all.
                #expect(told["within_50"] as? Int ?? 0 >= 36, "\(result.output)")
                program.send(SIGTERM)
                try program.wait()
            }
        }

        /// The Python that has the libraries, if there is one.
        private static var python: String {
            StrangerTests.programs.map { $0 + "/python3" } ?? "python3"
        }
    }
}
