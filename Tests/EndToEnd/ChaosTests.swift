// Modules that misbehave in every way, 200 clients, and an eye on every answer: a short run of
// chaos.py. Its long run is by hand: `--calls 1000000`.

import Testing

extension EndToEnd {
    @Suite struct ChaosTests {
        @Test func `no answer goes astray among modules that misbehave`() throws {
            let command = try Command.run(
                [
                    "python3", Checkout.root + "/Tests/EndToEnd/chaos.py", "--binary",
                    Checkout.signalbox, "--calls", "20000",
                ], within: .seconds(240))
            #expect(command.status == 0, "\(command.output)\n\(command.errors)")
            #expect(command.output.contains("\n0 surprises"))
        }
    }
}
