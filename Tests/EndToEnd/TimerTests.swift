// Timers over HTTP.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct TimerTests {
        private static let quiet = Configuration(modules: [Configuration.slow], hasTick: false)

        private func add(_ server: Server, _ timer: String) throws -> CurlAnswer {
            try curl("--data", timer, server.http("/v1/timers"))
        }

        @Test func `a timer made over HTTP fires as often as it says`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=demo.*"))
                let answer = try add(
                    server,
                    """
                    {"id":"three","every":"50ms","max_runs":3,
                     "emit":{"signal":"demo.three","data":{"n":1}}}
                    """)
                #expect(answer.status == 201, "\(answer.body)")
                _ = try stream.events(of: "demo.three", count: 3)
                let later = try add(
                    server, #"{"after":"500ms","emit":{"signal":"demo.later"}}"#)
                #expect(later.status == 201, "\(later.body)")
                _ = try stream.events(of: "demo.later", count: 1)
                // Ten of its intervals later there is no fourth.
                #expect(stream.log.events(of: "demo.three").count == 3)
            }
        }

        @Test func `a timer may call a command`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=slow.held"))
                let answer = try add(
                    server,
                    """
                    {"after":"10ms","call":{"module":"slow","command":"pause",
                     "params":{"seconds":0.01}}}
                    """)
                #expect(answer.status == 201, "\(answer.body)")
                _ = try stream.events(of: "slow.held", count: 1)
            }
        }

        @Test func `timers are listed, fired by hand and deleted`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=demo.*"))
                _ = try add(server, #"{"id":"far","after":"1h","emit":{"signal":"demo.far"}}"#)
                let list = try curl(server.http("/v1/timers"))
                #expect(list.status == 200 && list.body.contains(#""far""#))
                let fired = try curl(
                    "--request", "POST", server.http("/v1/timers/far/fire"))
                #expect(fired.status == 200, "\(fired.body)")
                _ = try stream.events(of: "demo.far", count: 1)
            }
            try Server.run(Self.quiet) { server in
                _ = try add(server, #"{"id":"far","after":"1h","emit":{"signal":"demo.far"}}"#)
                let again = try add(
                    server, #"{"id":"far","after":"1h","emit":{"signal":"demo.far"}}"#)
                _ = try again.expectProblem(409)
                let url = server.http("/v1/timers/far")
                #expect(try curl("--request", "DELETE", url).status == 204)
                _ = try curl(url).expectProblem(404)
            }
        }

        @Test(arguments: [
            (#"{"every":"1s"}"#, 422),
            (#"{"every":"1s","after":"1s","emit":{"signal":"demo.x"}}"#, 422),
            (#"{"every":"often","emit":{"signal":"demo.x"}}"#, 422),
            (#"{"every":"1s","emit":{"signal":"signalbox.x"}}"#, 422),
            (#"{"every":"1s","emit":{"signal":"demo.x"},"colour":"red"}"#, 422),
            (#"{"every":"#, 400),
        ])
        func `a faulty timer is refused`(timer: String, status: Int) throws {
            try Server.run(Self.quiet) { server in
                _ = try add(server, timer).expectProblem(status)
            }
        }

        @Test func `a timer of the configuration stays`() throws {
            try Server.run { server in
                let answer = try curl("--request", "DELETE", server.http("/v1/timers/tick"))
                _ = try answer.expectProblem(403)
            }
        }
    }
}
