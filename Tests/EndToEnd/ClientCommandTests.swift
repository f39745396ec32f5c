// The commands that talk to a running gateway: call, emit, listen, health.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct ClientCommandTests {
        private func signalbox(
            _ arguments: [String], input: String? = nil, environment: [String: String] = [:]
        ) throws -> Command {
            try Command.run(
                [Checkout.signalbox] + arguments, input: input, environment: environment)
        }

        /// Starts `listen`; it has been heard when an emitted signal arrives.
        private func listen(_ server: Server, _ arguments: String...) throws -> Program {
            let program = try Program(
                [Checkout.signalbox, "listen", "--url", server.http("/")] + arguments)
            try waitUntil("the listener to be heard\n\(program.errors)") {
                _ = try emit(server, "demo.knock")
                return program.output.contains("demo.knock")
            }
            return program
        }

        private func emit(_ server: Server, _ arguments: String...) throws -> Command {
            try signalbox(["emit"] + arguments + ["--url", server.http("")])
        }

        @Test func `call prints the result, for people or as it came`() throws {
            try Server.run { server in
                let url = ["--url", server.http("")]
                let plain = try signalbox(["call", "host.disk", "mount=/"] + url)
                #expect(plain.status == 0, "\(plain.errors)")
                #expect(plain.lines.first == "{" && plain.lines[1] == "  \"mount\": \"/\",")
                let verbatim = try signalbox(["call", "host.disk", "--json"] + url)
                #expect(verbatim.output.hasPrefix("{\"mount\":\"/\","))
                let number = try signalbox(["call", "host.processes", "limit:=1"] + url)
                #expect(number.status == 0, "\(number.errors)")
                let piped = try signalbox(
                    ["call", "host.disk", "--params", "-"] + url, input: "{\"mount\":\"/\"}")
                #expect(piped.status == 0, "\(piped.errors)")
            }
        }

        @Test func `a failed call says why, and with json in full`() throws {
            try Server.run { server in
                let url = ["--url", server.http("")]
                // The module has told its schemas once it has answered.
                #expect(try signalbox(["call", "host.disk"] + url).status == 0)
                let faulty = try signalbox(["call", "host.disk", "mount:=5"] + url)
                #expect(faulty.status == 1 && faulty.output.isEmpty)
                #expect(faulty.errors.contains("422") && faulty.errors.contains("/mount"))
                let unknown = try signalbox(["call", "nobody.home", "--json"] + url)
                #expect(unknown.status == 1)
                #expect(unknown.output.contains("\"status\":404"))
            }
        }

        @Test(arguments: [
            ["call", "host"], ["call", "host.disk", "mount"], ["call", "host.disk", "a:={"],
            ["call", "host.disk", "a=1", "a=2"], ["call", "host.disk", "a=1", "--params", "[]"],
            ["emit", "demo.x", "{"], ["health", "--url", "ftp://localhost"],
            ["health", "--url", "http://localhost:0"], ["health", "--timeout", "0"],
            ["health", "--url", "https://localhost", "--cacert", "/no/such/file"], ["listen"],
        ])
        func `wrong usage ends with 2 before anybody is asked`(arguments: [String]) throws {
            let command = try signalbox(arguments)
            #expect(command.status == 2)
            #expect(command.output.isEmpty && !command.errors.isEmpty)
        }

        @Test func `where nobody listens the code is 4 and the address is named`() throws {
            let port = try FreePort.take(1)[0]
            let url = "http://localhost:\(port)"
            for arguments in [
                ["call", "host.disk"], ["emit", "demo.x"], ["listen", "demo.x"], ["health"],
            ] {
                let command = try signalbox(arguments, environment: ["SIGNALBOX_URL": url])
                #expect(command.status == 4)
                #expect(command.errors.contains(url) && command.errors.contains("refused"))
            }
        }

        @Test func `health knows ready from not ready`() throws {
            let broken = (name: "broken", command: ["false"])
            let configuration = Configuration(modules: [broken], hasTick: false)
            let server = try Server {
                configuration.text(httpPort: $0, httpsPort: $1)
                    .replacing("broken: {", with: "broken: { required: true,")
            }
            do {
                let url = ["--url", server.http("")]
                #expect(try signalbox(["health"] + url).output == "ok\n")
                // A call starts the module, which ends at once.
                _ = try signalbox(["call", "broken.x"] + url)
                try waitUntil("the module to fail") {
                    try signalbox(["health"] + url).status == 1
                }
                let health = try signalbox(["health", "--json"] + url)
                #expect(health.output.contains("\"ready\":false"))
                #expect(health.errors.contains("module broken is "))
            }
            try server.stop()
        }

        @Test func `TLS is believed only with its authority`() throws {
            try Server.run(Configuration(modules: [], hasTick: false)) { server in
                let url = ["health", "--url", server.https("")]
                let doubted = try signalbox(url)
                #expect(doubted.status == 4 && doubted.errors.contains("--cacert"))
                let believed = try signalbox(url + ["--cacert", Checkout.authority])
                #expect(believed.status == 0, "\(believed.errors)")
                let plain = try signalbox([
                    "health", "--url", "https://localhost:\(server.httpPort)",
                ])
                #expect(plain.status == 4 && plain.errors.contains("http://"))
            }
        }

        @Test func `listen prints what is emitted and ends with 0`() throws {
            try Server.run(Configuration(modules: [], hasTick: false)) { server in
                let program = try listen(server, "demo.*")
                let emitted = try emit(server, "demo.hello", "{\"a\": [1, 2]}")
                #expect(emitted.status == 0 && emitted.output.contains("1 subscriber"))
                try waitUntil("the event") {
                    program.output.contains("\ndemo.hello {\"a\":[1,2]}\n")
                        || program.output.contains("\ndemo.hello {\"a\": [1, 2]}\n")
                }
                program.send(SIGINT)
                #expect(try program.wait() == .exited(0))
                #expect(program.errors.isEmpty)
            }
        }

        @Test func `listen goes on behind the last event`() throws {
            struct Line: Decodable { let id: String, signal: String, data: Int? }
            try Server.run(Configuration(modules: [], hasTick: false)) { server in
                let program = try listen(server, "demo.*", "--json")
                _ = try emit(server, "demo.first", "1")
                try waitUntil("the event") { program.output.contains("demo.first") }
                program.send(SIGTERM)
                #expect(try program.wait() == .exited(0))
                let last = try #require(program.output.split(separator: "\n").last)
                let line = try JSONDecoder().decode(Line.self, from: Data(last.utf8))
                #expect(line.signal == "demo.first" && line.data == 1)
                _ = try emit(server, "demo.missed", "2")
                let again = try Program([
                    Checkout.signalbox, "listen", "demo.*", "--json", "--last-event-id", line.id,
                    "--url", server.http(""),
                ])
                try waitUntil("the event that was missed") {
                    again.output.contains("demo.missed")
                }
                #expect(!again.output.contains("demo.first"))
                again.send(SIGINT)
                #expect(try again.wait() == .exited(0))
            }
        }

        @Test func `listen comes back when the gateway does`() throws {
            let folder = try TemporaryFolder()
            let first = try Server(in: folder) {
                Configuration(
                    modules: [], hasTick: false, more: "signals: { retry: '100ms' },"
                ).text(httpPort: $0, httpsPort: $1)
            }
            let program = try listen(first, "demo.**")
            try first.stop()
            let second = try Program([
                Checkout.signalbox, "serve", "--config", folder.file("signalbox.json5"),
            ])
            try waitUntil("the listener to come back\n\(program.errors)", within: .seconds(30)) {
                program.errors.contains("connected again")
            }
            _ = try emit(first, "demo.back")
            try waitUntil("the event") { program.output.contains("demo.back") }
            program.send(SIGINT)
            #expect(try program.wait() == .exited(0))
            second.send(SIGTERM)
            try second.wait()
        }

        @Test(arguments: [
            "", "serve", "run", "check-config", "routes", "call", "listen", "emit", "health",
            "version",
        ])
        func `help fits a terminal of 80 columns`(name: String) throws {
            let help = try signalbox(
                name.isEmpty ? [] : [name, "--help"], environment: ["COLUMNS": "80"])
            #expect(help.status == 0 && help.output.contains("USAGE: signalbox"))
            for line in help.output.components(separatedBy: "\n") {
                #expect(line.count <= 80, "\(line)")
            }
        }
    }
}
