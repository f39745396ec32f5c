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

        private func post(_ server: Server, _ path: String) throws -> Timer {
            let answer = try curl("--request", "POST", server.http("/v1/timers/\(path)"))
            #expect(answer.status == 200, "\(answer.body)")
            return try answer.decode(Timer.self)
        }

        private func show(_ server: Server, _ id: String) throws -> Timer {
            try curl(server.http("/v1/timers/\(id)")).decode(Timer.self)
        }

        @Test func `a timer that was made says where it is`() throws {
            let folder = try TemporaryFolder()
            let port = try FreePort.take(1)[0]
            let box = "http://127.0.0.1:\(port)"
            let file = try folder.write(
                "{ listeners: [{ url: '\(box)' }], base_path: '/box' }", to: "box.json5")
            let program = try Program([Checkout.signalbox, "serve", "--config", file])
            try waitUntil("the gateway") { (try? RawConnection(port: port)) != nil }
            let timer = #"{"id":"egg","after":"1h","emit":{"signal":"demo.egg"}}"#
            let made = try curl("--data", timer, box + "/box/v1/timers")
            #expect(made.status == 201, "\(made.body)")
            let place = try #require(made.fields["location"])
            #expect(place == "/box/v1/timers/egg")
            #expect(try curl(box + place).decode(Timer.self).id == "egg")
            let unnamed = try curl(
                "--data", #"{"after":"1h","emit":{"signal":"demo.egg"}}"#,
                box + "/box/v1/timers")
            let id = try unnamed.decode(Timer.self).id
            #expect(unnamed.fields["location"] == "/box/v1/timers/\(id)")
            program.send(SIGTERM)
            #expect(try program.wait() == .exited(0))
        }

        @Test func `a paused timer rests until it is resumed, and may be fired by hand`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=demo.*"))
                let timer = #"{"id":"p","every":"100ms","emit":{"signal":"demo.p"}}"#
                #expect(try add(server, timer).status == 201)
                _ = try stream.events(of: "demo.p", count: 2)
                let paused = try post(server, "p/pause")
                #expect(paused.state == "paused" && paused.paused && paused.next_run == nil)
                // Five of its intervals, told by another timer.
                _ = try add(server, #"{"after":"500ms","emit":{"signal":"demo.later"}}"#)
                _ = try stream.events(of: "demo.later", count: 1)
                #expect(try show(server, "p").runs == paused.runs)
                let fired = try post(server, "p/fire")
                #expect(fired.runs == paused.runs + 1 && fired.state == "paused")
                #expect(fired.last_run != nil)
                let resumed = try post(server, "p/resume")
                #expect(resumed.state == "active" && resumed.next_run != nil)
                _ = try stream.events(of: "demo.p", count: paused.runs + 3)
            }
        }

        @Test func `a calendar is previewed by the clock of its place`() throws {
            try Server.run(Self.quiet) { server in
                let timer = """
                    {"id":"morning","cron":"30 8 29 2 *","timezone":"Asia/Kolkata",
                     "emit":{"signal":"demo.morning"}}
                    """
                #expect(try add(server, timer).status == 201)
                let shown = try curl(server.http("/v1/timers/morning?preview=3"))
                    .decode(Timer.self)
                let preview = try #require(shown.preview)
                #expect(preview.count == 3 && preview.first == shown.next_run)
                // Half past eight in India is three o'clock in UTC, on every leap day.
                for moment in preview {
                    #expect(moment.hasSuffix("-02-29T03:00:00.000Z"), "\(moment)")
                }
                let query = "/v1/timers/morning?preview=101"
                _ = try curl(server.http(query)).expectProblem(400)
                let elsewhere = timer.replacing("Kolkata", with: "Atlantis")
                    .replacing("morning", with: "x")
                _ = try add(server, elsewhere).expectProblem(422)
            }
        }

        @Test func `what came of a timer that fires once can be read afterwards`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=**"))
                let once = #"{"id":"once","after":"10ms","emit":{"signal":"demo.once"}}"#
                #expect(try add(server, once).decode(Timer.self).state == "active")
                _ = try stream.events(of: "demo.once", count: 1)
                let done = try show(server, "once")
                #expect(done.state == "done" && done.runs == 1 && done.last_result == "emitted")
                #expect(done.next_run == nil && done.last_run != nil)
                let failing = """
                    {"id":"twice","every":"20ms","max_runs":2,
                     "call":{"module":"slow","command":"fail"}}
                    """
                #expect(try add(server, failing).status == 201)
                _ = try stream.events(of: "signalbox.timer.failed", count: 2)
                let failed = try show(server, "twice")
                #expect(failed.state == "done" && failed.runs == 2)
                #expect(failed.last_result?.isEmpty == false && failed.last_result != "ok")

                func list(_ query: String) throws -> [String] {
                    try curl(server.http("/v1/timers\(query)")).decode(TimerList.self)
                        .timers.map(\.id)
                }
                #expect(try list("") == [] && list("?state=active") == [])
                #expect(try list("?state=done") == ["once", "twice"])
                #expect(try list("?state=all") == ["once", "twice"])
                _ = try curl(server.http("/v1/timers?state=gone")).expectProblem(400)
                for action in ["fire", "pause", "resume"] {
                    let answer = try curl(
                        "--request", "POST", server.http("/v1/timers/once/\(action)"))
                    #expect(try answer.expectProblem(409).code == "timer_done")
                }
                #expect(try add(server, once).status == 201)
                let url = server.http("/v1/timers/twice")
                #expect(try curl("--request", "DELETE", url).status == 204)
                _ = try curl(url).expectProblem(404)
            }
        }

        @Test func `one timer more than there may be is refused for now`() throws {
            try Server.run(Configuration(modules: [], hasTick: false)) { server in
                // Sixteen of them fill the 16 MiB that all may have.
                let folder = try TemporaryFolder()
                let data = String(repeating: "x", count: 1_047_000)
                let body = try folder.write(
                    #"{"after":"1h","emit":{"signal":"demo.x","data":"\#(data)"}}"#, to: "timer")
                let add = ["--data", "@\(body)", server.http("/v1/timers")]
                for _ in 1...16 { #expect(try curl(add).status == 201) }
                let refused = try curl(add)
                let problem = try refused.expectProblem(429)
                #expect(problem.code == "too_many_timers" && problem.isRetryable)
                #expect(refused.fields["retry-after"] == "10")
            }
        }

        @Test(arguments: [
            (#"{"every":"1s"}"#, 422),
            (#"{"every":"1s","emit":{"signal":"demo.x","dat":1}}"#, 422),
            (#"{"every":"1s","call":{"module":"slow","command":"pause","param":{}}}"#, 422),
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

/// A timer as the API shows it.
private struct Timer: Decodable {
    let id: String
    let state: String
    let paused: Bool
    let runs: Int
    let next_run: String?
    let last_run: String?
    let last_result: String?
    let preview: [String]?
}

/// A list of timers.
private struct TimerList: Decodable {
    let timers: [Timer]
}
