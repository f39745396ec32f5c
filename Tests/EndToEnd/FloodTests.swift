// Floods of connections against the built gateway, played by floods.py: heads that drip in byte by
// byte, and more connections than there are descriptors. The long runs are by hand; floods.py says
// how.

import Testing

extension EndToEnd {
    @Suite struct FloodTests {
        @Test(arguments: [
            ["slow", "--count", "300", "--seconds", "0.5", "--head-timeout", "1"],
            ["descriptors", "--limit", "128"],
        ])
        func `a flood of connections does not take the gateway from its guests`(
            _ options: [String]
        ) throws {
            let command = try Command.run(
                [
                    "python3", Checkout.root + "/Tests/EndToEnd/floods.py", options[0], "--binary",
                    Checkout.signalbox,
                ] + options.dropFirst(), within: .seconds(120))
            #expect(command.status == 0, "\(command.output)\n\(command.errors)")
            #expect(command.output.contains("\n0 surprises"))
        }
    }
}
