// What a request may allocate, counted by Tests/Benchmarks/allocations.py: nothing, unless it is a
// debug build.

import Testing

extension EndToEnd {
    @Suite struct AllocationTests {
        @Test(.enabled(if: Checkout.signalbox.contains("/release/"), "only of a release build"))
        func `a request allocates nothing on a connection that stays`() throws {
            let command = try Command.run(
                [
                    "python3", Checkout.root + "/Tests/Benchmarks/allocations.py", "--binary",
                    Checkout.signalbox, "--ca", Checkout.authority, "--requests", "1000",
                ], within: .seconds(120))
            #expect(command.status == 0, "\(command.output)\n\(command.errors)")
            #expect(command.output.contains("allocations-get 0.00 per request"))
        }
    }
}
