// The command line of signalbox: what it prints, and how it exits.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct CommandLineTests {
        private func signalbox(_ arguments: String...) throws -> Command {
            try Command.run([Checkout.signalbox] + arguments)
        }

        @Test func `version and help tell`() throws {
            let version = try signalbox("version")
            #expect(version.status == 0)
            #expect(version.output.firstMatch(of: /[0-9]+\.[0-9]+\.[0-9]+/) != nil)
            let help = try signalbox("--help")
            #expect(help.status == 0)
            for name in [
                "serve", "run", "check-config", "routes", "call", "listen", "emit", "health",
                "version",
            ] {
                #expect(help.output.contains(name), "\(name)")
            }
        }

        @Test(arguments: [["dance"], ["serve", "--nonsense"], ["call"]])
        func `wrong usage exits with 2 and says so on standard error`(
            arguments: [String]
        ) throws {
            let command = try Command.run([Checkout.signalbox] + arguments)
            #expect(command.status == 2)
            #expect(command.output.isEmpty)
            #expect(!command.errors.isEmpty)
        }

        @Test func `the configuration that make run serves is sound`() throws {
            let check = try signalbox("check-config", "config/signalbox.json5")
            #expect(check.status == 0, "\(check.errors)")
        }

        @Test func `an unknown key is named with its place and its neighbour`() throws {
            let folder = try TemporaryFolder()
            let file = try folder.write(
                """
                {
                    limits: { bodysize: "1MiB" },
                    loops: "many",
                }
                """, to: "wrong.json5")
            for command in [
                try signalbox("check-config", file), try signalbox("serve", "--config", file),
            ] {
                #expect(command.status == 3)
                #expect(command.errors.contains("limits.bodysize"))
                #expect(command.errors.contains("body_size"))
                #expect(command.errors.contains("wrong.json5:2"))
                // All faults at once.
                #expect(command.errors.contains("loops"))
            }
        }

        @Test func `a file that is not there exits with 3 and names it`() throws {
            let command = try signalbox("serve", "--config", "/no/such/file.json5")
            #expect(command.status == 3)
            #expect(command.errors.contains("/no/such/file.json5"))
        }

        @Test func `a port that is taken is said in one line`() throws {
            try Server.run(Configuration(modules: [], hasTick: false)) { server in
                let folder = try TemporaryFolder()
                let text = "{ listeners: [{ url: 'http://localhost:\(server.httpPort)' }] }"
                let file = try folder.write(text, to: "taken.json5")
                let other = try signalbox("serve", "--config", file)
                #expect(other.status == 1)
                #expect(other.errors.contains("\(server.httpPort)"))
            }
        }

        @Test func `the banner names the listeners and commands to paste`() throws {
            try Server.run { server in
                let banner = server.program.output
                #expect(banner.contains(":\(server.httpPort)"))
                #expect(banner.contains(":\(server.httpsPort)"))
                #expect(banner.components(separatedBy: "curl ").count >= 4, "\(banner)")
                // Every command of the banner works as it is pasted.
                let commands = banner.components(separatedBy: "\n")
                    .compactMap { line in line.range(of: "curl ").map { line[$0.lowerBound...] } }
                for command in commands where !command.contains("curl -N") {
                    let result = try Command.run(["sh", "-c", String(command) + " --fail"])
                    #expect(result.status == 0, "\(command)\n\(result.errors)")
                }
            }
        }

        @Test func `nobody listens on other addresses without being told to`() throws {
            let folder = try TemporaryFolder()
            let port = try FreePort.take(1)[0]
            let text = "{ listeners: [{ url: 'http://0.0.0.0:\(port)' }] }"
            let command = try signalbox(
                "serve", "--config", try folder.write(text, to: "open.json5"))
            #expect(command.status == 3)
            #expect(command.errors.contains("allow_anonymous"))
        }
    }
}
