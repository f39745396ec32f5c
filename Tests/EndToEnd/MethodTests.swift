// Which methods a path takes, and the conditions of a request.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct MethodTests {
        private static let more = """
            modules: {
                echo: { builtin: 'echo' }, fixed: { reply: { hello: 1 } },
                host: { command: ['python3', '\(Checkout.root)/examples/modules/host.py'],
                        commands: { load: { safe: true }, disk: {} } },
            },
            """

        private func serve(_ body: (Server) throws -> Void) throws {
            let server = try Server { http, _ in
                "{ listeners: [{ url: 'http://localhost:\(http)' }], \(Self.more) }"
            }
            try body(server)
            try server.stop()
        }

        @Test func `405 and OPTIONS name the methods that are answered, and no others`() throws {
            let table = [
                ("/v1/modules/echo/echo", "POST, OPTIONS"),
                ("/v1/modules/host/load", "GET, HEAD, POST, OPTIONS"),
                ("/v1/modules/host/disk", "POST, OPTIONS"),
                ("/v1/modules/fixed/hello", "GET, HEAD, POST, OPTIONS"),
                ("/v1/modules", "GET, HEAD, OPTIONS"), ("/v1/rpc", "POST, OPTIONS"),
                ("/v1/timers", "GET, HEAD, POST, OPTIONS"),
                ("/v1/timers/a", "GET, HEAD, DELETE, OPTIONS"),
            ]
            try serve { server in
                for (path, allowed) in table {
                    let options = try curl("-X", "OPTIONS", server.http(path))
                    #expect(options.status == 204 && options.fields["allow"] == allowed)
                    let methods = allowed.split(separator: ", ")
                    for method in ["GET", "PUT", "DELETE", "PATCH"]
                    where !methods.contains(Substring(method)) {
                        let answer = try curl("-X", method, server.http(path))
                        #expect(answer.status == 405, "\(method) \(path)")
                        #expect(answer.fields["allow"] == allowed, "\(method) \(path)")
                    }
                    for method in ["GET", "POST", "DELETE"]
                    where methods.contains(Substring(method)) {
                        #expect(try curl("-X", method, server.http(path)).status != 405)
                    }
                }
            }
        }

        @Test func `no method is allowed for a command that there is not`() throws {
            try serve { server in
                for path in ["/v1/modules/none/echo", "/v1/modules/fixed/none"] {
                    for method in ["PUT", "OPTIONS"] {
                        let answer = try curl("-X", method, server.http(path))
                        #expect(answer.status == 404 && answer.fields["allow"] == nil)
                    }
                }
            }
        }

        @Test func `If-Match is held against the weak tag of the script`() throws {
            try serve { server in
                let url = server.http("/signalbox.js")
                let tag = try #require(try curl(url).fields["etag"])
                #expect(tag.hasPrefix("W/\""))
                for field in ["\"nope\"", tag, String(tag.dropFirst(2)), "\"a\", \"b\""] {
                    let answer = try curl("-H", "If-Match: \(field)", url)
                    #expect(try answer.expectProblem(412).code == "precondition_failed")
                    #expect(
                        try curl("-H", "If-Match: \(field)", "-H", "If-None-Match: *", url).status
                            == 412)
                }
                #expect(try curl("-H", "If-Match: *", url).status == 200)
                #expect(
                    try curl("-H", "If-Match: *", "-H", "If-None-Match: \(tag)", url).status == 304)
            }
        }
    }
}
