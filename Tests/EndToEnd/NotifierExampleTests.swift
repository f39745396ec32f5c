// The programs of examples/notifier, run as their readers would run them.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct NotifierExampleTests {
        private static func path(_ name: String) -> String {
            let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            return bundle.deletingLastPathComponent().appendingPathComponent("example-\(name)").path
        }

        private static let outputs: [(name: String, lines: [String])] = [
            (
                "timer",
                ["tick 1", "tick 2", "once", "tick 3", "tick 4", "tick 5", "done"]
            ),
            (
                "child",
                [
                    "out: apple", "out: pear", "out: quince", "err: sorted",
                    "the child exited with status 3",
                ]
            ),
            (
                "run-and-kill",
                [
                    "hello world", "echo: exited with status 0", "sleep: killed by signal 15",
                    "execve no-such-program: No such file or directory", "children left: 0",
                ]
            ),
            (
                "signals",
                [
                    "display: 21.5 °C", "display: 31.5 °C", "alarm: too hot", "display: 33.5 °C",
                    "alarm is connected: false", "front door opened by Ada",
                    "back door opened by Charles", "512 bytes saved",
                    "there is no signal 'lost'",
                ]
            ),
            (
                "workers",
                ["at 500", "at 1000", "at 1500", "303 primes below 2000", "failed: NoLuck()"]
            ),
            (
                "async",
                [
                    "tick 1", "tick 2", "tick 3", "readable: true", "a worker says 5050",
                    "woken early", "done",
                ]
            ),
            (
                "embedding",
                ["tick 1", "tick 2", "tick 3", "child: hello", "the child exited with status 0"]
            ),
        ]

        /// Those of whose lines the order depends on who is faster.
        private static let unordered: Set = ["child", "workers"]

        @Test(arguments: outputs)
        func `an example prints what its reader expects`(name: String, lines: [String]) throws {
            let command = try Command.run([Self.path(name)])
            #expect(command.status == 0, "\(command.errors)")
            let printed = command.lines.map(String.init)
            if Self.unordered.contains(name) {
                #expect(printed.sorted() == lines.sorted())
            } else {
                #expect(printed == lines)
            }
        }

        @Test func `the echo server sends lines back and ends on a signal`() throws {
            let program = try Program([Self.path("echo")])
            let port = try waitFor("a port in \(program.output)") {
                program.output.split(separator: "\n").first?.split(separator: " ").last
                    .flatMap { Int($0) }
            }
            let (one, other) = (try RawConnection(port: port), try RawConnection(port: port))
            try one.send("first\nsec")
            try other.send("other\n")
            try other.read(until: { $0 == "other\n" })
            try one.send("ond\n")
            try one.read(until: { $0 == "first\nsecond\n" })
            program.send(SIGTERM)
            #expect(try program.wait() == .exited(0))
            #expect(program.output.hasSuffix("bye\n"))
        }

        @Test func `the log tail prints what is appended, also after a new beginning`() throws {
            let folder = try TemporaryFolder()
            let log = try folder.write("old\n", to: "log")
            let program = try Program([Self.path("log-tail"), log])
            try waitUntil("the beginning of \(program.output)") {
                program.output == "following \(log)\n"
            }
            try append("new\nhalf", to: log)
            try waitUntil("a line in \(program.output)") { program.output.hasSuffix("new\n") }
            try append(" a line\n", to: log)
            try waitUntil("the rest in \(program.output)") {
                program.output.hasSuffix("new\nhalf a line\n")
            }
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
            try file.truncate(atOffset: 0)
            try file.write(contentsOf: Data("anew\n".utf8))
            try file.close()
            try waitUntil("the new beginning in \(program.output)") {
                program.output.hasSuffix("half a line\nanew\n")
            }
            program.send(SIGTERM)
            #expect(try program.wait() == .exited(0))
        }

        private func append(_ text: String, to path: String) throws {
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            defer { try? file.close() }
            try file.seekToEnd()
            try file.write(contentsOf: Data(text.utf8))
        }
    }
}
