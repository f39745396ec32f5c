// Calls that are left behind as jobs.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct JobTests {
        private func configuration(_ jobs: String = "") -> Configuration {
            Configuration(
                modules: [
                    ("steps", ["python3", Checkout.root + "/Tests/EndToEnd/modules/steps.py"])
                ], hasTick: false, more: "jobs: { \(jobs) },")
        }

        /// Starts a job and returns its URL.
        private func start(_ server: Server, _ params: String) throws -> String {
            let answer = try begin(server, params)
            #expect(answer.status == 202, "\(answer.body)")
            #expect(answer.fields["preference-applied"] == "respond-async")
            return server.http(try #require(answer.fields["location"]))
        }

        private func begin(_ server: Server, _ params: String) throws -> CurlAnswer {
            try curl(
                "--header", "Prefer: respond-async", "--data", params,
                server.http("/v1/modules/steps/steps"))
        }

        /// The job when it has the given state.
        private func job(_ url: String, _ state: String) throws -> [String: Any] {
            try waitFor("\(url) to be \(state)") {
                let job = try #require(try jsonObject(try curl(url).body))
                return job["state"] as? String == state ? job : nil
            }
        }

        @Test func `a job shows its progress and its result`() throws {
            try Server.run(configuration()) { server in
                let url = try start(server, #"{"n":3}"#)
                let job = try job(url, "done")
                #expect((job["result"] as? [String: Int]) == ["steps": 3])
                #expect((job["progress"] as? [String: Int]) == ["step": 2])
                #expect(job["progress_count"] as? Int == 3)
                #expect(job["module"] as? String == "steps" && job["command"] as? String == "steps")
                #expect(job["started"] is String && job["ended"] is String)
                let list = try #require(try jsonObject(try curl(server.http("/v1/jobs")).body))
                let listed = try #require(list["jobs"] as? [[String: Any]])
                #expect(listed.count == 1 && listed[0]["result"] == nil)
                #expect(try curl("--request", "DELETE", url).status == 204)
                _ = try curl(url).expectProblem(404)
            }
        }

        @Test(arguments: [("fail", "module_error", 409), ("die", "module_exited", 502)])
        func `a job that fails says why`(then: String, code: String, status: Int) throws {
            try Server.run(configuration()) { server in
                let job = try job(try start(server, #"{"then":"\#(then)"}"#), "failed")
                let error = try #require(job["error"] as? [String: Any])
                #expect(error["code"] as? String == code)
                #expect(error["status"] as? Int == status)
                #expect(job["result"] == nil)
            }
        }

        @Test func `DELETE calls a running job off, and streams hear of it all`() throws {
            try Server.run(configuration()) { server in
                let stream = try StreamReader(
                    server.http("/v1/events?signal=signalbox.job.*&signal=steps.cancelled"))
                let url = try start(server, #"{"then":"wait"}"#)
                let job = try waitFor("progress and output of the job") {
                    let job = try self.job(url, "running")
                    let output = job["output"] as? [String]
                    return output == ["steps: at work"] && job["progress_count"] as? Int == 2
                        ? job : nil
                }
                #expect((job["progress"] as? [String: Int]) == ["step": 1])
                #expect(try curl("--request", "DELETE", url).status == 204)
                _ = try self.job(url, "cancelled")
                _ = try stream.events(of: "steps.cancelled", count: 1)
                let event = try #require(
                    try stream.events(of: "signalbox.job.cancelled", count: 1).first)
                let id = try #require(url.split(separator: "/").last)
                #expect(try jsonObject(event.data)?["job"] as? String == String(id))
                #expect(stream.log.events(of: "signalbox.job.started").count == 1)
            }
        }

        @Test func `no more jobs are taken than there may be, and old ones go`() throws {
            try Server.run(configuration("count: 2, keep: '1s'")) { server in
                let held = try start(server, #"{"then":"wait"}"#)
                _ = try start(server, "{}")
                let refused = try begin(server, "{}")
                _ = try refused.expectProblem(429)
                #expect(refused.fields["retry-after"] != nil)
                // The one that has ended makes room after a second.
                try waitUntil("room for a job") { try begin(server, "{}").status == 202 }
                _ = try job(held, "running")
            }
        }

        @Test func `what fails at once is no job`() throws {
            try Server.run(configuration()) { server in
                let answer = try curl(
                    "--header", "Prefer: respond-async", "--data", "{}",
                    server.http("/v1/modules/nobody/any"))
                _ = try answer.expectProblem(404)
                #expect(try curl(server.http("/v1/jobs")).body == "{\"jobs\":[]}\n")
            }
        }

        @Test func `a deadline ends a job`() throws {
            try Server.run(configuration("timeout: '200ms'")) { server in
                let job = try job(try start(server, #"{"then":"wait"}"#), "failed")
                #expect((job["error"] as? [String: Any])?["status"] as? Int == 504)
            }
        }
    }
}
