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

    @exclusivity(unchecked) private var deadlines: UnsafeMutableBufferPointer<UInt32>
    @exclusivity(unchecked) private(set) var nextSweep = UInt32.max
    @exclusivity(unchecked) private var isSweeping = false
    @exclusivity(unchecked) private var time = SweepTime()
    // SAFETY: `time` owns these words.
    @exclusivity(unchecked) private var words: UnsafeMutablePointer<SweepTime.Words>

    /// Makes a sweep without slots.
    public init() {
        deadlines = .allocate(capacity: 64)
        deadlines.initialize(repeating: .max)
        words = time.words
    }

    deinit { deadlines.deallocate() }

    /// Takes its time from a loop's from now on.
    func join(_ other: SweepTime) {
        time = other
        words = other.words
        words.pointee.lower(to: nextSweep)
    }

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
        let (sum, overflow) = words.pointee.tick.addingReportingOverflow(ticks)
        let deadline = overflow ? UInt32.max - 1 : min(sum, UInt32.max - 1)
        deadlines[slot] = deadline
        if deadline < nextSweep {
            nextSweep = deadline
            words.pointee.lower(to: deadline)
        }
    }

    /// Takes the deadline of `slot` away.
    public func disarm(_ slot: Int) {
        if slot < deadlines.count { deadlines[slot] = .max }
    }

    private func grow(to slot: Int) {
        let larger = UnsafeMutableBufferPointer<UInt32>.allocate(
            capacity: max(slot + 1, deadlines.count * 2))
        larger.initialize(repeating: .max)
        _ = larger.update(fromContentsOf: deadlines)
        deadlines.deallocate()
        deadlines = larger
    }

    /// Whether a sweep could find something.
    @inline(__always)
    var isDue: Bool { words.pointee.tick >= nextSweep && !isSweeping }

    /// Calls `onExpired` for every slot whose deadline has passed.
    func sweep() {
        guard isDue else { return }
        isSweeping = true
        nextSweep = .max
        var earliest = UInt32.max
        for slot in 0..<deadlines.count {
            let deadline = deadlines[slot]
            if deadline == .max { continue }
            if deadline <= words.pointee.tick {
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

/// The time of all sweeps of a loop, and when the first of them has something to do: a turn looks
/// at two words, however many sweeps there are.
///
/// Loop-confined.
final class SweepTime {
    struct Words {
        var tick: UInt32 = 0
        /// Not later than any sweep's next tick.
        var earliest = UInt32.max

        @inline(__always)
        mutating func setTime(_ now: UInt64) {
            tick = UInt32(clamping: now / IdleSweep.tickNanos)
        }

        @inline(__always)
        mutating func lower(to other: UInt32) {
            if other < earliest { earliest = other }
        }

        @inline(__always)
        var isDue: Bool { tick >= earliest }

        /// In monotonic nanoseconds; `.max` if there is none.
        @inline(__always)
        var nextDeadline: UInt64 {
            earliest == .max ? .max : UInt64(earliest) &* IdleSweep.tickNanos
        }
    }

    let words = UnsafeMutablePointer<Words>.allocate(capacity: 1)

    init() { words.initialize(to: Words()) }

    deinit { words.deallocate() }
}
