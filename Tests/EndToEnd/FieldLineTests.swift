// Fields in several lines: lists mean the same as in one line (RFC 9110 §5.2), and what may be there
// once only is refused when it is there twice.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct FieldLineTests {
        private static let slow = Configuration(modules: [Configuration.slow], hasTick: false)

        /// curl's arguments for `lines`, each a field line of its own.
        private func headers(_ lines: [String]) -> [String] {
            lines.flatMap { ["--header", $0] }
        }

        @Test(
            "a list in two lines is understood as in one",
            arguments: [
                (["Accept: text/html", "Accept: application/x-ndjson"], "content-type"),
                (["Prefer: foo", "Prefer: respond-async"], "location"),
                (["Accept-Encoding: br", "Accept-Encoding: gzip"], "content-encoding"),
            ])
        func lists(lines: [String], field: String) throws {
            let first = try #require(lines[0].split(separator: ":").first)
            let values = lines.map { String($0.dropFirst(first.count + 2)) }
            let joined = "\(first): \(values.joined(separator: ", "))"
            try Server.run(Self.slow) { server in
                let request =
                    switch first {
                    case "Accept": ["--head", server.http("/v1/events?signal=a.b")]
                    case "Prefer": ["--data", "{}", server.http("/v1/modules/slow/echo")]
                    default:
                        ["--data", #"{"size":5000}"#, server.http("/v1/modules/slow/big")]
                    }
                let two = try curl(headers(lines) + request)
                let one = try curl(headers([joined]) + request)
                #expect(two.status == one.status && two.status < 300)
                let told = try #require(two.fields[field])
                #expect(field == "location" || told == one.fields[field])
            }
        }

        @Test(
            "what two lines say together is refused",
            arguments: [
                (["Content-Encoding: identity", "Content-Encoding: br"], 415),
                (["Content-Encoding: gzip", "Content-Encoding: gzip"], 415),
                (["Content-Type: application/json", "Content-Type: text/plain"], 400),
                (["Content-Type: text/plain", "Content-Type: application/json"], 400),
            ])
        func refused(lines: [String], status: Int) throws {
            try Server.run(Self.slow) { server in
                let answer = try curl(
                    headers(lines) + ["--data", "[1]", server.http("/v1/modules/slow/echo")])
                #expect(answer.status == status, "\(answer.body)")
            }
        }
    }
}
