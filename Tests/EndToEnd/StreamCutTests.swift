// Readers that are too slow for a running gateway: they are cut, and the log says whom that was.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct StreamCutTests {
        @Test func `a reader that is too slow is cut, and the log names it`() throws {
            try Server.run(Configuration(modules: [], hasTick: false)) { server in
                let data = "\"\(String(repeating: "x", count: 100_000))\""
                let slow = try RawConnection(port: server.httpPort)
                try slow.send(
                    "GET /v1/events?signal=slow.*&signal=a.b HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try slow.read(until: { $0.contains("HTTP/1.1 200") })
                // What the kernel's buffers hold comes before what the gateway does.
                try waitUntil("the cut\n\(server.program.errors)", within: .seconds(20)) {
                    let answer = try curl("--data", data, server.http("/v1/signals/slow.x"))
                    #expect(answer.status == 200)
                    return server.logCount(" cut: it reads too slowly, ") == 1
                }
                let line = try #require(
                    server.program.errors.split(separator: "\n").first { $0.contains(" cut: ") })
                #expect(line.contains("event stream of 127.0.0.1:"), "\(line)")
                #expect(line.contains(" for a.b, slow.* cut: it reads too slowly, "), "\(line)")
                #expect(
                    line.contains(" would wait for it, more than 256 KiB (limits.stream_buffer)"))
            }
        }
    }
}
