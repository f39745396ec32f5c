// Reactions of a running gateway that run a program: what it reads, what becomes of what it writes,
// and how it ends when it must.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct ReactionTests {
        private static func configuration(_ reactions: String) -> Configuration {
            Configuration(modules: [], hasTick: false, more: "reactions: { \(reactions) },")
        }

        private func emit(_ server: Server, _ signal: String, _ data: String = "{}") throws {
            let answer = try curl("--data", data, server.http("/v1/signals/\(signal)"))
            #expect(answer.status == 200, "\(answer.body)")
        }

        @Test func `a program reads the event, and what it writes becomes a signal`() throws {
            let reactions = """
                say: {
                    on: { signal: 'demo.*' }, result: 'note.said',
                    exec: ['python3', '\(Checkout.root)/examples/reactions/describe.py'],
                },
                name: {
                    on: { signal: 'demo.*' }, result: 'note.named', output: 'lines',
                    exec: ['sh', '-c', 'echo "$1"; cat >&2', 'sh', '{type}'],
                },
                """
            try Server.run(Self.configuration(reactions)) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=note.*"))
                try emit(server, "demo.note", #"{"free": 0}"#)
                let said = try stream.events(of: "note.said", count: 1)
                #expect(said[0].data.hasPrefix(#"{"text":"demo.note at 2"#), "\(said)")
                #expect(said[0].data.hasSuffix(#": {\"free\": 0}"}"#), "\(said)")
                let named = try stream.events(of: "note.named", count: 1)
                #expect(named[0].data == #"["demo.note"]"#)
            }
        }

        @Test(
            arguments: [
                (
                    "exec: ['sh', '-c', 'echo no such user >&2; exit 3']", "3",
                    "its program exited with code 3: no such user"
                ),
                (
                    "exec: ['sh', '-c', 'sleep 60 & wait'], timeout: '200ms', stop_timeout: '10ms'",
                    nil,
                    "its program took longer than 200ms and was ended for it"
                ),
                (
                    "exec: ['sh', '-c', 'kill -9 $$']", "SIGKILL (9)",
                    "its program was ended by SIGKILL (9)"
                ),
                (
                    "exec: ['yes'], output_size: '1KiB'", nil,
                    "of its program: it wrote more than 1 KiB"
                ),
                ("exec: ['/no/such/program']", nil, "its program could not be started"),
            ] as [(String, String?, String)])
        func `a program that fails is counted and logged, and leaves nothing behind`(
            _ members: String, exit: String?, sentence: String
        ) throws {
            let reaction = "bad: { on: { signal: 'demo.bad' }, \(members) },"
            try Server.run(Self.configuration(reaction)) { server in
                try emit(server, "demo.bad")
                try waitUntil("the failure in the log: \(server.program.errors)") {
                    server.program.errors.contains("reaction bad failed: \(sentence)")
                }
                try waitUntil("no child") { server.children.isEmpty }
                let metrics = try curl(server.http("/metrics")).body
                #expect(metrics.contains(#"signalbox_reaction_failures_total{reaction="bad"} 1"#))
                let line = #"signalbox_reaction_exits_total{reaction="bad",exit="#
                #expect(metrics.contains(line) == (exit != nil))
                if let exit { #expect(metrics.contains("\(line)\"\(exit)\"} 1")) }
            }
        }

        @Test func `a program that still runs ends with the gateway`() throws {
            let reaction = """
                long: {
                    on: { signal: 'demo.long' }, exec: ['sh', '-c', 'trap "" TERM; sleep 60 & wait'],
                    stop_timeout: '100ms',
                },
                """
            try Server.run(Self.configuration(reaction)) { server in
                try emit(server, "demo.long")
                try waitUntil("the program to run") { !server.children.isEmpty }
            }
        }
    }
}
