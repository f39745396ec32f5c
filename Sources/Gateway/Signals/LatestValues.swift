// LatestValues: the last event of each signal whose rule says that new streams begin with it, in the
// order of their numbers, so that a stream is given some at a time.

internal import Bytes

/// The latest values that are kept.
///
/// Loop-confined.
struct LatestValues {
    private struct Entry {
        let sequence: UInt64
        let track: SignalTrack

        /// Whether no newer value has come since.
        var isCurrent: Bool { track.latest?.sequence == sequence }
    }

    private var entries: [Entry] = []
    private var staleCount = 0

    /// Bytes of all values.
    private(set) var byteCount = 0

    /// Whether there is none.
    var isEmpty: Bool { entries.isEmpty }

    /// Makes `event`, newer than all values, the one of `track`, while there is room for it.
    mutating func set(_ event: SignalEvent, of track: SignalTrack, byteLimit: Int) {
        if let old = track.latest {
            byteCount -= old.byteCount
            staleCount += 1
        }
        track.latest = nil
        if byteCount + event.byteCount <= byteLimit {
            track.latest = event
            byteCount += event.byteCount
            entries.append(Entry(sequence: event.sequence, track: track))
        }
        // Half of it stale: one move for each value on average.
        guard staleCount * 2 > entries.count, staleCount >= 32 || staleCount == entries.count else {
            return
        }
        entries.removeAll { !$0.isCurrent }
        staleCount = 0
    }

    /// Calls `body` with the values whose numbers lie in `range`, in order, until it says false.
    func forEach(in range: ClosedRange<UInt64>, _ body: (SignalEvent) -> Bool) {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].sequence < range.lowerBound {
                low = middle + 1
            } else {
                high = middle
            }
        }
        for entry in entries[low...] {
            guard entry.sequence <= range.upperBound else { return }
            if entry.isCurrent, let value = entry.track.latest, !body(value) { return }
        }
    }
}
