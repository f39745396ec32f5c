// The TLS listener as openssl and curl see it.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct TLSTests {
        private static let idle = Configuration(hasTick: false)

        private func sClient(
            _ server: Server, _ arguments: [String], input: String = "Q\n"
        ) throws -> Command {
            try Command.run(
                ["openssl", "s_client", "-connect", "localhost:\(server.httpsPort)"]
                    + ["-servername", "localhost", "-CAfile", Checkout.authority] + arguments,
                input: input)
        }

        @Test(arguments: ["-tls1_3", "-tls1_2"])
        func `openssl verifies the chain and the name`(version: String) throws {
            try Server.run(Self.idle) { server in
                let client = try sClient(
                    server, [version, "-verify_return_error", "-verify_hostname", "localhost"])
                #expect(client.status == 0, "\(client.errors)")
                #expect(client.output.contains("Verify return code: 0 (ok)"))
            }
        }

        @Test func `a request over s_client is answered`() throws {
            try Server.run(Self.idle) { server in
                let client = try sClient(
                    server, ["-quiet", "-ign_eof"],
                    input: "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                #expect(client.status == 0)
                #expect(client.output.hasPrefix("HTTP/1.1 200 "), "\(client.errors)")
            }
        }

        @Test func `the protocol chosen by ALPN is http 1.1, and h2 alone finds none`() throws {
            try Server.run(Self.idle) { server in
                let both = try sClient(server, ["-alpn", "h2,http/1.1"])
                #expect(both.output.contains("ALPN protocol: http/1.1"))
                let neither = try sClient(server, ["-alpn", "h2"])
                #expect(neither.status != 0)
                #expect(neither.errors.contains("no application protocol"))
            }
        }

        @Test func `TLS 1.1 is refused`() throws {
            try Server.run(Self.idle) { server in
                let client = try sClient(
                    server, ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
                #expect(client.status != 0)
                #expect(client.errors.contains("alert protocol version"), "\(client.errors)")
            }
        }

        @Test func `curl trusts it with the authority, and not without`() throws {
            try Server.run(Self.idle) { server in
                let url = server.https("/v1/modules")
                let trusting = try curl("--cacert", Checkout.authority, url)
                #expect(trusting.status == 200)
                // 60: the peer's certificate cannot be verified.
                let strict = try curl(url)
                #expect(strict.command.status == 60)
            }
        }

        @Test func `plain HTTP to the TLS port harms nobody`() throws {
            try Server.run(Self.idle) { server in
                let connection = try RawConnection(port: server.httpsPort)
                try connection.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try connection.readToEnd()
                let next = try curl("--cacert", Checkout.authority, server.https("/livez"))
                #expect(next.status == 200)
            }
        }
    }
}
