// A short time under load: no request fails, and the gateway is well afterwards.

import Testing

extension EndToEnd {
    @Suite struct LoadTests {
        @Test(arguments: ["/v1/modules", "/v1/modules/host/load"])
        func `64 clients get only good answers`(path: String) throws {
            try Server.run(Configuration(hasTick: false)) { server in
                // The module is up before the clock runs.
                _ = try curl(server.http("/v1/modules/host/load"))
                let wrk = try Command.run([
                    "wrk", "--connections", "64", "--threads", "1", "--duration", "2s",
                    "--timeout", "10s", "--latency", server.http(path),
                ])
                #expect(wrk.status == 0)
                #expect(wrk.output.contains("Requests/sec:"))
                // wrk prints either line only when there is something to say.
                #expect(!wrk.output.contains("Non-2xx"), "\(wrk.output)")
                #expect(!wrk.output.contains("Socket errors"), "\(wrk.output)")
                let after = try curl(server.http("/readyz"))
                #expect(after.status == 200)
            }
        }
    }
}
