// Modules that are HTTP servers: a Python one that sends whatever a test asks for, and nginx.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct UpstreamTests {
        @Test func `calls reach the server with what the gateway says and nothing forged`() throws {
            try Upstream().serve("headers: { 'X-Api-Key': 'ours' }") { server in
                let forged = [
                    "X-Forwarded-For: 6.6.6.6", "x-FORWARDED-proto: https", "X_Forwarded_For: 6",
                    "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6", "X-Forwarded-User: root",
                    "X-Remote-User: root", "REMOTE-USER: root", "X-Original-URL: /admin",
                    "x-signalbox-user: root", "Proxy: http://evil", "Ssl-Client-Cert: x",
                    "Authorization: Bearer secret", "Cookie: a=b", "x-api-KEY: theirs",
                    "Connection: close, X-Hop", "X-Hop: 1", "Keep-Alive: 9", "TE: trailers",
                    "Proxy-Authorization: Basic x", "traceparent: forged", "tracestate: forged",
                    "X-HTTP-Method-Override: DELETE", "X-Accel-Redirect: /x",
                    "X-Kept: end to end", "X-Request-Id: given-7", "Via: 1.0 before",
                ].flatMap { ["--header", $0] }
                let answer = try curl(forged + ["--data", #"{"n":1}"#, server.up("look?a=%20b")])
                #expect(answer.status == 200 && answer.fields["x-request-id"] == "given-7")
                let told = try answer.decode(UpstreamTold.self)
                #expect(told.method == "POST" && told.target == "/base/look?a=%20b")
                #expect(told.size == 7)
                #expect(told["Host"].count == 1 && told["Host"][0].hasPrefix("127.0.0.1:"))
                #expect(told["X-Forwarded-For"] == ["127.0.0.1"])
                #expect(told["X-Forwarded-Proto"] == ["http"])
                #expect(told["X-Forwarded-Host"] == ["localhost:\(server.httpPort)"])
                #expect(
                    told["Forwarded"]
                        == ["for=127.0.0.1;proto=http;host=\"localhost:\(server.httpPort)\""])
                #expect(told["X-Request-Id"] == ["given-7"])
                #expect(told["X-Api-Key"] == ["ours"])
                #expect(told["X-Kept"] == ["end to end"])
                #expect(told["Via"].count == 2 && told["Via"][0] == "1.0 before")
                let trace = try #require(told["traceparent"].first)
                #expect(told["traceparent"].count == 1 && trace.utf8.count == 55)
                let allowed: Set = [
                    "host", "user-agent", "accept", "content-type", "content-length", "x-kept",
                    "via", "forwarded", "x-forwarded-for", "x-forwarded-proto",
                    "x-forwarded-host", "x-request-id", "traceparent", "x-api-key",
                ]
                #expect(Set(told.fields.map { $0[0].lowercased() }).subtracting(allowed).isEmpty)
            }
        }

        @Test func `a trace context is passed on, and credentials where they are wanted`() throws {
            let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            try Upstream().serve("pass_credentials: true") { server in
                let answer = try curl(
                    "--header", "traceparent: \(trace)", "--header", "tracestate: a=b", "--header",
                    "Authorization: Bearer secret", "--header", "Cookie: a=b", "--data", "1",
                    server.up("look"))
                let told = try answer.decode(UpstreamTold.self)
                #expect(told["traceparent"] == [trace] && told["tracestate"] == ["a=b"])
                #expect(told["Authorization"] == ["Bearer secret"] && told["Cookie"] == ["a=b"])
            }
        }

        @Test func `of an answer pass only the fields that may`() throws {
            try Upstream().serve("response_headers: ['X-Own']") { server in
                let answer = try curl("--data", "1", server.up("fields"))
                #expect(answer.status == 200 && answer.body == "1")
                let passed = [
                    "etag": "\"1\"", "cache-control": "no-store", "content-language": "de",
                    "x-own": "yes", "content-type": "application/json", "content-length": "1",
                    "x-content-type-options": "nosniff",
                ]
                for (name, value) in passed { #expect(answer.fields[name] == value, "\(name)") }
                let ours: Set = ["date", "x-request-id"]
                #expect(Set(answer.fields.keys) == ours.union(passed.keys))
                #expect(answer.fields["x-request-id"] != "forged")
            }
        }

        @Test func `answers of all kinds pass as they are`() throws {
            let answers: [(String, Int, String?, String)] = [
                ("teapot", 418, "application/json", #"{"detail":"short and stout"}"#),
                ("down", 503, "text/html", "<h1>down</h1>"),
                ("old", 200, "text/plain", "until the end"),
                ("interim", 200, "application/json", #""after""#),
                ("extra", 200, "application/json", #""asked""#),
                ("drip", 200, nil, "hi"), ("no-content", 204, nil, ""),
                ("not-modified", 304, nil, ""),
            ]
            try Upstream().serve { server in
                for (command, status, type, body) in answers + answers {
                    let answer = try curl("--data", "1", server.up(command))
                    #expect(answer.status == status && answer.body == body, "\(command)")
                    #expect(answer.fields["content-type"] == type)
                }
                let after = try curl("--data", "1", server.up("look")).decode(UpstreamTold.self)
                #expect(after.size == 1)
            }
        }

        @Test func `bodies of any kind and length pass both ways`() throws {
            try Upstream().serve("body_size: '64MiB'") { server in
                let folder = try TemporaryFolder()
                for size in [0, 1, 1_000, 65_536, 70_000, 3_000_000] {
                    let bytes = Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) })
                    let file = URL(fileURLWithPath: folder.file("body"))
                    try bytes.write(to: file)
                    for chunked in [false, true] {
                        let coding = chunked ? ["--header", "Transfer-Encoding: chunked"] : []
                        let result = try Command.run(
                            ["curl", "--silent", "--show-error", "--fail"] + coding + [
                                "--header", "Content-Type: image/x-test", "--data-binary",
                                "@" + file.path, "--output", folder.file("back"),
                                "--write-out", "%{content_type}", server.up("mirror"),
                            ])
                        #expect(result.status == 0 && result.output == "image/x-test")
                        let back = try Data(contentsOf: URL(fileURLWithPath: folder.file("back")))
                        #expect(back == bytes, "\(size) \(chunked)")
                    }
                }
                let told = try curl("--data", "1", server.up("look")).decode(UpstreamTold.self)
                #expect(told.connections == 1, "connections are used again")
            }
        }

        @Test func `a body over the limit is refused, and the upstream's connection given up`()
            throws
        {
            try Upstream().serve("body_size: 1000") { server in
                let long = String(repeating: "x", count: 5_000)
                _ = try curl("--data", long, server.up("mirror")).expectProblem(413)
                _ = try curl(
                    "--header", "Transfer-Encoding: chunked", "--data", long, server.up("mirror")
                ).expectProblem(413)
                #expect(try curl("--data", "1", server.up("mirror")).body == "1")
                let early = try curl(
                    "--data", String(repeating: "x", count: 900), server.up("early"))
                #expect(early.status == 413 && early.body == #""no""#)
            }
        }

        @Test func `events pass as they come, and a slow reader slows the server`() throws {
            try Upstream().serve { server in
                let link = try RawConnection(port: server.httpPort)
                try link.send(
                    "POST /v1/modules/up/ticks HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                try link.read(until: { $0.contains("data: 0") }, within: .seconds(2))
                #expect(!link.text.contains("data: 2"))
                try link.read(until: { $0.hasSuffix("0\r\n\r\n") })

                let slow = try RawConnection(port: server.httpPort)
                try slow.send(
                    "POST /v1/modules/up/big HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
                        + "Connection: close\r\n\r\n")
                let before = try #require(ProcessTable.memory(of: server.program.pid))
                var most = 0
                let count = try slow.discardToEnd {
                    // 16 MiB wait; the gateway may hold a fraction of that.
                    most = max(most, ProcessTable.memory(of: server.program.pid) ?? 0)
                }
                #expect(count > 16 << 20 && most - before < 4 << 20, "\(count) \(most - before)")
            }
        }

        @Test func `a Unix socket serves, with another host if wanted`() throws {
            let folder = try TemporaryFolder()
            let path = folder.file("s")
            let upstream = try Upstream(socket: path)
            try Server.run("http: 'unix:\(path)', host: 'inside.example'") { server in
                let told = try curl("--data", "1", server.up("look")).decode(UpstreamTold.self)
                #expect(told.target == "/look" && told["Host"] == ["inside.example"])
            }
            withExtendedLifetime(upstream) {}
        }

        @Test func `GET needs a safe command, and a schema is checked before the server is asked`()
            throws
        {
            let keys = """
                commands: { look: { safe: true }, mirror: { params: {
                    type: 'object', required: ['n'], properties: { n: { type: 'integer' } } } } }
                """
            try Upstream().serve(keys) { server in
                let told = try curl(server.up("look?x=1")).decode(UpstreamTold.self)
                #expect(told.method == "GET" && told.target == "/base/look?x=1" && told.size == 0)
                #expect(told["Content-Length"].isEmpty && told["Transfer-Encoding"].isEmpty)
                let head = try curl("--head", server.up("look"))
                #expect(head.status == 200 && Int(head.fields["content-length"] ?? "") != nil)
                _ = try curl(server.up("mirror")).expectProblem(405)
                _ = try curl("--data", "{}", server.up("mirror")).expectProblem(422)
                _ = try curl("--data", "{", server.up("mirror")).expectProblem(400)
                _ = try curl("--data", "1", server.up("other")).expectProblem(404)
                let good = try curl("--data", #"{ "n": 1 }"#, server.up("mirror"))
                #expect(
                    good.body == #"{ "n": 1 }"# && good.fields["content-type"] == "application/json"
                )
            }
        }

        @Test func `JSON-RPC calls become a POST whose answer must be JSON`() throws {
            try Upstream().serve { server in
                func rpc(_ command: String) throws -> String {
                    try curl(
                        "--data",
                        #"{"jsonrpc":"2.0","id":1,"method":"up.\#(command)","params":[1,2]}"#,
                        server.http("/v1/rpc")
                    ).body
                }
                let parts = [
                    ("mirror", #"{"jsonrpc":"2.0","id":1,"result":[1,2]}"#),
                    ("no-content", #""result":null"#), ("teapot", "short and stout"),
                    ("text", "is not JSON"), ("silence", "within 2s"),
                    ("nothing", "gave no answer"),
                ]
                for (command, part) in parts {
                    let answer = try rpc(command)
                    #expect(answer.contains(part), "\(command): \(answer)")
                }
            }
        }

        @Test func `a call that comes back to the gateway ends with 508`() throws {
            let server = try Server { httpPort, _ in
                """
                { listeners: [{ url: 'http://localhost:\(httpPort)' }],
                  modules: { up: { http: 'http://127.0.0.1:\(httpPort)/v1/modules/up' } } }
                """
            }
            #expect(try curl("--data", "1", server.up("look")).expectProblem(508).module == "up")
            try server.stop()
        }

        @Test func `nginx serves, over TLS that is verified unless told otherwise`() throws {
            let folder = try TemporaryFolder()
            let ports = try FreePort.take(2)
            _ = try folder.write(
                String(repeating: "0123456789abcdef", count: 65_536), to: "large")
            let path = try folder.write(
                """
                daemon off; pid \(folder.file("pid")); error_log stderr;
                events {}
                http {
                    access_log off; client_body_temp_path \(folder.path)/b;
                    proxy_temp_path \(folder.path)/p; fastcgi_temp_path \(folder.path)/f;
                    uwsgi_temp_path \(folder.path)/u; scgi_temp_path \(folder.path)/s;
                    server {
                        listen 127.0.0.1:\(ports[0]);
                        listen 127.0.0.1:\(ports[1]) ssl;
                        ssl_certificate \(Checkout.root)/certs/localhost.crt;
                        ssl_certificate_key \(Checkout.root)/certs/localhost.key;
                        location = /hello { default_type application/json; return 200 '{"a":1}'; }
                        location = /large { root \(folder.path); }
                    }
                }
                """, to: "nginx.conf")
            let searchPath = ProcessInfo.processInfo.environment["PATH"] ?? ""
            let nginx = try Program(
                ["nginx", "-c", path], environment: ["PATH": searchPath + ":/usr/sbin:/sbin"])
            try waitUntil("nginx: \(nginx.errors)") {
                try curl("http://127.0.0.1:\(ports[0])/hello").status == 200
            }
            let commands = "commands: { hello: { safe: true }, large: { safe: true } }"
            try Server.run("http: 'http://127.0.0.1:\(ports[0])', \(commands)") { server in
                for _ in 1...3 {
                    let hello = try curl(server.up("hello"))
                    #expect(hello.body == #"{"a":1}"#)
                }
                let large = try curl(server.up("large"))
                #expect(large.body.utf8.count == 1_048_576 && large.fields["etag"] != nil)
                let part = try curl("--range", "16-31", server.up("large"))
                #expect(part.status == 206 && part.body == "0123456789abcdef")
                let again = try curl(
                    "--header", "If-None-Match: \(large.fields["etag"] ?? "")", server.up("large"))
                #expect(again.status == 304 && again.body.isEmpty)
            }
            let tls = "http: 'https://localhost:\(ports[1])', \(commands)"
            try Server.run(tls + ", ca: '\(Checkout.authority)'") { server in
                for _ in 1...3 {
                    let hello = try curl(server.up("hello"))
                    #expect(hello.body == #"{"a":1}"#)
                }
            }
            try Server.run(tls) { server in
                let problem = try curl(server.up("hello")).expectProblem(502)
                #expect(problem.code == "upstream_unreachable")
                #expect(problem.detail?.contains("certificate") == true, "\(problem)")
            }
            try Server.run(tls + ", ca: '\(Checkout.authority)', host: 'other.example'") { server in
                _ = try curl(server.up("hello")).expectProblem(502)
            }
            try Server.run(tls + ", verify: false") { server in
                let hello = try curl(server.up("hello"))
                #expect(hello.body == #"{"a":1}"#)
                #expect(server.program.errors.contains("is not verified"))
            }
            nginx.send(SIGTERM)
            try nginx.wait()
        }
    }
}
