import Bytes
import Testing

@Suite struct QuantityTests {
    @Test(arguments: [(0, "0 events"), (1, "1 event"), (2, "2 events")])
    func `one is one, and all else many`(_ count: Int, _ expected: String) {
        #expect(Quantity.text(count, "event") == expected)
    }

    @Test(arguments: [
        (0, "0 bytes"), (1, "1 byte"), (1_000, "1000 bytes"), (1_024, "1 KiB"),
        (1_536, "1536 bytes"),
        (16 << 10, "16 KiB"), (3 << 20, "3 MiB"), (1 << 30, "1 GiB"), (5 << 40, "5120 GiB"),
        (Int.max, "9223372036854775807 bytes"), (-1_024, "-1024 bytes"),
    ])
    func `sizes have the largest unit that fits`(_ count: Int, _ expected: String) {
        #expect(Quantity.bytes(count) == expected)
    }
}
