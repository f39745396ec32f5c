// The other forms of a stream, as curl reads them: CloudEvents, NDJSON, long polls, gzip; filters,
// latest values, and emissions under a key.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct EventFormatTests {
        private static let quiet = Configuration(
            modules: [], hasTick: false,
            more: "signals: { event_size: '1KiB', 'state.*': { latest: true } },")

        @discardableResult
        private func emit(_ server: Server, _ signal: String, _ data: String) throws -> String {
            let answer = try curl("--data", data, server.http("/v1/signals/\(signal)"))
            #expect(answer.status == 200, "\(answer.body)")
            return try #require(try jsonObject(answer.body)?["id"] as? String)
        }

        private func objects(_ text: String) throws -> [[String: Any]] {
            try text.split(separator: "\n").filter { !$0.isEmpty }
                .map { try #require(try jsonObject(String($0))) }
        }

        @Test(arguments: ["1.1", "1.0"])
        func `NDJSON is a CloudEvent a line`(version: String) throws {
            try Server.run(Self.quiet) { server in
                let id = try emit(server, "demo.first", "{}")
                let stream = try Program([
                    "curl", "--silent", "--no-buffer", "--http\(version)", "--header",
                    "Accept: application/x-ndjson, text/html;q=0.5",
                    server.http("/v1/events?signal=demo.**&last_event_id=\(id.dropLast(1))0"),
                ])
                let second = try emit(server, "demo.second", #"{"n":[1,"x\n"]}"#)
                let events = try waitFor("two lines: \(stream.output)") {
                    let events = try objects(stream.output)
                    return events.count == 2 ? events : nil
                }
                #expect(events.map { $0["type"] as? String } == ["demo.first", "demo.second"])
                #expect(events[0]["id"] as? String == id && events[1]["id"] as? String == second)
                #expect(events.allSatisfy { $0["specversion"] as? String == "1.0" })
                #expect(events[1]["source"] as? String == "/v1/signals")
                #expect(
                    (events[1]["data"] as? [String: Any])?["n"] as? [AnyHashable] == [1, "x\n"])
                stream.send(SIGINT)
                try stream.wait()
            }
        }

        @Test func `CloudEvents come without a name, so that onmessage sees everything`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(
                    server.http("/v1/events?signal=demo.*&format=cloudevents"))
                let id = try emit(server, "demo.x", "7")
                let event = try stream.events(of: "message", count: 1)[0]
                let object = try #require(try jsonObject(event.data))
                #expect(event.id == id && object["id"] as? String == id)
                #expect(object["type"] as? String == "demo.x" && object["data"] as? Int == 7)
            }
        }

        @Test func `a long poll waits for the next event, and tells the id to go on with`() throws {
            try Server.run(Self.quiet) { server in
                let first = try curl(server.http("/v1/events?signal=demo.*&wait=0"))
                #expect(first.status == 200 && first.body == "[]\n")
                var last = try #require(first.fields["last-event-id"])
                for number in 1...3 {
                    let poll = try Program([
                        "curl", "--silent", "--include",
                        server.http("/v1/events?signal=demo.*&wait=20&last_event_id=\(last)"),
                    ])
                    // Whether the event or the poll comes first does not matter.
                    try emit(server, "demo.count", "\(number)")
                    #expect(try poll.wait() == .exited(0))
                    #expect(poll.output.contains("\"data\":\(number)}]"), "\(poll.output)")
                    let field = poll.output.split(separator: "\r\n").first {
                        $0.hasPrefix("Last-Event-ID: ")
                    }
                    last = String(try #require(field).dropFirst(15))
                }
                let empty = try curl(
                    server.http("/v1/events?signal=demo.*&wait=1&last_event_id=\(last)"))
                #expect(empty.body == "[]\n" && empty.fields["last-event-id"] == last)
                let gap = try curl(server.http("/v1/events?signal=demo.*&wait=5&last_event_id=x-1"))
                #expect(gap.body.hasPrefix("[{") && gap.body.contains("signalbox.gap"))
            }
        }

        @Test func `gzip is flushed with each event`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(
                    server.http("/v1/events?signal=demo.*&compress=gzip"), "--compressed")
                for number in 1...3 {
                    try emit(server, "demo.count", "\(number)")
                    let events = try stream.events(of: "demo.count", count: number)
                    #expect(events.map(\.data) == (1...number).map { "\($0)" })
                }
                try server.stop()
                // curl checks the trailer of the gzip format.
                #expect(try stream.program.wait() == .exited(0))
            }
        }

        @Test func `conditions look into the data, and all must hold`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(
                    server.http("/v1/events?signal=demo.*&where=/mount:/&where=/free:0"))
                try emit(server, "demo.disk", #"{"mount":"/var","free":0}"#)
                try emit(server, "demo.disk", #"{"mount":"/","free":1}"#)
                try emit(server, "demo.disk", #"{"free":0,"mount":"/"}"#)
                let events = try stream.events(of: "demo.disk", count: 1)
                #expect(events.map(\.data) == [#"{"free":0,"mount":"/"}"#])
            }
        }

        @Test func `conditions compare values, not spellings`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(
                    server.http("/v1/events?signal=demo.*&where=/n:1.0&where=/t:%22a%5Cu00e9%22"))
                let matching = [
                    #"{"n":1,"t":"a\u00e9"}"#, #"{"n":10e-1,"t":"aé"}"#,
                    #"{"t":"\u0061é","n":1.00}"#,
                ]
                for other in [
                    #"{"n":1.01,"t":"aé"}"#, #"{"n":1,"t":"ae\u0301"}"#, #"{"n":true,"t":"aé"}"#,
                ] {
                    try emit(server, "demo.x", other)
                }
                for data in matching { try emit(server, "demo.x", data) }
                #expect(try stream.events(of: "demo.x", count: 3).map(\.data) == matching)
            }
        }

        @Test func `a new stream begins with the latest values`() throws {
            try Server.run(Self.quiet) { server in
                for number in 1...3 { try emit(server, "state.a", "\(number)") }
                try emit(server, "demo.other", "0")
                let stream = try StreamReader(server.http("/v1/events?signal=**"))
                try emit(server, "state.a", "4")
                let events = try stream.events(of: "state.a", count: 2)
                #expect(events.map(\.data) == ["3", "4"])
                // The value is no place to resume at: nothing between it and now was asked for.
                #expect(events[0].id.isEmpty)
                #expect(stream.log.events.count == 2)
                let list = try curl(server.http("/v1/signals"))
                #expect(list.body.contains(#""name":"state.a""#))
                #expect(list.body.contains(#""latest":true,"subscribers":1}"#))
            }
        }

        @Test func `a stream that is cut before its first event can resume`() throws {
            try Server.run(Self.quiet) { server in
                try emit(server, "demo.before", "{}")
                let connection = try RawConnection(port: server.httpPort)
                try connection.send(
                    "GET /v1/events?signal=demo.* HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try connection.read(until: { $0.contains("\nid: ") })
                let id = try #require(
                    connection.text.split(whereSeparator: \.isNewline)
                        .first { $0.hasPrefix("id: ") })
                try emit(server, "demo.between", "{}")
                let stream = try StreamReader(
                    server.http("/v1/events?signal=demo.*"), "--header",
                    "Last-Event-ID: \(id.dropFirst(4))")
                _ = try stream.events(of: "demo.between", count: 1)
                #expect(stream.log.events.map(\.name) == ["demo.between"])
            }
        }

        /// Reads the head of a stream of lines, and leaves.
        private func position(_ server: Server, _ more: String = "") throws -> String? {
            let connection = try RawConnection(port: server.httpPort)
            try connection.send(
                "GET /v1/events?signal=demo.*\(more) HTTP/1.1\r\nHost: localhost\r\n"
                    + "Accept: application/x-ndjson\r\n\r\n")
            try connection.read(until: { $0.contains("\r\n\r\n") })
            return connection.text.split(separator: "\r\n")
                .first { $0.hasPrefix("Last-Event-ID: ") }.map { String($0.dropFirst(15)) }
        }

        @Test func `a stream of lines that is cut before its first event can resume`() throws {
            try Server.run(Self.quiet) { server in
                // On each loop, whether it has heard of any event or not.
                for round in 0..<8 {
                    let id = try #require(try position(server))
                    let emitted = try (0..<3).map { try emit(server, "demo.\(round)", "\($0)") }
                    let resumed = try curl(
                        server.http("/v1/events?signal=demo.*&wait=0&last_event_id=\(id)"))
                    let events = try #require(
                        try JSONSerialization.jsonObject(with: Data(resumed.body.utf8))
                            as? [[String: Any]])
                    // What is told twice is better than what is not, but it is not the whole past.
                    #expect(events.suffix(3).map { $0["id"] as? String } == emitted)
                    #expect(events.allSatisfy { $0["type"] as? String != "signalbox.gap" })
                    #expect(events.count <= 6)
                }
            }
        }

        @Test(arguments: ["text/event-stream", "application/x-ndjson"])
        func `who has read the head of a stream gets what is emitted then`(type: String) throws {
            try Server.run(Self.quiet) { server in
                for round in 0..<30 {
                    let connection = try RawConnection(port: server.httpPort)
                    try connection.send(
                        "GET /v1/events?signal=demo.* HTTP/1.1\r\nHost: localhost\r\n"
                            + "Accept: \(type)\r\n\r\n")
                    let emitter = try RawConnection(port: server.httpPort)
                    try connection.read(until: { $0.contains("\r\n\r\n") })
                    try emitter.send(
                        "POST /v1/signals/demo.\(round) HTTP/1.1\r\nHost: localhost\r\n"
                            + "Content-Length: 1\r\n\r\n1")
                    try connection.read(until: { $0.contains("demo.\(round)") })
                }
            }
        }

        @Test func `a stream of lines that resumes tells the id that it was given`() throws {
            try Server.run(Self.quiet) { server in
                let id = try emit(server, "demo.x", "1")
                #expect(try position(server, "&last_event_id=\(id)") == id)
                #expect(try position(server, "&last_event_id=old-1") == "old-1")
                // What is no id is not repeated: it may hold anything.
                #expect(try position(server, "&last_event_id=x%0d%0aSet-Cookie:%20a") == nil)
                #expect(try position(server, "&last_event_id=") == id)
                let head = try curl(
                    "--head", "--header", "Accept: application/x-ndjson",
                    server.http("/v1/events?signal=demo.*"))
                #expect(head.fields["last-event-id"] == id)
                let events = try curl("--head", server.http("/v1/events?signal=demo.*"))
                #expect(events.fields["last-event-id"] == nil)
            }
        }

        @Test func `latest values that one long poll has no room for come with the next`() throws {
            let large = Configuration(
                modules: [], hasTick: false, more: "signals: { 'state.*': { latest: true } },")
            try Server.run(large) { server in
                let data = "\"" + String(repeating: "x", count: 30_000) + "\""
                for number in 0..<7 { try emit(server, "state.n\(number)", data) }
                var seen: [String] = []
                var last = ""
                repeat {
                    let poll = try curl(
                        server.http("/v1/events?signal=state.*&wait=0&last_event_id=\(last)"))
                    let events = try #require(
                        try JSONSerialization.jsonObject(with: Data(poll.body.utf8))
                            as? [[String: Any]])
                    last = try #require(poll.fields["last-event-id"])
                    guard !events.isEmpty else { break }
                    #expect(poll.body.utf8.count < 128 << 10)
                    seen += events.compactMap { $0["type"] as? String }
                } while seen.count < 50
                #expect(seen == (0..<7).map { "state.n\($0)" })
            }
        }

        @Test func `who does not want to wait is answered at once`() throws {
            try Server.run(Self.quiet) { server in
                let url = server.http("/v1/events?signal=demo.*&wait=0")
                let begun = ContinuousClock.now
                // Fifty times the rest of a tick of 100 ms would be five seconds.
                let program = try Program(
                    ["curl", "--silent"] + Array(repeating: url, count: 50))
                #expect(try program.wait() == .exited(0))
                #expect(program.output == String(repeating: "[]\n", count: 50))
                #expect(ContinuousClock.now - begun < .seconds(3))
            }
        }

        @Test func `an Idempotency-Key emits once`() throws {
            try Server.run(Self.quiet) { server in
                func emit(_ data: String) throws -> CurlAnswer {
                    try curl(
                        "--header", "Idempotency-Key: one", "--data", data,
                        server.http("/v1/signals/demo.once"))
                }
                let first = try emit("1")
                let second = try emit("1")
                #expect(first.status == 200 && first.body == second.body)
                #expect(first.fields["idempotent-replayed"] == nil)
                #expect(second.fields["idempotent-replayed"] == "true")
                #expect(try emit("2").status == 422)
                let list = try curl(server.http("/v1/signals"))
                #expect(list.body.contains(#""emitted":1"#))
            }
        }

        @Test(arguments: [
            ("signal=a&format=xml", 400), ("signal=a&wait=301", 400), ("signal=a&wait=x", 400),
            ("signal=a&heartbeat=0", 400), ("signal=a&where=x", 400), ("signal=a..b", 400),
            ("signal=a&where=/t:%22x", 400), ("signal=a&where=/t:%22%5Cx%22", 400),
            ("signal=a&compress=br", 400), ("", 400),
            (String(repeating: "signal=a&", count: 257), 400),
            ((0..<9).map { "where=/a:\($0)&" }.joined() + "signal=a", 400),
        ])
        func `what a stream cannot be is refused with a reason`(query: String, status: Int) throws {
            try Server.run(Self.quiet) { server in
                _ = try curl(server.http("/v1/events?\(query)")).expectProblem(status)
            }
        }

        @Test(arguments: ["format", "last_event_id", "wait", "heartbeat", "compress"])
        func `a parameter that may stand once is refused twice, by name`(name: String) throws {
            let values = ["format": "cloudevents", "compress": "gzip", "last_event_id": "x-1"]
            try Server.run(Self.quiet) { server in
                let member = "\(name)=\(values[name] ?? "1")"
                for last in [name, name == "last_event_id" ? "lastEventId" : name] {
                    let second = member.replacing(name, with: last)
                    let problem = try curl(
                        server.http("/v1/events?signal=a&\(member)&signal=b&\(second)")
                    ).expectProblem(400)
                    #expect(problem.code == "bad_query")
                    #expect(problem.detail == "There is more than one \"\(last)\".")
                }
                let many = "signal=a&signal=b&where=/a:1&where=/b:2&wait=0"
                #expect(try curl(server.http("/v1/events?\(many)")).status == 200)
            }
        }

        @Test func `an unknown parameter is named, with those that there are`() throws {
            try Server.run(Self.quiet) { server in
                let problem = try curl(server.http("/v1/events?signal=a&colour=red&wait=0"))
                    .expectProblem(400)
                #expect(problem.code == "bad_query")
                #expect(
                    problem.detail
                        == "There is no parameter \"colour\": there are signal, where, "
                        + "last_event_id, format, wait, heartbeat and compress.")
                let many = "signal=a" + String(repeating: "&where=/a:1", count: 300)
                _ = try curl(server.http("/v1/events?\(many)")).expectProblem(400)
            }
        }

        @Test func `HEAD of a long poll says of the answer what GET does, and no length`() throws {
            try Server.run(Self.quiet) { server in
                let url = server.http("/v1/events?signal=a&wait=0")
                let get = try curl(url)
                let head = try curl("--head", url)
                #expect(get.status == 200 && head.status == 200)
                #expect(head.fields["content-type"] == get.fields["content-type"])
                #expect(head.fields["content-length"] == nil)
                #expect(head.fields["transfer-encoding"] == nil)
            }
        }

        @Test func `two keys in one request are refused`() throws {
            try Server.run(Self.quiet) { server in
                let problem = try curl(
                    "--header", "Idempotency-Key: a", "--header", "Idempotency-Key: b",
                    "--data", "1", server.http("/v1/signals/a")
                ).expectProblem(400)
                #expect(problem.code == "bad_idempotency_key")
            }
        }

        @Test func `what nobody accepts is not sent, and what is too long not emitted`() throws {
            try Server.run(Self.quiet) { server in
                let events = server.http("/v1/events?signal=a")
                _ = try curl("--header", "Accept: text/html", events).expectProblem(406)
                _ = try curl("--header", "Accept: text/event-stream", events + "&wait=1")
                    .expectProblem(406)
                let long = "\"" + String(repeating: "x", count: 1023) + "\""
                _ = try curl("--data", long, server.http("/v1/signals/a")).expectProblem(413)
                _ = try curl(
                    "--header", "Idempotency-Key: " + String(repeating: "k", count: 256), "--data",
                    "1", server.http("/v1/signals/a")
                ).expectProblem(400)
                let metrics = try curl(server.http("/metrics")).body
                #expect(metrics.contains("signalbox_events_emitted_total 0\n"))
            }
        }

        @Test func `signals that are too long do not fill the log`() throws {
            let more = "loops: 1, signals: { event_size: '1KiB' },"
            try Server.run(Configuration(modules: [], hasTick: false, more: more)) { server in
                let long = "\"" + String(repeating: "x", count: 1023) + "\""
                for _ in 0..<20 {
                    _ = try curl("--data", long, server.http("/v1/signals/a")).expectProblem(413)
                }
                try server.waitForLog(
                    "signal a not emitted: its data is over 1 KiB (signals.event_size)")
                #expect(server.logCount("signal a not emitted") == 1)
            }
        }

        @Test func `a stream may ask for its own heartbeat`() throws {
            try Server.run(Self.quiet) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=a&heartbeat=1"))
                try waitUntil("a heartbeat", within: .seconds(5)) {
                    stream.log.comments.contains("1")
                }
            }
        }
    }
}
