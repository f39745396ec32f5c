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
            (#"{"every":"1s","emit":{"signal":"signalbox.x"}}"#, 403),
            (#"{"every":"1s","emit":{"signal":"signalbox.x"},"colour":"red"}"#, 422),
            (#"{"every":"1s","call":{"module":"nobody","command":"x"}}"#, 422),
            (#"{"every":"1s","call":{"module":"slow","command":"rpc.x"}}"#, 422),
            (#"{"every":"366d","emit":{"signal":"demo.x"}}"#, 422),
            (#"{"at":"2201-01-01T00:00:00Z","emit":{"signal":"demo.x"}}"#, 422),
            (#"{"every":"1s","emit":{"signal":"demo.x"},"colour":"red"}"#, 422),
            (#"{"every":"#, 400),
        ])
        func `a faulty timer is refused`(timer: String, status: Int) throws {
            try Server.run(Self.quiet) { server in
                _ = try add(server, timer).expectProblem(status)
            }
        }

        @Test func `a timer may not emit what HTTP may not, and is told so in the same words`()
            throws
        {
            try Server.run(Self.quiet) { server in
                let timer = try add(server, #"{"every":"1s","emit":{"signal":"signalbox.x"}}"#)
                    .expectProblem(403)
                let emission = try curl("-d", "1", server.http("/v1/signals/signalbox.x"))
                    .expectProblem(403)
                #expect(timer.code == emission.code && timer.detail == emission.detail)
            }
        }

        @Test func `a timer that calls what is not there is refused with a pointer`() throws {
            let more = "reactions: {}"
            let configuration = Configuration(modules: [], hasTick: false, more: more)
            let server = try Server { http, https in
                configuration.text(httpPort: http, httpsPort: https)
                    .replacing("modules: {", with: "modules: { say: { reply: { hello: 1 } },")
            }
            for (call, pointer) in [("nobody.x", "/call/module"), ("say.x", "/call/command")] {
                let names = call.split(separator: ".")
                let answer = try add(
                    server,
                    #"{"every":"1h","call":{"module":"\#(names[0])","command":"\#(names[1])"}}"#)
                _ = try answer.expectProblem(422)
                #expect(
                    answer.body.contains(#""errors":[{"pointer":"\#(pointer)""#), "\(answer.body)")
            }
            let taken = try add(
                server, #"{"every":"1h","call":{"module":"say","command":"hello"}}"#)
            #expect(taken.status == 201, "\(taken.body)")
            try server.stop()
        }

        @Test func `a timer whose module is gone after a restart stays, and reports`() throws {
            let folder = try TemporaryFolder()
            func start(_ modules: String) throws -> Server {
                let configuration = Configuration(
                    modules: [], hasTick: false, more: "state: 'state',")
                return try Server(in: folder) { http, https in
                    configuration.text(httpPort: http, httpsPort: https)
                        .replacing("modules: {", with: "modules: { \(modules)")
                }
            }
            let first = try start("say: { reply: { hello: 1 } },")
            let timer = #"{"id":"t","every":"1h","call":{"module":"say","command":"hello"}}"#
            #expect(try add(first, timer).status == 201)
            try first.stop()

            let second = try start("")
            let stream = try StreamReader(second.http("/v1/events?signal=signalbox.timer.*"))
            #expect(try curl("-X", "POST", second.http("/v1/timers/t/fire")).status == 200)
            let failed = try stream.events(of: "signalbox.timer.failed", count: 1)
            #expect(failed[0].data.contains(#""result":"There is no module \"say\".""#))
            let shown = try curl(second.http("/v1/timers/t")).body
            #expect(shown.contains(#""last_result":"There is no module \"say\".""#), "\(shown)")
            try second.stop()
        }

        @Test func `a timer of the configuration stays`() throws {
            try Server.run { server in
                let answer = try curl("--request", "DELETE", server.http("/v1/timers/tick"))
                _ = try answer.expectProblem(403)
            }
        }
    }
}
