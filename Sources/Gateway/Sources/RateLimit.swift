// RateLimit: so many a second, in bursts of up to a second's worth: a token bucket.

/// How often something may happen.
///
/// Loop-confined.
struct RateLimit {
    private let perSecond: Double
    private var tokens: Double
    private var filledAt: UInt64

    /// A full bucket for `perSecond` a second, at `now` in nanoseconds of a monotonic clock.
    init(perSecond: Int, now: UInt64) {
        self.perSecond = Double(perSecond)
        tokens = Double(perSecond)
        filledAt = now
    }

    /// Whether it may happen once more at `now`, which then counts.
    mutating func spend(_ now: UInt64) -> Bool {
        if now > filledAt {
            tokens = min(tokens + Double(now - filledAt) / 1e9 * perSecond, perSecond)
            filledAt = now
        }
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
