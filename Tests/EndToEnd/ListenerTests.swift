// Unix sockets, sockets of systemd's, what the service manager hears, and the PROXY protocol.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct ListenerTests {
        private static let context =
            "modules: { context: { command: ['python3', '\(Checkout.root)/Tests/EndToEnd/modules/"
            + "context.py'], pass_context: true, commands: { show: { safe: true } } } },"

        private func serve(_ file: String, _ environment: [String: String] = [:]) throws -> Program
        {
            try Program(
                [Checkout.signalbox, "serve", "--config", file], environment: environment)
        }

        /// A configuration with a Unix socket that has `members`.
        private func configuration(_ folder: TemporaryFolder, _ members: String = "") throws
            -> String
        {
            try folder.write(
                "{ listeners: [{ url: 'unix:s.sock', \(members) }], \(Self.context) }",
                to: "signalbox.json5")
        }

        private func answers(_ folder: TemporaryFolder) throws -> Bool {
            let socket = folder.file("s.sock")
            return try curl("--unix-socket", socket, "http://localhost/livez").status == 200
        }

        @Test func `a Unix socket has its mode, serves, and goes with the gateway`() throws {
            let folder = try TemporaryFolder()
            let program = try serve(try configuration(folder, "mode: '0606', group: '\(getgid())'"))
            try waitUntil("an answer\n\(program.errors)") { try answers(folder) }
            let facts = try FileManager.default.attributesOfItem(atPath: folder.file("s.sock"))
            #expect(facts[.posixPermissions] as? Int == 0o606)
            program.send(SIGTERM)
            #expect(try program.wait() == .exited(0))
            #expect(!FileManager.default.fileExists(atPath: folder.file("s.sock")))
        }

        @Test func `a live Unix socket is refused, and a dead one replaced`() throws {
            let folder = try TemporaryFolder()
            let file = try configuration(folder)
            let first = try serve(file)
            try waitUntil("an answer\n\(first.errors)") { try answers(folder) }
            let second = try Command.run([Checkout.signalbox, "serve", "--config", file])
            #expect(second.status == 1)
            #expect(second.errors.contains("cannot listen on unix:s.sock"))
            #expect(second.errors.contains("Address already in use"))
            #expect(try answers(folder))
            first.send(SIGKILL)
            try first.wait()
            #expect(FileManager.default.fileExists(atPath: folder.file("s.sock")))
            let third = try serve(file)
            try waitUntil("an answer\n\(third.errors)") { try answers(folder) }
            third.send(SIGTERM)
            #expect(try third.wait() == .exited(0))
        }

        @Test func `an unknown owner is named`() throws {
            let folder = try TemporaryFolder()
            let file = try configuration(folder, "owner: 'nobody-by-that-name'")
            let command = try Command.run([Checkout.signalbox, "serve", "--config", file])
            #expect(command.status == 1)
            #expect(command.errors.contains("there is no user nobody-by-that-name"))
        }

        @Test func `sockets that systemd has opened are served`() throws {
            let files = try CertificateFolder()
            try files.make("server", names: "DNS:localhost")
            let pair =
                "certificate: '\(files.path("server.crt"))', key: '\(files.path("server.key"))'"
            let file = try files.folder.write(
                "{ listeners: [{ url: 'systemd:secure', \(pair) }, { url: 'systemd:0' }], loops: 2 }",
                to: "signalbox.json5")
            let ports = try FreePort.take(3)
            let program = try Program([
                "python3", Checkout.root + "/Tests/EndToEnd/clients/activate.py",
                "plain=\(ports[0])", "secure=\(ports[1])", "spare=\(ports[2])", "--",
                Checkout.signalbox, "serve", "--config", file,
            ])
            try waitUntil("an answer\n\(program.errors)") {
                try curl("http://127.0.0.1:\(ports[0])/livez").status == 200
            }
            for _ in 0..<5 {
                let secure = try curl(
                    "--cacert", files.path("ca.crt"), "https://localhost:\(ports[1])/livez")
                #expect(secure.status == 200)
            }
            try waitUntil("the banner\n\(program.output)") {
                program.output.contains("https://127.0.0.1:\(ports[1])\n")
                    && program.output.contains("http://127.0.0.1:\(ports[0])\n")
            }
            #expect(program.errors.contains("the socket spare, which no listener uses"))
            program.send(SIGTERM)
            #expect(try program.wait() == .exited(0))
        }

        @Test func `without systemd its listeners say so`() throws {
            let folder = try TemporaryFolder()
            let file = try folder.write("{ listeners: [{ url: 'systemd:web' }] }", to: "c.json5")
            let command = try Command.run([Checkout.signalbox, "serve", "--config", file])
            #expect(command.status == 1)
            #expect(
                command.errors.contains(
                    "cannot listen on systemd:web: systemd has handed over no sockets"))
        }

        @Test func `the service manager hears of start, life, reload and end`() throws {
            let files = try CertificateFolder()
            try files.make("server", names: "DNS:localhost")
            let port = try FreePort.take(1)[0]
            let file = try files.folder.write(
                """
                { loops: 2, listeners: [{ url: 'https://localhost:\(port)',
                  certificate: '\(files.path("server.crt"))', key: '\(files.path("server.key"))' }] }
                """, to: "signalbox.json5")
            let manager = try ServiceManager(files.path("notify"))
            let program = try serve(
                file, ["NOTIFY_SOCKET": files.path("notify"), "WATCHDOG_USEC": "200000"])
            try manager.waitFor("READY=1")
            // Whoever hears of it finds the gateway serving.
            #expect(try curl("-k", "https://localhost:\(port)/livez").status == 200)
            try manager.waitFor("WATCHDOG=1", count: 4)
            program.send(SIGHUP)
            try manager.waitFor("RELOADING=1")
            try manager.waitFor("READY=1", count: 2)
            #expect(program.errors.contains("certificates reloaded"))
            program.send(SIGTERM)
            try manager.waitFor("STOPPING=1")
            #expect(try program.wait() == .exited(0))
        }

        // MARK: PROXY protocol

        /// Starts haproxy in front of the two ports, with `option` in its server lines.
        private func startProxy(
            _ option: String, in folder: TemporaryFolder, before server: Server
        ) throws -> (Program, [Int]) {
            let ports = try FreePort.take(2)
            let file = try folder.write(
                """
                global
                    log stderr format raw local0 warning
                defaults
                    mode tcp
                    timeout connect 5s
                    timeout client 30s
                    timeout server 30s
                listen plain
                    bind 127.0.0.1:\(ports[0])
                    server gateway 127.0.0.1:\(server.httpPort) \(option)
                listen secure
                    bind 127.0.0.1:\(ports[1])
                    server gateway 127.0.0.1:\(server.httpsPort) \(option)

                """, to: "haproxy.cfg")
            let searchPath = ProcessInfo.processInfo.environment["PATH"] ?? ""
            let program = try Program(
                ["haproxy", "-f", file, "-W"],
                environment: ["PATH": searchPath + ":/usr/sbin:/sbin"])
            return (program, ports)
        }

        @Test(arguments: ["send-proxy", "send-proxy-v2", "send-proxy-v2 check inter 100ms"])
        func `behind haproxy the client has its own address`(option: String) throws {
            // One listener without the protocol, for the test's own questions.
            let open = try FreePort.take(1)[0]
            try Server.run(proxied: open) { server in
                let folder = try TemporaryFolder()
                let (program, ports) = try startProxy(option, in: folder, before: server)
                for (scheme, port) in [("http", ports[0]), ("https", ports[1])] {
                    let url = "\(scheme)://localhost:\(port)/v1/modules/context/show"
                    try waitUntil("haproxy: \(program.errors)\n\(server.program.errors)") {
                        let answer = try curl(
                            "-4", "--interface", "127.0.0.7", "--cacert", Checkout.authority, url)
                        guard answer.status == 200 else { return false }
                        #expect(try answer.decode(CallContext.self).client == "127.0.0.7")
                        return true
                    }
                }
                try server.waitForLog("127.0.0.7:", count: 2)
                #expect(server.logCount("refused") == 0)
                program.send(SIGTERM)
                try program.wait()
            }
        }

        @Test func `whoever comes without the header is refused, and the log says so`() throws {
            let open = try FreePort.take(1)[0]
            try Server.run(proxied: open) { server in
                let stranger = try RawConnection(port: server.httpPort)
                try stranger.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try? stranger.readToEnd()
                #expect(stranger.received.isEmpty)
                try server.waitForLog(
                    "refused: the connection does not begin with a PROXY header")
                let friend = try RawConnection(port: server.httpPort)
                try friend.send("PROXY TCP4 192.0.2.9 127.0.0.1 1000 80\r\n")
                try friend.send("GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                try friend.readToEnd()
                #expect(friend.text.hasPrefix("HTTP/1.1 200 "))
                try server.waitForLog("192.0.2.9:1000")
            }
        }
    }
}

