// Many subscribers that come and go, slow ones, storms and floods, by hub.py; a long run of it is for
// hands: python3 Tests/EndToEnd/hub.py PORT --subscribers 1000 --seconds 300 --storm 2000 --pid PID

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
                // 16 MiB of history, what a hundred streams need, and nothing of those that are gone.
                let memory = try #require(told["memory_mib"] as? [String: Double])
                #expect(memory["end"] ?? .infinity < 48, "\(memory)")
            }
        }
    }
}
