// Every kind of source of a running gateway with real sockets and files: what comes through, what is
// left out at which limit, and what the resource, the metrics and the log say of it.

import Foundation
import Testing

/// A source as `/v1/sources/{name}` shows it.
private struct SourceShown: Decodable {
    var state: String
    var reason: String?
    var received: Int
    var emitted: Int
    var dropped: [String: Int]
    var connections: Int?
    var refused_connections: Int?
}

extension Server {
    /// What the source of that name is doing.
    fileprivate func source(_ name: String) throws -> SourceShown {
        try curl(http("/v1/sources/\(name)")).decode(SourceShown.self)
    }

    /// Waits until the source of that name has done what `condition` says.
    @discardableResult
    fileprivate func source(
        _ name: String, until condition: (SourceShown) -> Bool
    ) throws -> SourceShown {
        var last: SourceShown?
        return try waitFor("source \(name), not \(last as Any)\n\(program.errors)") {
            let found = try source(name)
            last = found
            return condition(found) ? found : nil
        }
    }
}

extension EndToEnd {
    @Suite struct SourceLimitTests {
        /// Where lines go in, each of which is one call of `send`.
        enum Door: String, CaseIterable {
            case udp, tcp, unix
        }

        /// Opens a way into the source `in` of `server` and calls `body` with what sends a line there.
        private func run(
            _ door: Door, _ keys: String,
            _ body: (Server, _ send: ([UInt8]) throws -> Void) throws -> Void
        ) throws {
            let port = try FreePort.take(1)[0]
            let folder = try TemporaryFolder()
            let address = door == .unix ? folder.file("in.sock") : "127.0.0.1:\(port)"
            let more =
                "sources: { in: { \(door.rawValue): '\(address)', signal: 'in.line', \(keys) } },"
            try Server.run(Configuration(modules: [], hasTick: false, more: more)) { server in
                switch door {
                case .udp:
                    let socket = DatagramSocket(port: port)
                    try body(server) { try socket.send($0) }
                case .tcp, .unix:
                    let connection =
                        try door == .tcp
                        ? RawConnection(port: port) : RawConnection(path: address)
                    try body(server) { try connection.send($0 + [0x0A]) }
                }
            }
        }

        private func send(_ lines: [String], _ send: ([UInt8]) throws -> Void) throws {
            for line in lines { try send(Array(line.utf8)) }
        }

        @Test(arguments: Door.allCases)
        func `lines come through as they are, but for those that are too long`(door: Door) throws {
            try run(door, "line_size: 10") { server, send in
                let stream = try StreamReader(server.http("/v1/events?signal=in.*"))
                try self.send(["one", "", "0123456789", "01234567890", "ü\"\t"], send)
                try send([0x61, 0xFF, 0x00, 0x62])
                try send([UInt8](repeating: 0x78, count: 50_000))
                try self.send(["0123456789\r", "last"], send)
                let events = try stream.events(of: "in.line", count: 6)
                let lines = try events.map { try jsonObject($0.data)?["line"] as? String }
                #expect(
                    lines == [
                        "one", "0123456789", "ü\"\t", "a\u{FFFD}\u{0}b", "0123456789", "last",
                    ])
                let from = try jsonObject(events[0].data)?["from"] as? String
                #expect(door == .unix ? from == "unix" : from?.hasPrefix("127.0.0.1:") == true)
                let source = try server.source("in")
                #expect(source.received == 8 && source.emitted == 6)
                #expect(source.dropped.filter { $0.value > 0 } == ["too_long": 2])
                let reason = "longer than 10 bytes (sources.in.line_size)"
                try server.waitForLog("source in left out 1 line: \(reason)")
            }
        }

