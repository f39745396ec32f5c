// Event streams as curl reads them: framing, filters, resuming.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct EventTests {
        private static let quiet = Configuration(hasTick: false)

        /// Emits a signal and returns the id that the gateway gave it.
        private func emit(_ server: Server, _ signal: String, _ data: String) throws -> String {
            let answer = try curl("--data", data, server.http("/v1/signals/\(signal)"))
            #expect(answer.status == 200, "\(answer.body)")
            return try #require(try jsonObject(answer.body)?["id"] as? String)
        }

        @Test func `a stream has the head that browsers and proxies need`() throws {
            try Server.run { server in
                let connection = try RawConnection(port: server.httpPort)
                try connection.send("GET /v1/events?signal=** HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try connection.read(until: { $0.contains("\r\n\r\n") && $0.contains("retry:") })
                let head = connection.text.lowercased()
                #expect(head.hasPrefix("http/1.1 200 "))
                #expect(head.contains("\r\ncontent-type: text/event-stream"))
                #expect(head.contains("\r\ncache-control: no-store, no-transform\r\n"))
                #expect(head.contains("\r\nx-accel-buffering: no\r\n"))
            }
        }

        @Test
        func `streams are told to come back at moments of their own, within half as much again`()
            throws
        {
            let more = "signals: { retry: '2s' }, loops: 2"
            try Server.run(Configuration(modules: [], hasTick: false, more: more)) { server in
                var pauses: Set<Int> = []
                for _ in 1...20 {
                    let connection = try RawConnection(port: server.httpPort)
                    try connection.send(
                        "GET /v1/events?signal=x HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    try connection.read(until: { $0.contains(/retry: \d+\n/) })
                    let found = try #require(connection.text.firstMatch(of: /retry: (\d+)\n/))
                    pauses.insert(try #require(Int(found.1)))
                }
                // Twenty of a thousand: that five or fewer differ happens once in 10^40.
                #expect(pauses.count > 5 && pauses.allSatisfy { (2_000...3_000).contains($0) })
            }
        }

        @Test func `a timer's signal comes each second, with rising ids`() throws {
            try Server.run { server in
                let stream = try StreamReader(server.http("/v1/events?signal=demo.*"))
                let ticks = try stream.events(of: "demo.tick", count: 3, within: .seconds(6))
                #expect(Set(ticks.map(\.id)).count == ticks.count)
                let sequences = ticks.compactMap { $0.id.split(separator: "-").last }
                    .compactMap { Int($0) }
                #expect(sequences.count == ticks.count && sequences == sequences.sorted())
                #expect(stream.log.retryMilliseconds != nil)
            }
        }

        @Test func `a module's signal arrives`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=host.**"))
                // The module starts with its first call, and emits the load when it starts.
                #expect(try curl(server.http("/v1/modules/host/load")).status == 200)
                let event = try #require(try stream.events(of: "host.load", count: 1).first)
                #expect(try jsonObject(event.data)?["load1"] is NSNumber)
            }
        }

        @Test func `an emitted signal arrives at once at everybody who asked for it`() throws {
            try Server.run(Self.quiet) { server in
                let patterns = ["demo.*", "demo.hello", "**", "demo.**"]
                let streams = try patterns.map {
                    try StreamReader(server.http("/v1/events?signal=\($0)"))
                }
                let other = try StreamReader(server.http("/v1/events?signal=host.*"))
                let begun = ContinuousClock.now
                let answer = try curl(
                    "--data", #"{"from":"me"}"#, server.http("/v1/signals/demo.hello"))
                let emission = try #require(try jsonObject(answer.body))
                #expect(emission["subscribers"] as? Int == patterns.count)
                for stream in streams {
                    let event = try stream.events(of: "demo.hello", count: 1)[0]
                    #expect(event.id == emission["id"] as? String)
                    #expect(event.data == #"{"from":"me"}"#)
                }
                #expect(ContinuousClock.now - begun < .seconds(2))
                _ = try emit(server, "host.mark", "{}")
                let seen = try other.events(of: "host.mark", count: 1)
                #expect(seen.count == 1)
                #expect(other.log.events.count == 1)
            }
        }

        @Test func `a silent stream has heartbeats`() throws {
            let eager = Configuration(hasTick: false, more: "signals: { heartbeat: '1s' },")
            try Server.run(eager) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=demo.never"))
                let before = stream.log.comments.count
                try waitUntil("two heartbeats: \(stream.program.output)", within: .seconds(5)) {
                    stream.log.comments.count >= before + 2
                }
                #expect(stream.log.events.isEmpty)
            }
        }

        @Test(arguments: ["header", "query"])
        func `a stream resumes after the last event id, and goes on live`(way: String) throws {
            try Server.run(Self.quiet) { server in
                let ids = try (1...5).map { try emit(server, "demo.count", "{\"n\":\($0)}") }
                let base = server.http("/v1/events?signal=demo.count")
                let stream =
                    way == "header"
                    ? try StreamReader(base, "--header", "Last-Event-ID: \(ids[1])")
                    : try StreamReader(base + "&last_event_id=\(ids[1])")
                _ = try stream.events(of: "demo.count", count: 3)
                _ = try emit(server, "demo.count", #"{"n":6}"#)
                let events = try stream.events(of: "demo.count", count: 4)
                #expect(events.map(\.data) == (3...6).map { "{\"n\":\($0)}" })
            }
        }

        @Test func `a reader that keeps reconnecting loses nothing and gets nothing twice`() throws
        {
            try Server.run(Self.quiet) { server in
                let total = 2000
                var lastID = try emit(server, "demo.start", "{}")
                let emitter = try Program([
                    "python3", Checkout.root + "/Tests/EndToEnd/modules/emitter.py",
                    "\(server.httpPort)", "demo.count", "\(total)",
                ])
                var seen: [String] = []
                var connections = 0
                let expected = (1...total).map { "{\"n\":\($0)}" }
                try waitUntil("all events, not \(seen.count)", within: .seconds(40)) {
                    let stream = try StreamReader(
                        server.http("/v1/events?signal=demo.*"),
                        "--header", "Last-Event-ID: \(lastID)")
                    // So many, that the end is reached however little a busy machine does in between.
                    let events = try stream.events(
                        of: "demo.count", count: min(40, total - seen.count))
                    try stream.close()
                    // What came between the look and the close counts as well.
                    let all = stream.log.events(of: "demo.count")
                    #expect(all.count >= events.count)
                    seen += all.map(\.data)
                    connections += 1
                    lastID = all[all.count - 1].id
                    return seen.count >= total
                }
                #expect(seen == expected)
                #expect(connections > 3)
                #expect(try emitter.wait() == .exited(0))
            }
        }

        @Test func `an id of another life is answered with a gap, not with silence`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(
                    server.http("/v1/events?signal=demo.*"), "--header", "Last-Event-ID: zzzz-12")
                let gap = try #require(try stream.events(of: "signalbox.gap", count: 1).first)
                #expect(try jsonObject(gap.data)?["reason"] as? String == "epoch")
            }
        }

        @Test func `data with line ends stays one line`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=demo.*"))
                _ = try emit(server, "demo.lines", "{\n  \"text\":\r\n\"a\\r\\nid: 7\\n\\n\"\n}")
                let event = try stream.events(of: "demo.lines", count: 1)[0]
                #expect(event.data == #"{"text":"a\r\nid: 7\n\n"}"#)
            }
        }

        @Test func `HTTP 1.0 gets a stream without chunks`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(
                    server.http("/v1/events?signal=demo.*"), "--http1.0", "--include")
                #expect(!stream.program.output.lowercased().contains("transfer-encoding"))
                _ = try emit(server, "demo.old", "{}")
                _ = try stream.events(of: "demo.old", count: 1)
            }
        }

        @Test func `a stream over TLS brings the same`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(
                    server.https("/v1/events?signal=demo.*"), "--cacert", Checkout.authority)
                let id = try emit(server, "demo.safe", "[1,2]")
                let event = try stream.events(of: "demo.safe", count: 1)[0]
                #expect(event == StreamEvent(id: id, name: "demo.safe", data: "[1,2]"))
            }
        }

        @Test func `the end of the gateway is told, and ends the stream cleanly`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=**"))
                try server.stop()
                // Exit code 0: the connection was closed, not reset.
                #expect(try stream.program.wait() == .exited(0))
                #expect(stream.log.events(of: "signalbox.closing").count == 1)
            }
        }
    }
}
