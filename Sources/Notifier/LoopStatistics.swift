// LoopStatistics: what a loop counts about itself, at the price of a few additions a turn.

/// Counters of one loop since it began; a copy that stays as it is.
public struct LoopStatistics: Sendable {
    /// Number of buckets of `lateness`.
    public static let bucketCount = 24

    /// Turns made.
    public var turns: UInt64 = 0

    /// Turns that waited in the kernel; the others found work or were told not to sleep.
    public var sleeps: UInt64 = 0

    /// Callbacks of descriptors, timers, dispatchers, sweeps and mail.
    public var callbacks: UInt64 = 0

    /// Callbacks that threw.
    public var failures: UInt64 = 0

    /// Timers fired.
    public var timers: UInt64 = 0

    /// Timers by lateness: bucket `n` counts those less than 2^n microseconds late and not in the
    /// bucket before; the last counts all that were later.
    public var lateness = InlineArray<24, UInt64>(repeating: 0)

    /// The longest time one callback held the loop, as far as a `Watchdog` reported it; zero
    /// without one.
    public var longestHold = Duration.zero

    /// Makes counters of zero.
    public init() {}

    /// Below which lateness the timers of bucket `index` are; nil for the last, which has no bound.
    public static func latenessBound(ofBucket index: Int) -> Duration? {
        (0..<bucketCount - 1).contains(index) ? .microseconds(1 << index) : nil
    }

    /// Below which lateness the fraction `share` (0 to 1) of all timers stayed, by the bound of
    /// their bucket; nil if that is the last, or no timer has fired.
    public func lateness(ofShare share: Double) -> Duration? {
        let wanted = Double(timers) * min(max(share, 0), 1)
        var seen: UInt64 = 0
        for index in 0..<Self.bucketCount {
            seen &+= lateness[index]
            if seen > 0, Double(seen) >= wanted { return Self.latenessBound(ofBucket: index) }
        }
        return nil
    }

    /// Counts a timer that fired `lateNanos` after its deadline.
    mutating func noteTimer(lateNanos: UInt64) {
        timers &+= 1
        let micros = lateNanos / 1000
        let bucket = min(64 - micros.leadingZeroBitCount, Self.bucketCount - 1)
        lateness[bucket] &+= 1
    }
}

extension EventLoop {
    /// What the loop has done so far.
    public var statistics: LoopStatistics {
        var copy = counters
        let (callbacks, longest) = pulseCounts
        copy.callbacks = callbacks
        copy.failures = failureCount
        copy.longestHold = .nanoseconds(Int64(clamping: longest))
        return copy
    }
}
