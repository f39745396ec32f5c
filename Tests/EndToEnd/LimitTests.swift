// The limits of the process, which its loops share, and what those are told who are refused.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct LimitTests {
        private static let request = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"

        /// Runs `body` against a gateway with `loops` that listens on a port and a Unix socket, and
        /// opens a connection on the one or the other.
        private func serve(
            loops: Int, limits: String, isUnix: Bool,
            _ body: (Server, () throws -> RawConnection) throws -> Void
        ) throws {
            let folder = try TemporaryFolder()
            let server = try Server(in: folder) { http, _ in
                """
                { listeners: [{ url: 'http://localhost:\(http)' }, { url: 'unix:s.sock' }],
                  loops: \(loops), \(limits) }
                """
            }
            try body(server) {
                try isUnix
                    ? RawConnection(path: folder.file("s.sock"))
                    : RawConnection(port: server.httpPort)
            }
            try server.stop()
        }

        /// The status of the answer to one more request on `connection`.
        private func ask(_ connection: RawConnection) throws -> String {
            let start = connection.text.count
            // One that is turned away has its answer, and may be gone.
            try? connection.send(Self.request)
            func answer() -> Substring { connection.text.dropFirst(start) }
            try connection.read(until: { _ in answer().hasSuffix("ok\n") || connection.isAtEnd })
            return String(answer().dropFirst(9).prefix(3))
        }

        /// Opens connections until `count` are served, which all of them are at the end.
        private func fill(_ count: Int, _ connect: () throws -> RawConnection) throws
            -> [RawConnection]
        {
            var inside: [RawConnection] = []
            // The one that asked whether the gateway is ready may not have left yet.
            try waitUntil("\(count) connections that are served") {
                let next = try connect()
                if try ask(next) == "200" { inside.append(next) }
                return inside.count == count
            }
            for connection in inside { #expect(try ask(connection) == "200") }
            return inside
        }

        @Test(arguments: [1, 2, 4], [false, true])
        func `as many connections as the limit says are served, whatever the number of loops`(
            _ loops: Int, _ isUnix: Bool
        ) throws {
            let limits = "limits: { connections: 40, connections_per_address: 40 }"
            try serve(loops: loops, limits: limits, isUnix: isUnix) { _, connect in
                var inside = try fill(40, connect)
                for _ in 0..<3 { #expect(try ask(connect()) == "503") }
                inside.removeLast()
                inside += try fill(1, connect)
                #expect(try ask(connect()) == "503")
                for connection in inside { #expect(try ask(connection) == "200") }
            }
        }

        @Test(arguments: [1, 2, 4])
        func `an address has as many as its limit says, whatever the number of loops`(_ loops: Int)
            throws
        {
            let limits = "limits: { connections: 40, connections_per_address: 9 }"
            try serve(loops: loops, limits: limits, isUnix: false) { _, connect in
                var inside = try fill(9, connect)
                for _ in 0..<3 { #expect(try ask(connect()) == "429") }
                inside.removeLast()
                inside += try fill(1, connect)
                #expect(try ask(connect()) == "429")
            }
        }

        @Test func `event streams are counted for all loops together`() throws {
            try serve(loops: 4, limits: "signals: { subscriptions: 6 }", isUnix: true) {
                _, connect in
                func open() throws -> (RawConnection, String) {
                    let stream = try connect()
                    try stream.send(
                        "GET /v1/events?signal=a HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    try stream.read(until: { $0.contains("\r\n\r\n") })
                    return (stream, String(stream.text.dropFirst(9).prefix(3)))
                }
                var inside = try (0..<6).map { _ in try open() }
                #expect(inside.allSatisfy { $0.1 == "200" })
                #expect(try open().1 == "503")
                inside.removeLast()
                try waitUntil("the place of a stream that has gone") { try open().1 == "200" }
            }
        }

        @Test func `connections of a Unix socket go to all loops`() throws {
            try serve(loops: 4, limits: "", isUnix: true) { server, connect in
                var held: [RawConnection] = []
                try waitUntil("connections on each loop") {
                    held += [try connect()]
                    #expect(try ask(held[held.count - 1]) == "200")
                    let metrics = try curl(server.http("/metrics")).body
                    return (0..<4).allSatisfy { loop in
                        !metrics.contains(
                            "signalbox_connections_accepted_total{loop=\"\(loop)\"} 0\n")
                    } && held.count >= 8
                }
            }
        }

        // MARK: What is said

        @Test func `those who are refused are told why by a code and whether to come again`() throws
        {
            let limits = "limits: { connections: 4, connections_per_address: 2 }"
            try serve(loops: 2, limits: limits, isUnix: false) { _, connect in
                let inside = try fill(2, connect)
                let outside = try connect()
                try outside.readToEnd()
                #expect(outside.text.hasPrefix("HTTP/1.1 429 "))
                #expect(outside.text.contains("Retry-After: 1\r\n"))
                #expect(outside.text.contains("\"code\":\"too_many_from_address\""))
                #expect(outside.text.contains("\"retryable\":true"))
                #expect(try ask(inside[0]) == "200")
            }
        }

        @Test(arguments: [
            ("GET / HTTP/1.1\r\n\r\n", "400", "bad_request"),
            ("GET /\(String(repeating: "a", count: 9_000)) HTTP/1.1\r\n", "414", "target_too_long"),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nA: \(String(repeating: "a", count: 17_000))", "431",
                "head_too_large"
            ),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", "417", "expectation_failed"),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505", "version_not_supported"),
            (
                "POST /v1/rpc HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", "413",
                "body_too_large"
            ),
            (
                "POST /v1/rpc HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\n1",
                "415", "unsupported_content_coding"
            ),
            (
                "POST /v1/rpc HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\n1",
                "400", "bad_content_coding"
            ),
        ])
        func `a refused request has a code of its own`(
            _ text: String, _ status: String, _ code: String
        ) throws {
            try serve(loops: 1, limits: "", isUnix: false) { _, connect in
                let connection = try connect()
                try connection.send(text)
                connection.finishSending()
                try connection.readToEnd()
                #expect(connection.text.hasPrefix("HTTP/1.1 \(status) "), "\(connection.text)")
                #expect(connection.text.contains("\"code\":\"\(code)\""), "\(connection.text)")
                #expect(connection.text.contains("urn:signalbox:problem:\(code)\""))
                #expect(connection.text.contains("\"retryable\":false"))
            }
        }
    }
}