extension Server {
    /// Runs `body` against a gateway whose two listeners expect the PROXY protocol; a third one, on
    /// `port`, does not.
    fileprivate static func run(proxied port: Int, _ body: (Server) throws -> Void) throws {
        let server = try Server(readyOn: port) { http, https in
            """
            {
                listeners: [
                    { url: 'http://127.0.0.1:\(port)' },
                    { url: 'http://127.0.0.1:\(http)', proxy_protocol: true },
                    { url: 'https://127.0.0.1:\(https)', proxy_protocol: true,
                      certificate: '\(Checkout.root)/certs/localhost.crt',
                      key: '\(Checkout.root)/certs/localhost.key' },
                ],
                log: { access: true },
                modules: { context: {
                    command: ['python3', '\(Checkout.root)/Tests/EndToEnd/modules/context.py'],
                    pass_context: true, commands: { show: { safe: true } },
                } },
            }
            """
        }
        do {
            try body(server)
        } catch {
            Issue.record("the gateway wrote:\n\(server.program.errors)")
            throw error
        }
        try server.stop()
    }
}

/// A socket such as systemd waits on, and all it has heard.
private final class ServiceManager {
    private let number: Int32
    private var heard: [Substring] = []

    init(_ path: String) throws {
        number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else { throw TestError(description: "bind: \(errnoText(errno))") }
    }

    deinit { close(number) }

    /// Waits until `line` has been heard `count` times.
    func waitFor(_ line: Substring, count: Int = 1) throws {
        try waitUntil("\(line) in \(heard)") {
            var bytes = [UInt8](repeating: 0, count: 4096)
            while case let count = recv(number, &bytes, bytes.count, Int32(MSG_DONTWAIT)),
                count > 0
            {
                heard += String(decoding: bytes.prefix(count), as: UTF8.self)
                    .split(separator: "\n").map { Substring(String($0)) }
            }
            return heard.filter { $0 == line }.count >= count
        }
    }
}
