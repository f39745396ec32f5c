// Lines of the access log: fields, escapes, and secrets that do not show.

import Bytes
import Foundation
import Testing

@testable import Gateway

struct AccessLogTests {
    private func line(
        method: String = "GET", target: [UInt8], client: String = "127.0.0.1:5", id: String = "7f",
        status: Int = 200, nanoseconds: Int = 812_345, format: Settings.Log.Format = .text
    ) -> String {
        var buffer = ByteBuffer()
        let moment = LogMoment(seconds: 1_795_360_858, nanoseconds: 5_000_000)
        [UInt8](method.utf8).withUnsafeBytes { method in
            target.withUnsafeBytes { target in
                [UInt8](client.utf8).withUnsafeBytes { client in
                    [UInt8](id.utf8).withUnsafeBytes { id in
                        let record = AccessRecord(
                            method: method, target: target, status: status, byteCount: 512,
                            nanoseconds: nanoseconds, client: client, requestID: id)
                        AccessLog.append(record, at: moment, format: format, to: &buffer)
                    }
                }
            }
        }
        return buffer.text()
    }

    @Test func `a request is one line of words`() {
        #expect(
            line(target: [UInt8]("/v1/modules?x=1".utf8))
                == "2026-11-22T15:20:58.005Z http  200 GET /v1/modules?x=1 bytes=512 ms=0.812 "
                + "client=127.0.0.1:5 id=7f\n")
    }

    @Test func `a request is one JSON object`() throws {
        let text = line(
            target: [UInt8]("/a\"\\b".utf8), nanoseconds: 61_000_812_345, format: .json)
        #expect(
            text == #"{"time":"2026-11-22T15:20:58.005Z","level":"info","logger":"access","#
                + #""message":"request","status":200,"method":"GET","target":"/a%22%5cb","#
                + #""bytes":512,"seconds":61.000812,"client":"127.0.0.1:5","request_id":"7f"}"#
                + "\n")
        #expect(throws: Never.self) {
            try JSONSerialization.jsonObject(with: Data(text.utf8))
        }
    }

    @Test func `fields that are missing are dashes`() {
        #expect(
            line(method: "", target: [], client: "", id: "", status: 400, nanoseconds: -1)
                == "2026-11-22T15:20:58.005Z http  400 - - bytes=512 ms=0.000 client=- id=-\n")
    }

    @Test(arguments: Settings.Log.Format.allCases)
    func `no byte can forge a line`(format: Settings.Log.Format) throws {
        let all = Array(UInt8.min...UInt8.max)
        let text = line(
            method: "G\nT", target: [0x2F] + all, client: "a\r\nb", id: "\u{1B}[0m", format: format)
        #expect(text.utf8.filter { $0 == 0x0A }.count == 1)
        #expect(text.utf8.dropLast().allSatisfy { $0 >= 0x20 && $0 < 0x7F })
        #expect(text.contains("G%0aT") && text.contains("%ff") && text.contains("a%0d%0ab"))
        if format == .json {
            _ = try JSONSerialization.jsonObject(with: Data(text.utf8))
        }
    }

    @Test(arguments: [
        ("/a?token=abc", "/a?token=***"),
        ("/a?x=1&Access_Token=abc&y", "/a?x=1&Access_Token=***&y"),
        ("/a?password=", "/a?password=***"), ("/a?password", "/a?password"),
        ("/a?tokens=1", "/a?tokens=1"), ("/a?", "/a?"), ("/a?&&", "/a?&&"),
        ("/a?x==token=1", "/a?x==token=1"), ("/a?key=a=b&c", "/a?key=***&c"),
        ("/token=abc", "/token=abc"), ("/a?=x", "/a?=x"), ("/a?a?token=1", "/a?a?token=1"),
    ])
    func `secrets in queries do not show`(target: String, shown: String) {
        #expect(line(target: [UInt8](target.utf8)).contains(" GET \(shown) bytes="))
    }

    @Test func `long targets are cut`() {
        let target = [UInt8]("/".utf8) + [UInt8](repeating: UInt8(ascii: "a"), count: 10_000)
        let text = line(target: target)
        #expect(text.utf8.count < AccessLog.targetLimit + 200)
        #expect(text.contains("aaa... bytes="))
    }

    @Test func `the sink gathers requests as well`() throws {
        var ends: [Int32] = [0, 0]
        pipe(&ends)
        defer { ends.forEach { close($0) } }
        let sink = LogSink(
            target: LogTarget(descriptor: ends[1]), settings: Settings.Log(), environment: [:])
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        sink.append(
            AccessRecord(
                method: empty, target: empty, status: 204, byteCount: 0, nanoseconds: 0,
                client: empty, requestID: empty))
        #expect(sink.flush())
        var bytes = [UInt8](repeating: 0, count: 200)
        let count = read(ends[0], &bytes, bytes.count)
        let text = String(decoding: bytes[..<max(count, 0)], as: UTF8.self)
        #expect(text.hasSuffix("Z http  204 - - bytes=0 ms=0.000 client=- id=-\n"))
    }
}
