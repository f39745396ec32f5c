// A token bucket against moments and what they may be told.

import Testing

@testable import Gateway

@Suite struct RateLimitTests {
    @Test func `a burst of a second's worth passes, then one for each share of a second`() {
        var limit = RateLimit(perSecond: 4, now: 1_000)
        let burst = (0..<6).map { _ in limit.spend(1_000) }
        #expect(burst == [true, true, true, true, false, false])
        let shares = [249, 250, 250].map { limit.spend(1_000 + $0 * 1_000_000) }
        #expect(shares == [false, true, false])
        // However long nothing comes, no more than a second's worth gathers.
        let late: UInt64 = 3_600_000_000_000
        let passed = (0..<6).count { _ in limit.spend(late) }
        #expect(passed == 4)
        // A clock that stands still or goes back gives nothing.
        let backward = limit.spend(late - 1_000_000_000)
        #expect(!backward)
    }
}
