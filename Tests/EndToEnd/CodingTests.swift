// Compressed bodies, both ways, with curl and gzip as the other side.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct CodingTests {
        private static let slow = Configuration(modules: [Configuration.slow], hasTick: false)

        @Test(arguments: ["gzip", "deflate"])
        func `a long answer is compressed for those who ask`(_ coding: String) throws {
            try Server.run(Self.slow) { server in
                let url = server.http("/v1/modules/slow/big")
                let plain = try curl("--data", #"{"size":5000}"#, url)
                #expect(plain.fields["content-encoding"] == nil)
                #expect(plain.fields["vary"] == "Accept-Encoding")
                let coded = try curl(
                    "--compressed", "--header", "Accept-Encoding: \(coding)", "--data",
                    #"{"size":5000}"#, url)
                #expect(coded.fields["content-encoding"] == coding)
                #expect(Int(coded.fields["content-length"] ?? "") ?? .max < 200)
                #expect(coded.body == plain.body)
            }
        }

        @Test func `a short answer, and one nobody wants compressed, is sent as it is`() throws {
            try Server.run(Self.slow) { server in
                let url = server.http("/v1/modules/slow/big")
                let short = try curl("--compressed", "--data", #"{"size":500}"#, url)
                #expect(short.fields["content-encoding"] == nil)
                let refused = try curl(
                    "--header", "Accept-Encoding: gzip;q=0, identity", "--data",
                    #"{"size":5000}"#, url)
                #expect(refused.fields["content-encoding"] == nil)
            }
        }

        @Test func `a compressed request is understood, a bomb is refused`() throws {
            try Server.run(Self.slow) { server in
                let folder = try TemporaryFolder()
                let url = server.http("/v1/modules/slow/echo")
                func post(_ text: String, _ coding: String) throws -> CurlAnswer {
                    let file = try folder.write(text, to: "body")
                    _ = try Command.run(["gzip", "--force", "--keep", file])
                    return try curl(
                        "--header", "Content-Encoding: \(coding)", "--header",
                        "Content-Type: application/json", "--data-binary", "@\(file).gz", url)
                }
                #expect(try post(#"{"a": 1}"#, "gzip").body == #"{"a":1}"#)
                #expect(try post(#"{"a": 1}"#, "br").status == 415)
                #expect(try post(#"{"a": 1}"#, "deflate").status == 400)
                let bomb = "\"" + String(repeating: "x", count: 50 << 20) + "\""
                #expect(try post(bomb, "gzip").status == 413)
            }
        }
    }
}
