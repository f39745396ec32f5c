// Calls whose callers watch them: records as they come, then exactly one result or error.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct StreamedCallTests {
        private static let steps = Configuration(
            modules: [
                ("steps", ["python3", Checkout.root + "/Tests/EndToEnd/modules/steps.py"])
            ], hasTick: false)

        private func lines(
            _ server: Server, _ params: String, _ more: String...
        ) throws -> CurlAnswer {
            try curl(
                ["--header", "Accept: application/x-ndjson", "--data", params]
                    + more + [server.http("/v1/modules/steps/steps")])
        }

        @Test func `progress comes as lines, and the result last`() throws {
            try Server.run(Self.steps) { server in
                let answer = try lines(server, #"{"n":3}"#)
                #expect(answer.status == 200)
                #expect(answer.fields["content-type"] == "application/x-ndjson")
                #expect(
                    answer.body == """
                        {"progress":{"step":0}}
                        {"progress":{"step":1}}
                        {"progress":{"step":2}}
                        {"result":{"steps":3}}

                        """)
            }
        }

        @Test func `progress comes as events, to GET as well`() throws {
            try Server.run(Self.steps) { server in
                let answer = try curl(
                    "--header", "Accept: text/event-stream",
                    server.http("/v1/modules/steps/steps?n=1"))
                #expect(answer.status == 200)
                #expect(answer.fields["content-type"] == "text/event-stream")
                let events = EventLog(answer.body).events
                #expect(events.map(\.name) == ["progress", "result"])
                #expect(events.map(\.data) == [#"{"step":0}"#, #"{"steps":"1"}"#])
            }
        }

        @Test func `who does not ask for records gets a plain answer`() throws {
            try Server.run(Self.steps) { server in
                for accept in ["*/*", "application/json, text/event-stream;q=0.5", "text/html"] {
                    let answer = try curl(
                        "--header", "Accept: \(accept)", "--data", #"{"n":3}"#,
                        server.http("/v1/modules/steps/steps"))
                    #expect(answer.body == #"{"steps":3}"#, "\(accept)")
                }
            }
        }

        @Test(arguments: [("fail", 409), ("die", 502)])
        func `a failure is a status before the first record, and a record after it`(
            then: String, status: Int
        ) throws {
            try Server.run(Self.steps) { server in
                let early = try lines(server, #"{"n":0,"then":"\#(then)"}"#)
                _ = try early.expectProblem(status)
                let late = try lines(server, #"{"n":1,"then":"\#(then)"}"#)
                #expect(late.status == 200)
                let records = late.body.split(separator: "\n").map(String.init)
                #expect(records.count == 2 && records.first == #"{"progress":{"step":0}}"#)
                let last = try #require(try records.last.flatMap { try jsonObject($0) })
                let problem = try #require(last["error"] as? [String: Any])
                #expect(problem["status"] as? Int == status)
                #expect(problem["request_id"] as? String == late.fields["x-request-id"])
            }
        }

        @Test func `the deadline ends a watched call with a record`() throws {
            try Server.run(Self.steps) { server in
                let answer = try lines(
                    server, #"{"n":1,"then":"wait"}"#, "--header", "Prefer: wait=1")
                #expect(answer.body.contains(#""status":504"#))
                #expect(answer.body.hasPrefix(#"{"progress":{"step":0}}"# + "\n" + #"{"error":"#))
            }
        }

        @Test func `a stream that is cut does not look whole`() throws {
            let server = try Server { Self.steps.text(httpPort: $0, httpsPort: $1) }
            let watch = try Program([
                "curl", "--silent", "--no-buffer", "--header", "Accept: application/x-ndjson",
                "--data", #"{"n":1,"then":"wait"}"#, server.http("/v1/modules/steps/steps"),
            ])
            try waitUntil("the first record") { watch.output.contains("progress") }
            server.program.send(SIGKILL)
            // 18: the transfer ended before all of it had come.
            #expect(try watch.wait() == .exited(18))
            #expect(!watch.output.contains("result") && !watch.output.contains("error"))
        }

        @Test func `the module hears when its watcher has gone`() throws {
            try Server.run(Self.steps) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=steps.cancelled"))
                let watch = try Program([
                    "curl", "--silent", "--no-buffer", "--header", "Accept: text/event-stream",
                    "--data", #"{"n":1,"then":"wait"}"#, server.http("/v1/modules/steps/steps"),
                ])
                try waitUntil("the first record") { watch.output.contains("progress") }
                watch.send(SIGKILL)
                _ = try stream.events(of: "steps.cancelled", count: 1)
            }
        }

        @Test func `a reader that is slow loses progress, is told so, and gets the result`() throws
        {
            try Server.run(Self.steps) { server in
                let connection = try RawConnection(port: server.httpPort)
                let body = #"{"n":600,"size":50000}"#
                try connection.send(
                    "POST /v1/modules/steps/flood HTTP/1.1\r\nHost: localhost\r\n"
                        + "Accept: application/x-ndjson\r\nConnection: close\r\n"
                        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
                // 30 MB are reported; what the sockets and the gateway keep is a few of them.
                try waitUntil("the module to be done") {
                    try curl(server.http("/v1/modules/steps")).body.contains(#""answers":2"#)
                }
                try connection.readToEnd()
                #expect(connection.received.count < 20_000_000)
                #expect(connection.text.contains(#"{"dropped":"#))
                #expect(connection.text.hasSuffix("{\"result\":600}\n\r\n0\r\n\r\n"))
                let metrics = try curl(server.http("/metrics")).body
                #expect(
                    metrics.contains(try Regex(#"signalbox_progress_dropped_total\{.*\} [1-9]"#)))
            }
        }
    }
}
