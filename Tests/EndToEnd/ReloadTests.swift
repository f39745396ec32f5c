// New certificates in the place of old ones while the gateway serves.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct ReloadTests {
        /// Certificates `one` and `two`, of which `one` is `served`.
        private func files() throws -> CertificateFolder {
            let files = try CertificateFolder()
            try files.make("one", names: "DNS:localhost")
            try files.make("two", names: "DNS:localhost")
            try files.install("one", as: "served")
            return files
        }

        private func pair(_ files: CertificateFolder) -> String {
            "certificate: '\(files.path("served.crt"))', key: '\(files.path("served.key"))', "
        }

        private func subject(_ server: Server) throws -> String {
            let client = try Command.run(
                ["openssl", "s_client", "-connect", "localhost:\(server.httpsPort)"], input: "Q\n")
            let line = client.lines.first { $0.hasPrefix("subject=") } ?? ""
            return String(line.dropFirst(8)).replacing(" ", with: "")
        }

        @Test func `HUP reads certificates again, on every loop before the log says so`() throws {
            let files = try files()
            let more = "loops: 3, tls: { watch_interval: '0s' },"
            try Server.run(tls: pair(files), more: more) { server in
                #expect(try subject(server) == "CN=one")
                try files.install("two", as: "served")
                server.program.send(SIGHUP)
                try server.waitForLog("certificates reloaded: CN=two until 20")
                for _ in 0..<6 { #expect(try subject(server) == "CN=two") }
            }
        }

        @Test func `HUP opens the log file anew, takes its level, and says what it leaves`() throws
        {
            let folder = try TemporaryFolder()
            let port = try FreePort.take(1)[0]
            func write(_ level: String, _ more: String = "") throws -> String {
                try folder.write(
                    """
                    { listeners: [{ url: 'http://127.0.0.1:\(port)' }], \(more)
                      log: { file: 'box.log', level: '\(level)' } }
                    """, to: "c.json5")
            }
            func log(_ name: String) -> String {
                (try? String(contentsOfFile: folder.file(name), encoding: .utf8)) ?? ""
            }
            let program = try Program([
                Checkout.signalbox, "serve", "--config", try write("info"),
            ])
            try waitUntil("the gateway") { (try? RawConnection(port: port)) != nil }
            let taken = "reloaded: the log file, level and format of the log"
            try FileManager.default.moveItem(
                atPath: folder.file("box.log"), toPath: folder.file("old.log"))
            program.send(SIGHUP)
            try waitUntil("the new file") { log("box.log").contains(taken + "\n") }
            #expect(!log("old.log").contains("reloaded"))
            let left =
                "not reloaded: what else has changed in the configuration, which needs a restart"
            _ = try write("warning", "loops: 3,")
            program.send(SIGHUP)
            try waitUntil("what is left") { log("box.log").contains("\(taken); \(left)\n") }
            _ = try write("nonsense")
            program.send(SIGHUP)
            try waitUntil("what is wrong") {
                log("box.log").contains("; not reloaded: the configuration, which is not usable\n")
            }
            _ = try write("info")
            program.send(SIGHUP)
            try waitUntil("the first line of that level") {
                log("box.log").components(separatedBy: taken + "\n").count == 3
            }
            program.send(SIGTERM)
            #expect(try program.wait() == .exited(0))
        }

        @Test func `each reload is told as a signal, and so is why it was refused`() throws {
            let folder = try TemporaryFolder()
            let server = try Server(in: folder) { http, _ in
                "{ listeners: [{ url: 'http://localhost:\(http)' }] }"
            }
            let stream = try StreamReader(server.http("/v1/events?signal=signalbox.config.*"))
            func reload(_ count: Int, _ listener: String) throws -> Reloaded {
                _ = try folder.write("{ listeners: [\(listener)], }", to: "signalbox.json5")
                server.program.send(SIGHUP)
                let event = try stream.events(of: "signalbox.config.reloaded", count: count)
                return try JSONDecoder().decode(
                    Reloaded.self, from: Data(event[count - 1].data.utf8))
            }
            let url = "{ url: 'http://localhost:\(server.httpPort)' }"
            let first = try reload(1, url)
            #expect(first.ok && !first.restart_needed && first.reason == nil)
            #expect(first.reloaded == ["level and format of the log"])
            let refused = try reload(2, "{ url: 'http://localhost:0', colour: 'red' }")
            #expect(!refused.ok && refused.reloaded.isEmpty)
            #expect(refused.reason?.contains("signalbox.json5:1: listeners[0].colour") == true)
            let other = try reload(3, url + ", { url: 'http://localhost:0' }")
            #expect(other.ok && other.restart_needed && other.reason == nil)
            try server.stop()
        }

        @Test func `changed files are noticed without a signal`() throws {
            let files = try files()
            let more = "tls: { watch_interval: '100ms' },"
            try Server.run(tls: pair(files), more: more) { server in
                #expect(try subject(server) == "CN=one")
                try files.install("two", as: "served")
                try server.waitForLog("certificates reloaded: CN=two")
                #expect(try subject(server) == "CN=two")
                #expect(server.logCount("certificates not reloaded") == 0)
            }
        }

        @Test func `a bad pair keeps the old one and says which file and why`() throws {
            let files = try files()
            let more = "loops: 2, tls: { watch_interval: '0s' },"
            try Server.run(tls: pair(files), more: more) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=signalbox.config.*"))
                try files.shell("cp two.crt served.crt")
                server.program.send(SIGHUP)
                let said =
                    "certificates not reloaded, the old ones stay: \(files.path("served.key"))"
                try server.waitForLog("\(said): certificate and key do not match")
                let told = try stream.events(of: "signalbox.config.reloaded", count: 1)[0].data
                #expect(told.contains(#""ok":false"#), "\(told)")
                #expect(told.contains("certificate and key do not match"), "\(told)")
                #expect(try subject(server) == "CN=one")
                try files.shell("rm served.key")
                server.program.send(SIGHUP)
                try server.waitForLog("\(said): no such file")
                #expect(try subject(server) == "CN=one")
                try files.install("two", as: "served")
                server.program.send(SIGHUP)
                try server.waitForLog("certificates reloaded: CN=two")
                #expect(try subject(server) == "CN=two")
            }
        }

        @Test func `reloads under load fail no request`() throws {
            let files = try files()
            let more = "loops: 2, tls: { watch_interval: '100ms', ticket_rotation: '1s' },"
            try Server.run(tls: pair(files), more: more) { server in
                let stop = files.path("stop")
                let load = try Program([
                    "python3", Checkout.root + "/Tests/EndToEnd/clients/load.py",
                    "\(server.httpsPort)", files.path("ca.crt"), stop,
                ])
                // Four threads open connections: of five answers one began after this was asked.
                func waitForAnswers() throws {
                    func count(_ line: String) -> Int {
                        load.errors.components(separatedBy: line).count - 1
                    }
                    let (new, kept) = (count("new\n"), count("kept\n"))
                    try waitUntil("answers: \(load.errors.suffix(500))") {
                        count("new\n") >= new + 5 && count("kept\n") >= kept + 5
                    }
                }
                try waitForAnswers()
                for round in 1...8 {
                    try files.install(round % 2 == 1 ? "two" : "one", as: "served")
                    server.program.send(SIGHUP)
                    try server.waitForLog("certificates reloaded: CN=", count: round)
                    try waitForAnswers()
                }
                try files.shell("touch stop")
                try load.wait()
                let result = try JSONDecoder().decode(
                    LoadResult.self, from: Data(load.output.utf8))
                #expect(result.failed == [])
                #expect(result.serials.count == 2)
                #expect(result.answered >= 90 && result.kept >= 45)
            }
        }
    }
}

/// What clients/load.py prints.
private struct LoadResult: Decodable {
    let answered: Int
    let kept: Int
    let failed: [String]
    let serials: [String]
}

/// The data of signalbox.config.reloaded.
private struct Reloaded: Decodable {
    let ok: Bool
    let reloaded: [String]
    let restart_needed: Bool
    let reason: String?
}
