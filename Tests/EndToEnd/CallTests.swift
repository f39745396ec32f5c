// Calls over HTTP: what a client sends, what it gets, and how the connection goes on.

import Foundation
import Testing

/// The answer of the host module's command `disk`.
private struct Disk: Decodable {
    var mount: String
    var total: UInt64
    var used: UInt64
    var free: UInt64
}

extension EndToEnd {
    @Suite struct CallTests {
        @Test func `GET and POST answer with this machine's figures`() throws {
            var figures = statvfs()
            #expect(statvfs("/", &figures) == 0)
            let total = UInt64(figures.f_blocks) * UInt64(figures.f_frsize)
            try Server.run { server in
                let url = server.http("/v1/modules/host/disk")
                for arguments in [[url], ["--data", #"{"mount":"/"}"#, url], [url + "?mount=/"]] {
                    let answer = try curl(arguments)
                    #expect(answer.status == 200)
                    #expect(answer.fields["content-type"] == "application/json")
                    let disk = try answer.decode(Disk.self)
                    #expect(disk.mount == "/")
                    #expect(disk.total == total)
                    #expect(disk.used <= disk.total)
                }
            }
        }

        @Test func `an empty body is an empty object`() throws {
            try Server.run { server in
                let answer = try curl("--request", "POST", server.http("/v1/modules/host/disk"))
                #expect(try answer.decode(Disk.self).mount == "/")
            }
        }

        @Test func `the list names every module and its commands`() throws {
            try Server.run { server in
                _ = try curl(server.http("/v1/modules/host/load"))
                let list = try curl(server.http("/v1/modules"))
                #expect(list.status == 200)
                #expect(list.body.contains(#""host""#) && list.body.contains(#""slow""#))
                let host = try curl(server.http("/v1/modules/host"))
                #expect(host.body.contains(#""processes""#))
                #expect(host.body.contains(#""ready""#))
            }
        }

        @Test func `HEAD has the head of GET and no body`() throws {
            try Server.run { server in
                let url = server.http("/v1/modules")
                let get = try curl(url)
                let head = try curl("--head", url)
                #expect(head.status == 200)
                #expect(head.fields["content-length"] == get.fields["content-length"])
                #expect(head.body.isEmpty)
            }
        }

        @Test(arguments: [
            (["/v1/nothing"], 404),
            (["/v1/modules/nobody"], 404),
            (["/v1/modules/nobody/disk", "--data", "{}"], 404),
            (["/v1/modules/host/nothing", "--data", "{}"], 404),
            (["/v1/modules/host/disk", "--data", #"{"mount":"/no/such"}"#], 404),
            (["/v1/modules/host/disk", "--data", #"{"mount":"#], 400),
            (["/v1/modules/host/disk", "--data", "\u{1}"], 400),
            (["/v1/modules/host/disk", "--data", #"{"mount":7}"#], 422),
            (["/v1/modules/host/disk", "--data", #"{"other":"/"}"#], 422),
            (["/v1/modules/host/disk", "--request", "DELETE"], 405),
            (["/v1/modules", "--data", "{}"], 405),
            (["/v1/signals/demo.hello", "--data", "{"], 400),
        ])
        func `a refused request gets a problem document`(
            arguments: [String], status: Int
        ) throws {
            try Server.run { server in
                let answer = try curl([server.http(arguments[0])] + arguments.dropFirst())
                _ = try answer.expectProblem(status)
                #expect((answer.fields["allow"] != nil) == (status == 405))
            }
        }

        @Test func `the instance of a problem is a path as a URL has it`() throws {
            try Server.run { server in
                let answer = try curl("--globoff", server.http("/v1/modules/a%20b%22%C3%A4%2541;c"))
                _ = try answer.expectProblem(404)
                #expect(
                    answer.body.contains(#""instance":"/v1/modules/a%20b%22%C3%A4%2541;c""#),
                    "\(answer.body)")
            }
        }

        @Test(arguments: ["Expect: 100-continue", "Expect:", "Transfer-Encoding: chunked"])
        func `a body over the limit is refused with 413`(field: String) throws {
            let folder = try TemporaryFolder()
            let text = String(repeating: "x", count: 3 << 20)
            let body = try folder.write("\"\(text)\"", to: "body")
            try Server.run { server in
                let answer = try curl(
                    "--header", field, "--data-binary", "@" + body,
                    server.http("/v1/modules/slow/echo"))
                _ = try answer.expectProblem(413)
            }
        }

        @Test func `a chunked body arrives whole`() throws {
            try Server.run { server in
                let connection = try RawConnection(port: server.httpPort)
                try connection.send(
                    "POST /v1/modules/slow/echo HTTP/1.1\r\nHost: localhost\r\n"
                        + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
                for piece in [#"{"a":"#, "[1,", "2]", "}"] {
                    try connection.send("\(String(piece.utf8.count, radix: 16))\r\n\(piece)\r\n")
                }
                try connection.send("0\r\nTrailer-Field: yes\r\n\r\n")
                try connection.readToEnd()
                #expect(connection.text.hasPrefix("HTTP/1.1 200 "))
                #expect(connection.text.hasSuffix(#"{"a":[1,2]}"#))
            }
        }

        @Test func `curl's chunked upload arrives whole`() throws {
            let text = String(repeating: "0123456789", count: 20_000)
            let folder = try TemporaryFolder()
            let body = try folder.write("{\"text\":\"\(text)\"}", to: "body")
            try Server.run { server in
                let answer = try curl(
                    "--header", "Transfer-Encoding: chunked", "--data-binary", "@" + body,
                    server.https("/v1/modules/slow/echo"), "--cacert", Checkout.authority)
                #expect(answer.status == 200)
                #expect(answer.body == "{\"text\":\"\(text)\"}")
            }
        }

        @Test func `pipelined requests are answered in order`() throws {
            try Server.run { server in
                let connection = try RawConnection(port: server.httpPort)
                let bodies = (1...8).map { #"{"number":\#($0)}"# }
                let requests = bodies.map {
                    "POST /v1/modules/slow/echo HTTP/1.1\r\nHost: localhost\r\n"
                        + "Content-Length: \($0.utf8.count)\r\n\r\n\($0)"
                }
                let last = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                try connection.send(requests.joined() + last)
                try connection.readToEnd()
                #expect(connection.text.components(separatedBy: "HTTP/1.1 200 ").count == 10)
                let places = bodies.compactMap { connection.text.range(of: $0)?.lowerBound }
                #expect(places.count == bodies.count && places == places.sorted())
            }
        }

        @Test(arguments: ["http", "https"])
        func `a connection serves many requests`(scheme: String) throws {
            try Server.run { server in
                let url =
                    scheme == "http" ? server.http("/v1/modules") : server.https("/v1/modules")
                // curl wants an --output for each URL.
                let three = Array(repeating: ["--output", "/dev/null", url], count: 3)
                let command = try Command.run(
                    ["curl", "--silent", "--cacert", Checkout.authority]
                        + ["--write-out", "%{http_code} %{num_connects}\\n"] + three.flatMap { $0 })
                #expect(command.lines == ["200 1", "200 0", "200 0"])
            }
        }

        @Test func `HTTP 1.0 gets a whole answer and the end of the connection`() throws {
            try Server.run { server in
                let connection = try RawConnection(port: server.httpPort)
                try connection.send("GET /v1/modules HTTP/1.0\r\n\r\n")
                try connection.readToEnd()
                #expect(connection.text.hasPrefix("HTTP/1.1 200 "))
                #expect(!connection.text.lowercased().contains("transfer-encoding"))
            }
        }

        @Test func `every answer says when, and which request`() throws {
            try Server.run { server in
                let answer = try curl("--header", "X-Request-Id: mine-7", server.http("/livez"))
                #expect(answer.status == 200)
                #expect(answer.fields["x-request-id"] == "mine-7")
                #expect(answer.fields["date"]?.hasSuffix(" GMT") == true)
                let other = try curl(server.http("/nothing"))
                #expect(other.fields["x-request-id"]?.isEmpty == false)
            }
        }

        @Test func `calls of several clients overlap in one module`() throws {
            try Server.run { server in
                let stream = try StreamReader(server.http("/v1/events?signal=slow.held"))
                let url = server.http("/v1/modules/slow/hold")
                let held = try (0..<5).map { _ in
                    try Program(["curl", "--silent", "--data", "{}", url])
                }
                _ = try stream.events(of: "slow.held", count: 5)
                let release = try curl("--data", "{}", server.http("/v1/modules/slow/release"))
                #expect(release.body == #"{"released":5}"#)
                for program in held {
                    #expect(try program.wait() == .exited(0))
                    #expect(program.output == #"{"released":true}"#)
                }
            }
        }

        @Test func `a long answer is passed on unchanged`() throws {
            try Server.run { server in
                let answer = try curl(
                    "--data", #"{"size":3000000}"#, server.http("/v1/modules/slow/big"))
                #expect(answer.status == 200)
                #expect(answer.body.utf8.count == 3_000_002)
            }
        }
    }
}
