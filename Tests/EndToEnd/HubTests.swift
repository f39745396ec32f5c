// Many subscribers that come and go, slow and dead ones, storms, floods and restarts, by hub.py; a
// long run of it is for hands: python3 Tests/EndToEnd/hub.py --binary .build/release/signalbox
// --restarts 6 --subscribers 1000 --seconds 300 --storm 2000 --rounds 4

import Foundation
import Testing

extension EndToEnd {
    @Suite struct HubTests {
        @Test func `every log is the publisher's, or says what is missing`() throws {
            let roomy = Configuration(
                modules: [], hasTick: false,
                more: "loops: 2, limits: { connections: 4000, connections_per_address: 4000 },")
            try Server.run(roomy) { server in
                let result = try Command.run(
                    [
                        "python3", Checkout.root + "/Tests/EndToEnd/hub.py", "\(server.httpPort)",
                        "--seconds", "2", "--pid", "\(server.program.pid)",
                    ],
                    within: .seconds(90))
                #expect(result.status == 0, "\(result.output)\(result.errors)")
                let told = try #require(try jsonObject(result.output))
                #expect(told["faulty"] as? Int == 0)
                #expect(told["connections"] as? Int ?? 0 > 120)
                #expect(told["acknowledged"] as? Int == told["attempted"] as? Int)
                // 16 MiB of history, what a hundred streams need, and nothing of those that are gone.
                let memory = try #require(told["memory_mib"] as? [String: Double])
                #expect(memory["end"] ?? .infinity < 48, "\(memory)")
            }
        }

        @Test func `every log is what was acknowledged, through SIGTERM and kill -9`() throws {
            let result = try Command.run(
                [
                    "python3", Checkout.root + "/Tests/EndToEnd/hub.py",
                    "--binary", Checkout.signalbox, "--restarts", "2", "--seconds", "1.5",
                    "--rounds", "0", "--dead", "0",
                ],
                within: .seconds(90))
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            let told = try #require(try jsonObject(result.output))
            #expect(told["faulty"] as? Int == 0)
            #expect(told["acknowledged"] as? Int ?? 0 > 50)
            // Nearly all were there before and after each.
            #expect(told["connections"] as? Int ?? 0 > 200)
            let outages = try #require(told["outages"] as? [[String: Any]])
            #expect(outages.map { $0["by"] as? String } == ["SIGTERM", "SIGKILL"])
            #expect(outages.map { $0["status"] as? Int } == [0, -9])
        }
    }
}
