// SignalHistory: the last events, bounded by number, bytes and age. Sans-IO: the hub says what time
// it is.
//
// Sequence numbers are contiguous, so the place of any id is one subtraction away, however much is
// kept.

internal import Bytes

/// The retained events, oldest first.
///
/// Loop-confined.
struct SignalHistory {
    /// Bounds of what is kept.
    struct Bounds: Sendable {
        /// Events at most.
        var events = 1_000
        /// Bytes at most, bookkeeping included.
        var bytes = 16 << 20
        /// Nanoseconds at most, or nil for no limit.
        var ageNanos: Int64?

        /// Bounds with their defaults.
        init() {}
    }

    private let bounds: Bounds
    private var ring: [SignalEvent?]
    private var head = 0  // index of the oldest
    private var byteCount = 0

    /// Number of retained events.
    private(set) var count = 0

    /// Sequence number of the newest event that was ever kept; 0 before the first.
    private(set) var newest: UInt64 = 0

    /// Makes an empty history.
    init(_ bounds: Bounds) {
        self.bounds = bounds
        ring = Array(repeating: nil, count: max(bounds.events, 1))
    }

    /// Sequence number of the oldest retained event; one more than `newest` if there is none.
    var oldest: UInt64 { newest &+ 1 &- UInt64(count) }

    /// Keeps `event`, whose sequence number follows `newest`, and lets old ones go.
    package mutating func append(_ event: SignalEvent) {
        if count == ring.count { dropOldest() }
        ring[(head + count) % ring.count] = event
        count += 1
        newest = event.sequence
        byteCount += event.byteCount
        while byteCount > bounds.bytes, count > 0 { dropOldest() }
        expire(event.wallNanos)
    }

    /// Lets go of what is too old at `wallNanos`.
    package mutating func expire(_ wallNanos: Int64) {
        guard let age = bounds.ageNanos else { return }
        while count > 0, let oldest = ring[head], wallNanos &- oldest.wallNanos > age {
            dropOldest()
        }
    }

    private mutating func dropOldest() {
        byteCount -= ring[head]?.byteCount ?? 0
        ring[head] = nil
        head = (head + 1) % ring.count
        count -= 1
    }

    /// The event with that sequence number, if it is still kept.
    subscript(_ sequence: UInt64) -> SignalEvent? {
        guard sequence >= oldest, sequence <= newest else { return nil }
        return ring[(head + Int(sequence - oldest)) % ring.count]
    }

    /// Events after `sequence` that match `filter`, in order, up to `byteLimit` bytes of them.
    ///
    /// - Returns: the events and the sequence number up to which everything has been looked at.
    func slice(
        after sequence: UInt64, _ filter: SignalFilter, byteLimit: Int
    ) -> (events: [SignalEvent], upTo: UInt64) {
        var found: [SignalEvent] = []
        var bytes = 0
        var next = max(sequence &+ 1, oldest)
        while next <= newest, bytes < byteLimit {
            if let event = self[next], filter.matches(event.name.bytes) {
                found.append(event)
                bytes += event.byteCount
            }
            next &+= 1
        }
        return (found, next &- 1)
    }
}