        @Test(arguments: Door.allCases)
        func `JSON comes through, and what is none is told`(door: Door) throws {
            try run(door, "framing: 'json'") { server, send in
                let stream = try StreamReader(server.http("/v1/events?signal=in.*&where=/n:1"))
                let deep = String(repeating: "[", count: 65) + String(repeating: "]", count: 65)
                try self.send(
                    [
                        #"{ "n": 1.0 }"#, "nonsense", #"{"n":1"#, deep,
                        #"{"n":10e-1,"t":"\u00fc\u0000"}"#,
                        #"{"n":2}"#, "{\"n\":1}\r", #"{"n":1} {"n":1}"#,
                    ], send)
                try send(Array("{\"n\":\"\u{e9}\"}".utf8).map { $0 == 0xC3 ? 0xFF : $0 })
                let events = try stream.events(of: "in.line", count: 3)
                #expect(
                    events.map(\.data)
                        == [#"{"n":1.0}"#, #"{"n":10e-1,"t":"\u00fc\u0000"}"#, #"{"n":1}"#])
                let source = try server.source("in") { $0.received == 9 }
                #expect(source.emitted == 4)
                #expect(source.dropped.filter { $0.value > 0 } == ["malformed": 5])
                try server.waitForLog("source in left out 1 line: not JSON (sources.in.framing)")
                let metrics = try curl(server.http("/metrics")).body
                let row = #"signalbox_source_dropped_total{source="in",reason="malformed"} 5"#
                #expect(metrics.contains(row))
            }
        }

        @Test(arguments: Door.allCases)
        func `more than the rate is left out, told once and not a thousand times`(door: Door) throws
        {
            try run(door, "rate: 5") { server, send in
                for number in 1...100 { try self.send(["\(number)"], send) }
                // What the kernel has no room for is nobody's to count.
                let source = try server.source("in") {
                    $0.received == 100 || door == .udp && $0.received > 50
                }
                #expect((5..<50).contains(source.emitted))
                #expect(source.dropped["rate"] == source.received - source.emitted)
                let reason = "more than 5 a second came (sources.in.rate)"
                try server.waitForLog("source in left out 1 line: \(reason)")
                #expect(server.logCount("source in left out") == 1)
            }
        }

        /// Runs `body` with a source of connections and what connects to it.
        private func run(
            connections door: Door, _ keys: String,
            _ body: (Server, StreamReader, _ connect: () throws -> RawConnection) throws -> Void
        ) throws {
            let port = try FreePort.take(1)[0]
            let folder = try TemporaryFolder()
            let address = door == .unix ? folder.file("in.sock") : "127.0.0.1:\(port)"
            let more =
                "sources: { in: { \(door.rawValue): '\(address)', signal: 'in.line', \(keys) } },"
            try Server.run(Configuration(modules: [], hasTick: false, more: more)) { server in
                try body(server, try StreamReader(server.http("/v1/events?signal=in.*"))) {
                    try door == .tcp ? RawConnection(port: port) : RawConnection(path: address)
                }
            }
            #expect(access(folder.file("in.sock"), F_OK) != 0)
        }

        @Test(arguments: [Door.tcp, .unix])
        func `connections over the limit are closed, and those that are open go on`(
            door: Door
        ) throws {
            try run(connections: door, "connections: 2") { server, stream, connect in
                let first = try connect()
                let second = try connect()
                try first.send("be")
                try second.send("second\n")
                try server.source("in") { $0.connections == 2 }
                for _ in 0..<20 { try connect().readToEnd() }
                try first.send("gun\n")
                let events = try stream.events(of: "in.line", count: 2)
                #expect(events.map(\.data).contains { $0.contains(#""line":"begun""#) })
                #expect(try server.source("in").refused_connections == 20)
                try server.waitForLog(
                    "source in closed 1 connection: 2 are open already (sources.in.connections)")
                #expect(server.logCount("source in closed") == 1)
                // What has begun when a connection ends is a line as well, and its place is free.
                try first.send("unfinished")
                first.finishSending()
                let last = try stream.events(of: "in.line", count: 3)[2]
                #expect(last.data.contains(#""line":"unfinished""#))
                try server.source("in") { $0.connections == 1 }
                try connect().send("third\n")
                _ = try stream.events(of: "in.line", count: 4)
            }
        }

        @Test(arguments: [Door.tcp, .unix])
        func `a quiet connection is closed, and what it had begun is a line`(door: Door) throws {
            try run(connections: door, "idle_timeout: '1s'") { server, stream, connect in
                let quiet = try connect()
                try quiet.send("one\ntw")
                try quiet.readToEnd()
                let lines = try stream.events(of: "in.line", count: 2).map {
                    try jsonObject($0.data)?["line"] as? String
                }
                #expect(lines == ["one", "tw"])
                #expect(try server.source("in").connections == 0)
            }
        }

        // MARK: Files

        @Test func `a file is followed through copytruncate, renaming and removal`() throws {
            let folder = try TemporaryFolder()
            let path = try folder.write("old\n", to: "app.log")
            func append(_ text: String, to name: String = "app.log") throws {
                let file = try #require(fopen(folder.file(name), "a"))
                fputs(text, file)
                fclose(file)
            }
            let more = "sources: { log: { file: '\(path)', signal: 'log.line' } },"
            try Server.run(Configuration(modules: [], hasTick: false, more: more)) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=log.*"))
                var count = 0
                func expect(_ lines: String...) throws {
                    count += lines.count
                    let all = try stream.events(of: "log.line", count: count)
                    let found = all.suffix(lines.count).map(\.data)
                    #expect(found == lines.map { #"{"line":"\#($0)"}"# })
                    #expect(all.count == count)
                }
                try server.source("log") { $0.state == "reading" }
                try append("first\nbegun")
                try expect("first")
                // copytruncate, and more than there was before the next look.
                truncate(path, 0)
                try append("after the cut, in a file that is longer than it was\n")
                try expect("after the cut, in a file that is longer than it was")
                try server.waitForLog("source log: \(path) was cut and is read from its beginning")
                // logrotate's default: the writer changes to the new file later.
                rename(path, path + ".1")
                try append("late\n", to: "app.log.1")
                try append("")
                try expect("late")
                try append("later", to: "app.log.1")
                try append("new\n")
                try expect("later", "new")
                unlink(path)
                let waiting = try server.source("log") { $0.state == "waiting" }
                #expect(waiting.reason?.hasPrefix("there is no file \(path);") == true)
                try append("again\n")
                try expect("again")
                #expect(try server.source("log").reason == nil)
            }
        }

