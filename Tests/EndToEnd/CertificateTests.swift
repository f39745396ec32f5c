// Several certificates on one listener, client certificates, OCSP responses and resumption, as
// openssl and curl see them.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct CertificateTests {
        private func sClient(
            _ server: Server, _ arguments: [String], input: String = "Q\n"
        ) throws -> Command {
            try Command.run(
                ["openssl", "s_client", "-connect", "localhost:\(server.httpsPort)"] + arguments,
                input: input)
        }

        /// The subject of the certificate that a client gets.
        private func subject(_ server: Server, _ arguments: String...) throws -> String {
            let client = try sClient(server, arguments)
            let line = client.lines.first { $0.hasPrefix("subject=") }
            return line.map { String($0.dropFirst(8)).replacing(" ", with: "") } ?? client.errors
        }

        @Test func `the name and the kind of key choose the certificate`() throws {
            let files = try CertificateFolder()
            try files.make("default", names: "DNS:localhost")
            try files.make("side-ec", names: "DNS:side.example,DNS:*.wild.example")
            try files.make("side-rsa", kind: "rsa", names: "DNS:side.example,DNS:*.wild.example")
            let pairs = ["default", "side-ec", "side-rsa"].map {
                "{ certificate: '\(files.path($0)).crt', key: '\(files.path($0)).key' }"
            }
            try Server.run(tls: "certificates: [\(pairs.joined(separator: ", "))]") { server in
                let rsa13 = ["-sigalgs", "rsa_pss_rsae_sha256"]
                let rsa12 = ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]
                for (name, arguments, expected) in [
                    ("localhost", [], "CN=default"), ("unknown.example", [], "CN=default"),
                    ("side.example", [], "CN=side-ec"), ("SIDE.example", [], "CN=side-ec"),
                    ("side.example", rsa13, "CN=side-rsa"), ("side.example", rsa12, "CN=side-rsa"),
                    ("a.wild.example", [], "CN=side-ec"), ("a.wild.example", rsa12, "CN=side-rsa"),
                    ("wild.example", [], "CN=default"), ("a.b.wild.example", [], "CN=default"),
                ] {
                    let found = try sClient(server, ["-servername", name] + arguments)
                    let line = found.lines.first { $0.hasPrefix("subject=") } ?? ""
                    #expect(line.replacing(" ", with: "") == "subject=\(expected)", "\(name)")
                }
                #expect(try subject(server, "-noservername") == "CN=default")
            }
        }

        @Test func `a required client certificate is the caller's name`() throws {
            let files = try CertificateFolder()
            try files.make("server", names: "DNS:localhost")
            try files.make("alice", names: "DNS:alice", subject: "/O=Example, Inc./CN=Älice")
            try Server.run(tls: pair(files) + "client_ca: '\(files.path("ca.crt"))'") { server in
                let url = server.https("/v1/modules/context/show")
                let own = ["--cert", files.path("alice.crt"), "--key", files.path("alice.key")]
                let known = try curl(["--cacert", files.path("ca.crt")] + own + [url])
                #expect(known.status == 200)
                #expect(
                    try known.decode(CallContext.self).tls_subject
                        == #"CN=Älice,O=Example\, Inc."#)
                let unknown = try curl("--cacert", files.path("ca.crt"), url)
                #expect(unknown.status == 0 && unknown.command.status == 56)
            }
        }

        @Test func `an optional client certificate is checked if it comes`() throws {
            let files = try CertificateFolder()
            let strangers = try CertificateFolder()
            try files.make("server", names: "DNS:localhost")
            try files.make("alice", names: "DNS:alice")
            try strangers.make("mallory", names: "DNS:mallory")
            let more = "client_ca: '\(files.path("ca.crt"))', client_auth: 'optional'"
            try Server.run(tls: pair(files) + more) { server in
                func ask(_ arguments: String...) throws -> CurlAnswer {
                    try curl(
                        ["--cacert", files.path("ca.crt")] + arguments
                            + [server.https("/v1/modules/context/show")])
                }
                let nobody = try ask()
                #expect(nobody.status == 200)
                #expect(try nobody.decode(CallContext.self).tls_subject == nil)
                let alice = try ask(
                    "--cert", files.path("alice.crt"), "--key", files.path("alice.key"))
                #expect(try alice.decode(CallContext.self).tls_subject == "CN=alice")
                let mallory = try ask(
                    "--cert", strangers.path("mallory.crt"), "--key",
                    strangers.path("mallory.key"))
                #expect(mallory.status == 0)
            }
        }

        @Test func `an OCSP response is sent along, and a useless one ignored`() throws {
            let files = try CertificateFolder()
            try files.make("server", names: "DNS:localhost")
            try files.makeOCSP("server")
            try Server.run(tls: pair(files) + "ocsp: '\(files.path("server.ocsp"))'") { server in
                let client = try sClient(
                    server,
                    ["-status", "-CAfile", files.path("ca.crt"), "-servername", "localhost"])
                #expect(client.output.contains("OCSP Response Status: successful"))
                #expect(client.output.contains("Cert Status: good"))
                #expect(client.output.contains("Verify return code: 0 (ok)"))
            }
            try files.shell("echo nonsense >server.ocsp")
            try Server.run(tls: pair(files) + "ocsp: '\(files.path("server.ocsp"))'") { server in
                let client = try sClient(
                    server,
                    ["-status", "-CAfile", files.path("ca.crt"), "-servername", "localhost"])
                #expect(client.output.contains("OCSP response: no response sent"))
                #expect(client.output.contains("Verify return code: 0 (ok)"))
                try server.waitForLog(
                    "server.ocsp: is not a successful OCSP response in DER; "
                        + "no OCSP response is sent")
            }
        }

        @Test(arguments: ["-tls1_3", "-tls1_2"])
        func `a session is resumed on every loop, with one ticket`(version: String) throws {
            let files = try CertificateFolder()
            try files.make("server", names: "DNS:localhost")
            try Server.run(tls: pair(files), more: "loops: 3,") { server in
                let ticket = files.path("session")
                let request = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                let first = try sClient(
                    server, [version, "-ign_eof", "-sess_out", ticket], input: request)
                #expect(first.output.contains("New, TLSv1."))
                if version == "-tls1_3" {
                    let arrived = "Post-Handshake New Session Ticket arrived"
                    #expect(first.output.components(separatedBy: arrived).count == 2)
                }
                // The kernel spreads these over the loops.
                for _ in 0..<12 {
                    let next = try sClient(
                        server, [version, "-ign_eof", "-sess_in", ticket], input: request)
                    #expect(next.output.contains("Reused, TLSv1."))
                    #expect(next.output.contains("HTTP/1.1 200 "))
                }
            }
        }

        @Test(arguments: ["-tls1_3", "-tls1_2"])
        func `a session is resumed for its own name only`(version: String) throws {
            let files = try CertificateFolder()
            try files.make("server", names: "DNS:localhost")
            try files.make("other", names: "DNS:b.test")
            let more =
                "certificates: [{ certificate: '\(files.path("other")).crt', "
                + "key: '\(files.path("other")).key' }],"
            try Server.run(tls: pair(files) + more) { server in
                let ticket = files.path("session")
                let request = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                for (name, next, expected) in [
                    ("localhost", "LOCALHOST", "Reused, TLSv1."),
                    ("localhost", "b.test", "New, TLSv1."), ("b.test", "localhost", "New, TLSv1."),
                    ("localhost", "c.test", "New, TLSv1."), ("c.test", "c.test", "Reused, TLSv1."),
                ] {
                    let options = [version, "-ign_eof", "-servername"]
                    _ = try sClient(server, options + [name, "-sess_out", ticket], input: request)
                    let answer = try sClient(
                        server, options + [next, "-sess_in", ticket], input: request)
                    #expect(answer.output.contains(expected), "\(name), then \(next)")
                    #expect(answer.output.contains("HTTP/1.1 200 "))
                }
            }
        }

        @Test func `ticket keys rotate`() throws {
            let files = try CertificateFolder()
            try files.make("server", names: "DNS:localhost")
            try Server.run(tls: pair(files), more: "tls: { ticket_rotation: '1s' },") { server in
                let ticket = files.path("session")
                _ = try sClient(server, ["-tls1_2", "-sess_out", ticket])
                try waitUntil("the ticket's key to be forgotten") {
                    try sClient(server, ["-tls1_2", "-sess_in", ticket]).output.contains("New, TLS")
                }
            }
        }

        private func pair(_ files: CertificateFolder) -> String {
            "certificate: '\(files.path("server.crt"))', key: '\(files.path("server.key"))', "
        }
    }
}

/// The context of a call as a module gets it, as far as tests look.
struct CallContext: Decodable {
    let client: String
    let tls_subject: String?
}
