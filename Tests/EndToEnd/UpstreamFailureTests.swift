// Modules that are HTTP servers, when these break the rules, are silent, fail or are not there.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct UpstreamFailureTests {
        @Test func `a server that breaks the rules costs its own caller a 502`() throws {
            let commands = [
                "truncated", "truncated-chunks", "half-head", "nothing", "garbage", "smtp",
                "huge-head", "many-fields", "both-framings", "two-lengths", "bad-length",
                "bad-chunk", "bad-coding", "bare-newline", "folded", "space-colon", "nul",
                "version-two", "status-text", "switch", "interim-flood",
            ]
            try Upstream().serve("breaker: { failures: 1000 }") { server in
                for command in commands {
                    let answer = try curl("--data", "1", server.up(command))
                    if answer.status == 200 {
                        // The head was sound and had left: the client sees that the rest is missing.
                        #expect(answer.command.status == 18, "\(command)")
                    } else {
                        let problem = try answer.expectProblem(502)
                        #expect(problem.code == "upstream_broken", "\(command)")
                        #expect(problem.module == "up" && !problem.isRetryable)
                        #expect(problem.detail?.contains("127.0.0.1") == false)
                    }
                    let after = try curl("--data", "22", server.up("look")).decode(
                        UpstreamTold.self)
                    #expect(after.size == 2, "after \(command)")
                }
                let resource = try curl(server.http("/v1/modules/up")).decode(UpstreamResource.self)
                #expect(resource.upstream.failures == commands.count)
                #expect(resource.upstream.answers == commands.count)
                #expect(resource.upstream.in_flight == 0)
            }
        }

        @Test func `a head and an early end that come together give 502, not an empty reply`()
            throws
        {
            try Upstream().serve("breaker: { failures: 1000 }") { server in
                for command in ["cut-head", "cut-body"] {
                    let url = server.up(command) + "?pid=\(server.program.pid)"
                    let answer = try curl("--data", "1", url)
                    #expect(answer.command.status == 0, "\(command)")
                    #expect(try answer.expectProblem(502).code == "upstream_broken")
                    #expect(answer.fields["content-length"] != "100")
                    #expect(try curl("--data", "22", server.up("look")).status == 200)
                }
            }
        }

        @Test func `a silent server costs 504 at the deadline, and half a body an early end`()
            throws
        {
            try Upstream().serve("body_timeout: '300ms'") { server in
                let start = ContinuousClock.now
                let problem = try curl("--data", "1", server.up("silence")).expectProblem(504)
                #expect(problem.code == "timed_out" && problem.module == "up")
                #expect(ContinuousClock.now - start < .seconds(4))
                let sooner = try curl(
                    "--header", "Prefer: wait=1", "--data", "1", server.up("silence"))
                #expect(try sooner.expectProblem(504).detail?.contains("1s") == true)
                let cut = try curl("--data", "1", server.up("stalled-body"))
                #expect(cut.status == 200 && cut.command.status == 18)
            }
        }

        @Test func `a connection that the server closed is noticed before it is used`() throws {
            try Upstream().serve { server in
                for number in 1...5 {
                    let told = try curl("--data", "1", server.up("stale")).decode(UpstreamTold.self)
                    #expect(told.connections == number)
                }
            }
        }

        @Test func `a server that fails is left alone, tried again, and used when it is back`()
            throws
        {
            let keys = "breaker: { failures: 3, pause: '300ms', max_pause: '300ms' }"
            try Upstream().serve(keys) { server in
                #expect(try curl("--data", "1", server.up("hide")).status == 200)
                for _ in 1...3 { _ = try curl("--data", "1", server.up("look")).expectProblem(502) }
                let resting = try curl("--data", "1", server.up("look"))
                let problem = try resting.expectProblem(503)
                #expect(problem.code == "upstream_resting" && problem.isRetryable)
                #expect(resting.fields["retry-after"] == "1")
                var resource = try curl(server.http("/v1/modules/up")).decode(UpstreamResource.self)
                #expect(resource.state == "failing" && resource.upstream.breaker == "open")
                #expect(resource.reason?.isEmpty == false && resource.upstream.refusals >= 1)
                try waitUntil("the server to be tried again") {
                    try curl("--data", "1", server.up("show")).status == 200
                }
                #expect(try curl("--data", "1", server.up("look")).status == 200)
                resource = try curl(server.http("/v1/modules/up")).decode(UpstreamResource.self)
                #expect(resource.state == "ready" && resource.upstream.breaker == "closed")
            }
        }

        @Test func `the loops share one breaker, which opens once`() throws {
            let keys = "breaker: { failures: 8, pause: '10m', max_pause: '10m' }"
            try Upstream().serve(keys, loops: 4) { server in
                #expect(try curl("--data", "1", server.up("hide")).status == 200)
                for _ in 1...8 { _ = try curl("--data", "1", server.up("look")).expectProblem(502) }
                for _ in 1...8 {
                    let problem = try curl("--data", "1", server.up("look")).expectProblem(503)
                    #expect(problem.code == "upstream_resting")
                    let resource = try curl(server.http("/v1/modules/up")).decode(
                        UpstreamResource.self)
                    #expect(resource.upstream.breaker == "open")
                    try waitUntil("every loop to have heard of it") {
                        try curl(server.http("/v1/modules/up")).decode(UpstreamResource.self).state
                            == "failing"
                    }
                }
                let opened = server.program.errors.components(separatedBy: "keeps failing and")
                #expect(opened.count == 2)
            }
        }

        @Test func `health checks find out without calls`() throws {
            let keys =
                "health: { path: '/health', every: '50ms' }, breaker: { failures: 2, pause: '50ms' }"
            let upstream = try Upstream()
            try upstream.serve(keys) { server in
                _ = try curl("--data", "1", "http://127.0.0.1:\(upstream.port)/hide")
                try waitUntil("the failing state") {
                    try curl(server.http("/v1/modules/up")).decode(UpstreamResource.self).state
                        == "failing"
                }
                _ = try curl("--data", "1", "http://127.0.0.1:\(upstream.port)/show")
                try waitUntil("the ready state") {
                    try curl(server.http("/v1/modules/up")).decode(UpstreamResource.self).state
                        == "ready"
                }
            }
        }

        @Test func `nobody there is 502, by port, by name and by socket`() throws {
            let port = try FreePort.take(1)[0]
            for url in [
                "http://127.0.0.1:\(port)", "http://nobody.invalid:80", "unix:/nowhere.sock",
            ] {
                try Server.run("http: '\(url)'") { server in
                    let problem = try curl("--data", "1", server.up("look")).expectProblem(502)
                    #expect(problem.code == "upstream_unreachable" && problem.isRetryable)
                }
            }
        }

    }
}
