// Clients of the built gateway that go away, or close their sending side, while their call is at
// work: the call is called off, and whoever still reads learns why.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct LeavingTests {
        private static let slow = Configuration(
            modules: [Configuration.slow], hasTick: false,
            more: "limits: { half_close_timeout: '300ms' }, log: { access: true },")

        private func leave(_ how: String, _ server: Server) throws -> [String] {
            // A child that still starts is not told of calls that have ended meanwhile.
            #expect(try curl("--data", "{}", server.http("/v1/modules/slow/echo")).status == 200)
            let command = try Command.run(
                [
                    "python3", Checkout.root + "/Tests/EndToEnd/leaving.py", how,
                    "--http", "\(server.httpPort)", "--https", "\(server.httpsPort)",
                    "--ca", Checkout.authority,
                ], within: .seconds(60))
            try #require(command.status == 0, "\(command.output)\n\(command.errors)")
            return command.output.split(separator: "\n").map(String.init)
        }

        /// Waits until `count` calls have been called off, and stand as left in the access log.
        private func expectCalledOff(
            _ count: Int, _ server: Server, _ signals: StreamReader
        ) throws {
            _ = try signals.events(of: "slow.cancelled", count: count, within: .seconds(5))
            try waitUntil("\(count) lines with 499 in\n\(server.program.errors)") {
                server.program.errors.split(separator: "\n").count {
                    $0.contains("/v1/modules/slow/hold") && $0.contains(" 499 ")
                } == count
            }
        }

        private struct Told: Decodable {
            let door: String
            let answers: Int
            let status: Int
            let ending: String
            let connection: String
            let detail: String
        }

        @Test func `a half-closed client learns why it is not answered, and TLS ends properly`()
            throws
        {
            try Server.run(Self.slow) { server in
                let signals = try StreamReader(server.http("/v1/events?signal=slow.cancelled"))
                let told = try leave("half", server).map {
                    try JSONDecoder().decode(Told.self, from: Data($0.utf8))
                }
                #expect(told.count == 6)
                for one in told {
                    #expect(one.answers == 1 && one.status == 408 && one.connection == "close")
                    #expect(one.detail.contains("limits.half_close_timeout"), "\(one.detail)")
                    #expect(one.ending == (one.door == "TLS" ? "close_notify" : "end"))
                }
                try expectCalledOff(6, server, signals)
            }
        }

        @Test func `a client that goes away with much unread has its call called off`() throws {
            try Server.run(Self.slow) { server in
                let signals = try StreamReader(server.http("/v1/events?signal=slow.cancelled"))
                let gone = try leave("gone", server)
                #expect(gone == ["4"])
                try expectCalledOff(4, server, signals)
            }
        }
    }
}