        @Test func `what cannot be followed is told by the resource, the log and the check`() throws
        {
            let folder = try TemporaryFolder()
            mkfifo(folder.file("pipe"), 0o600)
            let more = """
                sources: {
                    folder: { file: '\(folder.path)', signal: 'log.line' },
                    nowhere: { file: '\(folder.path)/not/there', signal: 'log.line' },
                    pipe: { file: '\(folder.path)/pipe', signal: 'log.line' },
                },
                """
            let sentences = [
                "folder": "\(folder.path) is a folder; name a file in it",
                "nowhere": "there is no folder \(folder.path)/not; make it, or name another file",
                "pipe": "\(folder.path)/pipe is a pipe, and only regular files are followed; ",
            ]
            let configuration = Configuration(modules: [], hasTick: false, more: more)
            try Server.run(configuration) { server in
                for (name, sentence) in sentences {
                    let source = try server.source(name) { $0.reason != nil }
                    #expect(source.state == "waiting")
                    #expect(source.reason?.hasPrefix(sentence) == true, "\(source)")
                    try server.waitForLog("source \(name) waits: \(sentence)")
                }
            }
            let file = try folder.write(
                configuration.text(httpPort: 8080, httpsPort: 8443), to: "signalbox.json5")
            let check = try Command.run([Checkout.signalbox, "check-config", file])
            #expect(check.status == 3)
            for (name, sentence) in sentences {
                #expect(check.errors.contains("sources.\(name).file: \(sentence)"), "\(check)")
            }
        }
    }
}
