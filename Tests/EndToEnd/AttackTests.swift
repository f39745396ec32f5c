// What clients should not send, played against the built gateway by attacks.py: a table of raw
// requests with a follow-up behind each, pipelines in random cuts, silent peers and floods.

import Glibc
import Testing

extension EndToEnd {
    @Suite struct AttackTests {
        /// Two modules and the given limits.
        private static func configuration(
            _ httpPort: Int, _ httpsPort: Int, limits: String = ""
        ) -> String {
            """
            {
                listeners: [
                    { url: 'http://127.0.0.1:\(httpPort)' },
                    {
                        url: 'https://127.0.0.1:\(httpsPort)',
                        certificate: '\(Checkout.root)/certs/localhost.crt',
                        key: '\(Checkout.root)/certs/localhost.key',
                    },
                ],
                limits: { \(limits) },
                modules: { echo: { builtin: 'echo' }, box: { reply: { hello: { box: 1 } } } },
            }
            """
        }

        /// Runs the script and expects that nothing surprised it.
        private func attack(_ httpPort: Int, _ httpsPort: Int, _ options: [String] = []) throws {
            let command = try Command.run(
                [
                    "python3", Checkout.root + "/Tests/EndToEnd/attacks.py", "--http",
                    "\(httpPort)",
                    "--https", "\(httpsPort)", "--ca", Checkout.authority,
                ] + options, within: .seconds(300))
            #expect(command.status == 0, "\(command.output)\n\(command.errors)")
            #expect(command.output.contains(" 0 surprises"))
        }

        @Test func `no attack surprises the gateway`() throws {
            let server = try Server { Self.configuration($0, $1) }
            try attack(server.httpPort, server.httpsPort)
            try server.stop()
        }

        @Test func `a silent peer is evicted in every state`() throws {
            let limits = """
                head_timeout: '1s', body_timeout: '1s', handshake_timeout: '1s', idle_timeout: '2s'
                """
            let server = try Server { Self.configuration($0, $1, limits: limits) }
            try attack(server.httpPort, server.httpsPort, ["--deadlines"])
            try server.stop()
        }

        @Test func `at the descriptor limit those inside go on`() throws {
            let ports = try FreePort.take(2)
            let folder = try TemporaryFolder()
            let file = try folder.write(
                Self.configuration(ports[0], ports[1]), to: "signalbox.json5")
            let script = "ulimit -n 80 && exec \"$0\" serve --config \"$1\""
            let program = try Program(["sh", "-c", script, Checkout.signalbox, file])
            try waitUntil("the gateway to listen\n\(program.errors)") {
                program.output.contains("\(ports[1])") || program.errors.contains("\(ports[1])")
            }
            try attack(ports[0], ports[1], ["--descriptors"])
            program.send(SIGTERM)
            #expect(try program.wait(within: .seconds(15)) == .exited(0))
        }
    }
}
