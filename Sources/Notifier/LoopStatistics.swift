// LoopStatistics: what a loop counts about itself, at the price of a few additions a turn.

/// Counters of one loop since it began.
public struct LoopStatistics: Sendable {
    /// Turns made.
    public var turns: UInt64 = 0

    /// Callbacks of descriptors, timers, dispatchers and mail.
    public var callbacks: UInt64 = 0

    /// Timers fired.
    public var timers: UInt64 = 0

    /// Timers by lateness: bucket `n` counts those less than 2^n microseconds late.
    public var lateness = InlineArray<24, UInt64>(repeating: 0)

    /// Counts a timer that fired `lateNanos` after its deadline.
    mutating func noteTimer(lateNanos: UInt64) {
        timers &+= 1
        callbacks &+= 1
        let micros = lateNanos / 1000
        let bucket = min(64 - micros.leadingZeroBitCount, 23)
        lateness[bucket] &+= 1
    }
}
