// IdleSweep: coarse deadlines for many connections, where arming one is a single store.
//
//     deadlines: [UInt32]   one tick number a slot, .max = not armed
//
// The owner numbers its slots. The array is scanned only when the earliest deadline known could
// have passed; deadlines that moved away meanwhile simply are not due. Scanning 10,000 slots costs
// about three microseconds, and an idle server scans once per idle timeout, not once per second.

/// Coarse deadlines by slot number.
///
/// Loop-confined.
public final class IdleSweep {
    /// Length of a tick: timeouts of seconds need no better.
    public static let tickNanos: UInt64 = 100_000_000

    /// Called with each slot whose deadline has passed; it is disarmed by then.
    @exclusivity(unchecked) public var onExpired: (Int) -> Void = { _ in }

    @exclusivity(unchecked) private var deadlines: ContiguousArray<UInt32> = []
    @exclusivity(unchecked) private var nextSweep = UInt32.max
    @exclusivity(unchecked) private var nowTick: UInt32 = 0
    @exclusivity(unchecked) private var isSweeping = false

    /// Makes a sweep without slots.
    public init() {}

    /// Number of ticks that last at least `duration`; at least 1.
    public static func ticks(_ duration: Duration) -> UInt32 {
        let nanos = UInt64(max(duration.nanoseconds, 0))
        // One more than the quotient: the present tick has partly gone by.
        return UInt32(clamping: nanos / tickNanos &+ 1)
    }

    /// Sets the deadline of `slot` to `ticks` from now.
    @inline(__always)
    public func arm(_ slot: Int, ticks: UInt32) {
        if slot >= deadlines.count { grow(to: slot) }
        let (sum, overflow) = nowTick.addingReportingOverflow(ticks)
        let deadline = overflow ? UInt32.max - 1 : min(sum, UInt32.max - 1)
        deadlines[slot] = deadline
        if deadline < nextSweep { nextSweep = deadline }
    }

    /// Takes the deadline of `slot` away.
    public func disarm(_ slot: Int) {
        if slot < deadlines.count { deadlines[slot] = .max }
    }

    private func grow(to slot: Int) {
        deadlines.append(
            contentsOf: repeatElement(UInt32.max, count: max(slot + 1, 64) - deadlines.count))
    }

    /// When the loop must call `advance` at the latest, in monotonic nanoseconds.
    var nextDeadline: UInt64? {
        nextSweep == .max ? nil : UInt64(nextSweep) * Self.tickNanos
    }

    /// Moves the sweep's time to `now` without looking for expired slots.
    @inline(__always)
    func setTime(_ now: UInt64) {
        nowTick = UInt32(clamping: now / Self.tickNanos)
    }

    /// Whether a sweep could find something.
    @inline(__always)
    var isDue: Bool { nowTick >= nextSweep && !isSweeping }

    /// Calls `onExpired` for every slot whose deadline has passed.
    func sweep() {
        guard isDue else { return }
        isSweeping = true
        nextSweep = .max
        var earliest = UInt32.max
        for slot in 0..<deadlines.count {
            let deadline = deadlines[slot]
            if deadline == .max { continue }
            if deadline <= nowTick {
                deadlines[slot] = .max
                onExpired(slot)
            } else if deadline < earliest {
                earliest = deadline
            }
        }
        // What `onExpired` armed has lowered nextSweep itself.
        nextSweep = min(nextSweep, earliest)
        isSweeping = false
    }
}
