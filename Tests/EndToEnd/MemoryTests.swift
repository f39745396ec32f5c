// What a storm of streams leaves behind in the gateway's memory: nothing, after a few seconds.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct MemoryTests {
        @Test func `after a storm of streams the memory is what it was before`() throws {
            let roomy = Configuration(
                modules: [], hasTick: false,
                more: "loops: 2, limits: { connections: 4000, connections_per_address: 4000 },")
            try Server.run(roomy) { server in
                let result = try Command.run(
                    [
                        "python3", Checkout.root + "/Tests/EndToEnd/storm_memory.py",
                        "\(server.httpPort)", "\(server.program.pid)", "--streams", "3000",
                        "--within", "40",
                    ],
                    within: .seconds(90))
                #expect(result.status == 0, "\(result.output)\(result.errors)")
                let told = try #require(try jsonObject(result.output) as? [String: Double])
                let before = try #require(told["before"])
                // The storm was one: else nothing is shown.
                #expect(try #require(told["during"]) > before + 2, "\(told)")
                #expect(try #require(told["after"]) < before + 4, "\(told)")
            }
        }
    }
}
