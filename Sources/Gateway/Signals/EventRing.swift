// EventRing: events in the order of their numbers, bounded by number, bytes and age; any of them may
// be taken out, and the place of any number is found in a few steps however much is kept.
//
//     ring:    one slot an event, empty where one was taken out
//     numbers: the sequence number of each slot; they grow, with leaps where others were left free

internal import Bytes

/// Retained events of which many come and the oldest go.
///
/// Loop-confined.
struct EventRing {
    /// Bounds of what is kept.
    struct Bounds: Sendable, Equatable {
        /// Events at most.
        var events: Int
        /// Bytes at most, bookkeeping included.
        var bytes: Int
        /// Nanoseconds at most, or nil for no limit.
        var ageNanos: Int64?
    }

    /// An event and the signal it belongs to.
    struct Kept {
        let event: SignalEvent
        let track: SignalTrack
    }

    /// Slots for each event that may be kept, so that a rare signal survives the gaps that the
    /// limits of others leave in the ring.
    static let spread = 4

    /// Slots at least: a megabyte, once there are such gaps.
    static let leastSpan = 65_536

    let bounds: Bounds
    private let spanLimit: Int
    private var ring: [Kept?] = []  // the number of slots is a power of two
    private var numbers: [UInt64] = []

    /// The places in use: of the oldest event that is kept, and behind the newest.
    ///
    /// Places count up for ever; a place's slot is its remainder.
    private(set) var firstPlace = 0
    private(set) var endPlace = 0

    /// Number of events.
    private(set) var count = 0

    /// Bytes of them.
    private(set) var byteCount = 0

    /// Makes an empty ring.
    init(_ bounds: Bounds) {
        self.bounds = bounds
        let (span, isTooMany) = bounds.events.multipliedReportingOverflow(by: Self.spread)
        spanLimit = max(isTooMany ? .max : span, Self.leastSpan)
    }

    // MARK: Asking

    /// The oldest event.
    var oldest: Kept? { count > 0 ? self[firstPlace] : nil }

    /// Sequence number of the oldest event.
    var oldestNumber: UInt64? { count > 0 ? number(firstPlace) : nil }

    /// The oldest event if it must go by the number or the bytes of all.
    var tooMany: Kept? {
        count > bounds.events || byteCount > bounds.bytes ? oldest : nil
    }

    /// The oldest event if it must go before another can come, because it lies too far back.
    var tooFar: Kept? { endPlace - firstPlace >= spanLimit ? oldest : nil }

    /// The oldest event if it must go by its age at `wallNanos`.
    func tooOld(_ wallNanos: Int64) -> Kept? {
        guard let age = bounds.ageNanos, let oldest,
            wallNanos &- oldest.event.wallNanos > age
        else { return nil }
        return oldest
    }

    /// What is kept at a place in use; nil if it was taken out.
    subscript(_ place: Int) -> Kept? { ring[slot(place)] }

    /// The event with that sequence number, if it is still kept.
    func event(_ sequence: UInt64) -> SignalEvent? {
        guard count > 0 else { return nil }
        let place = place(sequence)
        guard place < endPlace, number(place) == sequence else { return nil }
        return self[place]?.event
    }

    @inline(__always)
    private func slot(_ place: Int) -> Int { place & (ring.count - 1) }

    /// The sequence number at a place in use; the greatest of all numbers behind the last one.
    @inline(__always)
    func number(_ place: Int) -> UInt64 { place < endPlace ? numbers[slot(place)] : .max }

    /// The first place in use whose number is `sequence` or more; `endPlace` if there is none.
    func place(_ sequence: UInt64) -> Int {
        guard firstPlace < endPlace, sequence > number(firstPlace) else { return firstPlace }
        let last = number(endPlace - 1)
        guard sequence <= last else { return endPlace }
        // Numbers without a leap between them are as far apart as their places.
        let guess = endPlace - 1 - Int(clamping: last - sequence)
        if guess >= firstPlace, number(guess) == sequence { return guess }
        var low = firstPlace
        var high = endPlace - 1
        while low < high {
            let middle = (low + high) / 2
            if number(middle) < sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: Changing

    /// Adds an event, whose number is greater than all others; the ring must not be too long.
    mutating func append(_ event: SignalEvent, _ track: SignalTrack) {
        if count == 0 { firstPlace = endPlace }
        grow(to: endPlace - firstPlace + 1)
        ring[slot(endPlace)] = Kept(event: event, track: track)
        numbers[slot(endPlace)] = event.sequence
        endPlace += 1
        count += 1
        byteCount += event.byteCount
    }

    /// Takes out the event with that number, if it is there.
    mutating func remove(_ sequence: UInt64) -> SignalEvent? {
        guard let event = event(sequence) else { return nil }
        ring[slot(place(sequence))] = nil
        count -= 1
        byteCount -= event.byteCount
        while firstPlace < endPlace, ring[slot(firstPlace)] == nil { firstPlace += 1 }
        return event
    }

    private mutating func grow(to span: Int) {
        guard span > ring.count else { return }
        var size = max(ring.count, 32)
        while size < span { size *= 2 }
        var larger: [Kept?] = Array(repeating: nil, count: size)
        var fresh = [UInt64](repeating: 0, count: size)
        for place in firstPlace..<endPlace {
            larger[place & (size - 1)] = ring[slot(place)]
            fresh[place & (size - 1)] = number(place)
        }
        ring = larger
        numbers = fresh
    }
}
