// Certificates for one test: an authority, server certificates of both kinds, clients, and OCSP
// responses, made by the openssl program in a temporary folder.

import Foundation
import Testing

/// A folder with certificates of a test's own authority.
final class CertificateFolder {
    let folder: TemporaryFolder

    /// Makes the authority, `ca.crt`.
    init() throws {
        folder = try TemporaryFolder()
        try shell(
            """
            openssl ecparam -name prime256v1 -genkey -noout -out ca.key
            openssl req -new -x509 -key ca.key -subj '/CN=Test authority' -days 9 -out ca.crt \\
                -addext keyUsage=critical,keyCertSign,digitalSignature
            """)
    }

    /// The path of a file in the folder.
    func path(_ name: String) -> String { folder.file(name) }

    /// Makes `NAME.crt` and `NAME.key`, good for `names` such as `DNS:a.example`.
    ///
    /// - Parameter kind: `ec` or `rsa`.
    func make(_ name: String, kind: String = "ec", names: String, subject: String? = nil) throws {
        let key =
            kind == "rsa"
            ? "openssl genrsa -out \(name).key 2048"
            : "openssl ecparam -name prime256v1 -genkey -noout -out \(name).key"
        try shell(
            """
            \(key)
            openssl req -new -utf8 -key \(name).key -subj '\(subject ?? "/CN=\(name)")' -out \(name).csr
            printf 'subjectAltName=\(names)\\n' >\(name).ext
            openssl x509 -req -in \(name).csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 9 \\
                -extfile \(name).ext -out \(name).crt
            """)
    }

    /// Makes `NAME.ocsp`, which says that `NAME.crt` is good, for some days.
    func makeOCSP(_ name: String) throws {
        try shell(
            """
            serial=$(openssl x509 -in \(name).crt -noout -serial | cut -d= -f2)
            printf 'V\\t491231235959Z\\t\\t%s\\tunknown\\t/CN=\(name)\\n' "$serial" >index.txt
            openssl ocsp -index index.txt -rsigner ca.crt -rkey ca.key -CA ca.crt -issuer ca.crt \\
                -cert \(name).crt -ndays 2 -respout \(name).ocsp
            """)
    }

    /// Puts the certificate and key of `name` in the place of `served`, one after the other, as
    /// certbot does.
    func install(_ name: String, as served: String) throws {
        try shell(
            """
            for kind in crt key; do
                cp \(name).$kind \(served).new && mv \(served).new \(served).$kind
            done
            """)
    }

    /// Runs a script in the folder.
    func shell(_ script: String) throws {
        let command = try Command.run(
            ["sh", "-c", "set -eu; umask 077; cd '\(folder.path)'\n\(script)"])
        guard command.status == 0 else {
            throw TestError(description: "\(script)\n\(command.errors)")
        }
    }
}

extension Server {
    /// Runs `body` against a gateway whose TLS listener has `members`, and then stops it.
    ///
    /// - Parameter more: further members of the configuration.
    static func run(
        tls members: String, more: String = "", _ body: (Server) throws -> Void
    ) throws {
        try run(
            text: { http, https in
                """
                {
                    listeners: [
                        { url: 'http://localhost:\(http)' },
                        { url: 'https://localhost:\(https)', \(members) },
                    ],
                    modules: { context: {
                        command: ['python3', '\(Checkout.root)/Tests/EndToEnd/modules/context.py'],
                        pass_context: true, commands: { show: { safe: true } },
                    } },
                    \(more)
                }
                """
            }, body)
    }

    /// Runs `body` against a gateway with a configuration of this text, and then stops it.
    static func run(
        text: (_ http: Int, _ https: Int) -> String, _ body: (Server) throws -> Void
    ) throws {
        let server = try Server { text($0, $1) }
        do {
            try body(server)
        } catch {
            Issue.record("the gateway wrote:\n\(server.program.errors)")
            throw error
        }
        try server.stop()
    }

    /// How often the gateway has written `text` to its log.
    func logCount(_ text: String) -> Int {
        program.errors.components(separatedBy: text).count - 1
    }

    /// Waits until the gateway has written `text` to its log `count` times.
    func waitForLog(_ text: String, count: Int = 1) throws {
        try waitUntil("\(count) times \(text) in\n\(program.errors)") { logCount(text) >= count }
    }
}
