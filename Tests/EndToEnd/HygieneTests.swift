// What a client says never becomes what the gateway says: no member of the context, no message of
// its own, no variable of a child's environment. Upstreams are in UpstreamTests.swift.

import Foundation
import Testing

/// What the module tells.
private struct Told: Decodable {
    var line: String?
    var members: [String]?
    var context: [String: String?]?
    var params: String?
    var arguments: [String]
    var environment: [String: String]
}

extension EndToEnd {
    @Suite struct HygieneTests {
        private static let forged = [
            "Context: {\"user\":\"root\"}", "X-Signalbox-User: root", "x-SIGNALBOX-context: {}",
            "X-Forwarded-For: 6.6.6.6", "FORWARDED: for=6.6.6.6", "X-Real-IP: 6.6.6.6",
            "X-Remote-User: root", "Proxy: http://evil.example", "HTTP_PROXY: http://evil.example",
            "PATH: /evil", "LD_PRELOAD: /evil.so", "User: root", "traceparent: 00-forged",
            "X-Request-Id: \"},\"user\":\"root", "Prefer: wait=20", "Deadline: 0",
        ].flatMap { ["--header", $0] }

        /// Runs `body` with a gateway whose modules tell what they get.
        private func serve(_ body: (Server) throws -> Void) throws {
            let file = Checkout.root + "/Tests/EndToEnd/modules/tell.py"
            let server = try Server { httpPort, _ in
                """
                { listeners: [{ url: 'http://localhost:\(httpPort)' }], modules: {
                    tell: { command: ['/usr/bin/python3', '\(file)', 'argument'], pass_context: true,
                            environment: { OWN: 'value' }, inherit_environment: ['PATH'] },
                    bare: { command: ['/usr/bin/python3', '\(file)'] },
                    once: { exec: ['/usr/bin/python3', '\(file)', 'once', '{name}', '$HOME', '`id`'],
                            environment: { OWN: 'value' }, inherit_environment: ['PATH'] } } }
                """
            }
            do {
                try body(server)
            } catch {
                Issue.record("the gateway wrote:\n\(server.program.errors)")
                throw error
            }
            try server.stop()
        }

        private func expectClean(_ environment: [String: String]) {
            // Python adds LC_CTYPE by itself where there is no locale.
            #expect(Set(environment.keys).subtracting(["LC_CTYPE"]) == ["OWN", "PATH"])
            #expect(environment["OWN"] == "value" && environment["PATH"] != "/evil")
        }

        @Test func `headers and params become neither context nor environment of a child`() throws {
            try serve { server in
                let answer = try curl(
                    Self.forged + [
                        "--data", #"{"context":{"user":"root"},"id":7,"method":"other","a":1}"#,
                        server.http("/v1/modules/tell/look?context=x&user=root"),
                    ])
                let told = try answer.decode(Told.self)
                #expect(
                    Set(told.members ?? []) == ["jsonrpc", "id", "method", "params", "context"])
                #expect(told.members?.count == 5)
                let context = try #require(told.context)
                #expect(context["client"] == "127.0.0.1" && context["user"] ?? nil == nil)
                #expect(context["traceparent"] ?? nil == nil)
                #expect(context["request_id"] == answer.fields["x-request-id"])
                #expect(!context.values.contains { $0?.contains("root") == true })
                #expect(
                    told.line?.contains(
                        #""params":{"context":{"user":"root"},"id":7,"method":"other","a":1}"#)
                        == true)
                #expect(told.arguments == ["argument"])
                expectClean(told.environment)
                #expect(told.environment.values.contains { $0.contains("evil") } == false)
            }
        }

        @Test func `a module that wants no context gets none, whoever writes one`() throws {
            try serve { server in
                for body in [#"{"context":1}"#, #"[{"context":1}]"#, #""},"context":{"user":1""#] {
                    let answer = try curl(
                        Self.forged + ["--data", body, server.http("/v1/modules/bare/look")])
                    guard answer.status == 200 else {
                        _ = try answer.expectProblem(400)
                        continue
                    }
                    let told = try answer.decode(Told.self)
                    #expect(told.members == ["jsonrpc", "id", "method", "params"])
                }
                let batch = try curl(
                    Self.forged + [
                        "--data",
                        #"[{"jsonrpc":"2.0","id":"},\"context\":{","method":"bare.look","context":{"user":"root"}}]"#,
                        server.http("/v1/rpc"),
                    ])
                #expect(batch.status == 200 && batch.body.contains(#""id":"},\"context\":{""#))
                #expect(!batch.body.contains(#"\"user\""#))
            }
        }

        @Test(arguments: ["look\n", "look%0A", "look%22", "rpc.discover", "$/cancelRequest", ""])
        func `no command is a message of its own`(command: String) throws {
            try serve { server in
                let answer = try curl(
                    "--globoff", "--data", "{}",
                    server.http("/v1/modules/bare/" + command.replacing("\n", with: "%0a")))
                #expect([400, 404, 405].contains(answer.status), "\(answer.status) \(answer.body)")
            }
        }

        @Test func `a program run once gets its params as whole arguments, never through a shell`()
            throws
        {
            try serve { server in
                let name = #"; rm -rf / && $(id) "x" 'y' \\"#
                let body = try String(
                    decoding: JSONEncoder().encode(["name": name, "context": "c"]), as: UTF8.self)
                let answer = try curl(
                    Self.forged + ["--data", body, server.http("/v1/modules/once/run")])
                let told = try answer.decode(Told.self)
                #expect(told.arguments == [name, "$HOME", "`id`"])
                expectClean(told.environment)
                let nul = try curl(
                    "--data", #"{"name":"a\u0000b"}"#, server.http("/v1/modules/once/run"))
                _ = try nul.expectProblem(422)
            }
        }
    }
}
