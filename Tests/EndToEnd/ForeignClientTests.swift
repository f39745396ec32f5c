// Clients of other languages over TLS: resumption, server names, client certificates, ALPN.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct ForeignClientTests {
        private static let folder = Checkout.root + "/Tests/EndToEnd/clients/"

        /// Whether a program is on the path.
        private static func has(_ program: String) -> Bool {
            let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
            return path.split(separator: ":").contains {
                FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
            }
        }

        /// Expects that the client `command` finds all as it should be.
        private func check(_ command: (_ port: Int, _ files: CertificateFolder) -> [String]) throws
        {
            let files = try CertificateFolder()
            try files.make("server", names: "DNS:localhost,IP:127.0.0.1")
            try files.make("side", kind: "rsa", names: "DNS:side.example")
            try files.make("alice", names: "DNS:alice")
            try files.shell(
                """
                openssl pkcs12 -export -in alice.crt -inkey alice.key -out alice.p12 \\
                    -passout pass:test
                """)
            let pairs = ["server", "side"].map {
                "{ certificate: '\(files.path($0)).crt', key: '\(files.path($0)).key' }"
            }
            let members = """
                certificates: [\(pairs.joined(separator: ", "))],
                client_ca: '\(files.path("ca.crt"))', client_auth: 'optional'
                """
            try Server.run(tls: members, more: "loops: 2,") { server in
                let client = try Command.run(
                    command(server.httpsPort, files), within: .seconds(60))
                #expect(client.status == 0, "\(client.errors)")
                let facts = Set(client.lines.map { String($0).lowercased() })
                for expected in [
                    "version-1.2 tlsv1.2", "resumed-1.2 true", "version-1.3 tlsv1.3",
                    "resumed-1.3 true", "alpn http/1.1", "name side", "subject cn=alice",
                    "untrusted refused",
                ] {
                    #expect(facts.contains(expected), "\(client.output)\n\(client.errors)")
                }
            }
        }

        @Test func `Python's ssl gets on with it`() throws {
            try check { port, files in
                ["python3", Self.folder + "tls.py", "\(port)", files.path("ca.crt")]
                    + [files.path("alice.crt"), files.path("alice.key")]
            }
        }

        @Test(.enabled(if: has("node"))) func `Node's agent gets on with it`() throws {
            try check { port, files in
                ["node", Self.folder + "tls.mjs", "\(port)", files.path("ca.crt")]
                    + [files.path("alice.crt"), files.path("alice.key")]
            }
        }

        @Test(.enabled(if: has("java"))) func `Java gets on with it`() throws {
            try check { port, files in
                ["java", Self.folder + "TLSClient.java", "\(port)", files.path("ca.crt")]
                    + [files.path("alice.p12")]
            }
        }
    }
}
