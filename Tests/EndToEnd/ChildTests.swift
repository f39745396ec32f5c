// Children that die, and children that must not outlive the gateway.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct ChildTests {
        private static let slow = Configuration(modules: [Configuration.slow], hasTick: false)

        private func call(_ server: Server, _ command: String, _ params: String = "{}") throws
            -> CurlAnswer
        {
            try curl("--data", params, server.http("/v1/modules/slow/\(command)"))
        }

        @Test func `a child killed during a call gives 502, and the next call works`() throws {
            try Server.run(Self.slow) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=slow.held"))
                let held = try Program([
                    "curl", "--silent", "--include", "--data", "{}",
                    server.http("/v1/modules/slow/hold"),
                ])
                _ = try stream.events(of: "slow.held", count: 1)
                let child = try server.onlyChild()
                kill(child.pid, SIGKILL)
                #expect(try held.wait(within: .seconds(5)) == .exited(0))
                #expect(held.output.hasPrefix("HTTP/1.1 502 "))
                let body = try #require(held.output.components(separatedBy: "\r\n\r\n").last)
                let problem = try #require(try jsonObject(body))
                #expect(problem["module"] as? String == "slow")
                #expect("\(try #require(problem["exit"]))".contains("9"), "\(body)")
                #expect(try call(server, "echo", #"{"again":1}"#).body == #"{"again":1}"#)
                #expect(try server.onlyChild() != child)
            }
        }

        @Test func `a child that exits gives 502 with its code and last words`() throws {
            try Server.run(Self.slow) { server in
                let answer = try call(server, "die", #"{"code":3}"#)
                let problem = try answer.expectProblem(502)
                #expect(problem.module == "slow")
                #expect(problem.stderr?.last == "slow: told to die")
                #expect("\(try #require(try jsonObject(answer.body)?["exit"]))".contains("3"))
                #expect(try call(server, "echo").status == 200)
            }
        }

        @Test func `a child that writes nonsense gives 502`() throws {
            try Server.run(Self.slow) { server in
                _ = try call(server, "nonsense").expectProblem(502)
                #expect(try call(server, "echo").status == 200)
            }
        }

        @Test func `a program that is not there gives 502 or 503 and names itself`() throws {
            let missing = Configuration(modules: [("gone", ["/no/such/program"])])
            try Server.run(missing) { server in
                let answer = try curl("--data", "{}", server.http("/v1/modules/gone/any"))
                #expect([502, 503].contains(answer.status))
                #expect(try answer.decode(Problem.self).module == "gone")
                #expect(!answer.body.contains("\"exit\"") && !answer.body.contains("\"stderr\""))
                #expect(answer.body.contains("No such file or directory"))
            }
        }

        @Test func `the child hears when its caller has gone`() throws {
            try Server.run(Self.slow) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=slow.*"))
                let held = try Program([
                    "curl", "--silent", "--data", "{}", server.http("/v1/modules/slow/hold"),
                ])
                _ = try stream.events(of: "slow.held", count: 1)
                held.send(SIGKILL)
                _ = try stream.events(of: "slow.cancelled", count: 1, within: .seconds(2))
            }
        }

        @Test(arguments: [SIGINT, SIGTERM])
        func `the end waits for calls at work and leaves no child`(signal: Int32) throws {
            try Server.run(Self.slow) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=slow.held"))
                let paused = try Program([
                    "curl", "--silent", "--data", #"{"seconds":0.5}"#,
                    server.http("/v1/modules/slow/pause"),
                ])
                _ = try stream.events(of: "slow.held", count: 1)
                try server.stop(by: signal)
                #expect(try paused.wait() == .exited(0))
                #expect(paused.output == #"{"paused":0.5}"#)
            }
        }

        @Test func `a second Ctrl-C ends it at once, and leaves no child either`() throws {
            let server = try Server { Self.slow.text(httpPort: $0, httpsPort: $1) }
            let stream = try StreamReader(server.http("/v1/events?signal=slow.held"))
            let held = try Program([
                "curl", "--silent", "--data", "{}", server.http("/v1/modules/slow/hold"),
            ])
            _ = try stream.events(of: "slow.held", count: 1)
            let child = try server.onlyChild()
            server.program.send(SIGINT)
            // The first one has been taken when the port is closed.
            try waitUntil("the port to close") {
                (try? RawConnection(port: server.httpPort)) == nil
            }
            server.program.send(SIGINT)
            try server.program.wait(within: .seconds(5))
            try waitUntil("the child to end", within: .seconds(5)) { !child.isRunning }
            try held.wait()
        }

        @Test func `a gateway that is killed leaves no child behind`() throws {
            let stubborn = "trap '' HUP INT TERM; sleep 300 & while :; do sleep 300; done"
            let server = try Server { httpPort, _ in
                """
                { listeners: [{ url: 'http://127.0.0.1:\(httpPort)' }], modules: {
                    deaf: { command: ['sh', '-c', "\(stubborn)"], start: 'eager', pool: 3,
                            commands: { any: {} } },
                    run: { exec: ['sh', '-c', "\(stubborn)"] } } }
                """
            }
            let calling = try Program([
                "curl", "--silent", "--data", "{}", server.http("/v1/modules/run/run"),
            ])
            try waitUntil("four children") { server.children.count == 4 }
            let children = server.children
            defer { for child in children { kill(-child.pid, SIGKILL) } }
            server.program.send(SIGKILL)
            try server.program.wait(within: .seconds(5))
            try waitUntil("none of \(children) to be left", within: .seconds(1)) {
                children.allSatisfy { !$0.isRunning }
            }
            try calling.wait()
        }
    }
}
