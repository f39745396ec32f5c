// SignalHistory: the last events, bounded by number, bytes and age, in total and by signal. Sans-IO:
// the hub says what time it is.
//
//     ring:    one slot an event, empty where a signal's own limit let go
//     numbers: the sequence number of each slot; they grow, with leaps where others were left free
//     tracks:  one a signal: which of its events are kept, up to which one they are gone
//
// The place of any id is found in a few steps, however much is kept: at once where no number is left
// out. What a stream has missed is told from the tracks, to the signal and the event.

internal import Bytes

/// The retained events, oldest first.
///
/// Loop-confined.
struct SignalHistory {
    /// Bounds of what is kept.
    struct Bounds: Sendable {
        /// Events at most.
        var events = 1_000
        /// Bytes at most, bookkeeping included; as many again for latest values.
        var bytes = 16 << 20
        /// Nanoseconds at most, or nil for no limit.
        var ageNanos: Int64?
        /// Limits of single signals; the first that matches counts.
        var rules: [SignalRule] = []

        /// Bounds with their defaults.
        init() {}
    }

    /// Signals that are remembered without an event that is kept; the ones that have been idle
    /// longest are forgotten first.
    static let nameLimit = 10_000

    /// Slots for each event that may be kept, so that a rare signal survives the gaps that the
    /// limits of others leave in the ring.
    static let spread = 4

    /// Slots at least: a megabyte, once there are such gaps.
    static let leastSpan = 65_536

    /// Events looked at for one slice, so that a stream that asks for something rare does not hold
    /// the loop: about 50 microseconds.
    static let lookLimit = 4096

    struct Kept {
        let event: SignalEvent
        let track: SignalTrack
    }

    /// Called with each stored event that is let go.
    var onDrop: (SignalEvent) -> Void = { _ in }

    let bounds: Bounds
    private let spanLimit: Int
    private(set) var ring: [Kept?] = []  // the number of slots is a power of two
    private var numbers: [UInt64] = []
    /// The places in use: of the oldest event that is kept, and behind the newest.
    ///
    /// Places count up for ever; a place's slot is its remainder.
    private(set) var firstPlace = 0
    private(set) var endPlace = 0
    var latestBytes = 0
    var names: [String: SignalTrack] = [:]
    private var idle: [SignalTrack] = []
    private var firstIdle = 0
    private var aged: [SignalTrack] = []
    private var nextExpiry = Int64.min

    /// Number of retained events.
    private(set) var count = 0

    /// Bytes of retained events.
    private(set) var byteCount = 0

    /// Sequence number of the newest event; 0 before the first.
    private(set) var newest: UInt64 = 0

    /// Sequence number of the oldest retained event; one more than `newest` if there is none.
    private(set) var oldest: UInt64 = 1

    /// Sequence number of the newest event that is gone.
    private(set) var lostUpTo: UInt64 = 0

    /// Sequence number up to which events of signals that are not remembered may be gone.
    private(set) var forgottenUpTo: UInt64 = 0

    /// Sequence number up to which an earlier run of the gateway gave numbers to what it did not
    /// store.
    private(set) var unstoredUpTo: UInt64 = 0

    /// Makes an empty history.
    init(_ bounds: Bounds) {
        self.bounds = bounds
        spanLimit = max(bounds.events * Self.spread, Self.leastSpan)
    }

    // MARK: Keeping

    /// The track of the signal `name`, made if there is none.
    mutating func track(_ name: Payload) -> SignalTrack {
        let text = String(decoding: name.bytes, as: UTF8.self)
        if let known = names[text] { return known }
        if names.count >= Self.nameLimit { forgetIdle() }
        let rule = bounds.rules.first { $0.pattern.matches(name.bytes) }
        let fresh = SignalTrack(name: text, nameBytes: name, rule: rule)
        // What was forgotten may have been of this name.
        fresh.lostUpTo =
            rule?.isDurable == true ? forgottenUpTo : max(forgottenUpTo, unstoredUpTo)
        if rule?.ageNanos != nil { aged.append(fresh) }
        names[text] = fresh
        return fresh
    }

    /// Keeps `event`, whose sequence number is greater than `newest`, and lets old ones go.
    mutating func append(_ event: SignalEvent) {
        let track = track(event.name)
        track.emitted &+= 1
        makeRoom()
        if count == 0 {
            firstPlace = endPlace
            oldest = event.sequence
        }
        newest = event.sequence
        ring[slot(endPlace)] = Kept(event: event, track: track)
        numbers[slot(endPlace)] = event.sequence
        endPlace += 1
        count += 1
        byteCount += event.byteCount
        track.append(event)
        keepLatest(event, track)
        while count > bounds.events || byteCount > bounds.bytes, count > 0 { dropOldest() }
        trim(track)
        expire(event.wallNanos)
    }

    /// Takes back what an earlier run has kept.
    ///
    /// - Parameters:
    ///   - events: in the order of their sequence numbers.
    ///   - newest: the last sequence number that was given to any event.
    ///   - losses: the signals of which older events than those are gone, with the last of these.
    ///   - lostUpTo: the last number that may have been given to an event of a signal that is in
    ///     neither; 0 if there is none. Durable signals are never meant.
    mutating func restore(
        _ events: [SignalEvent], losses: [(signal: Payload, upTo: UInt64)], newest last: UInt64,
        lostUpTo lost: UInt64
    ) {
        for loss in losses {
            let track = track(loss.signal)
            track.lostUpTo = max(track.lostUpTo, loss.upTo)
            lostUpTo = max(lostUpTo, loss.upTo)
        }
        for event in events where event.sequence > newest { append(event) }
        unstoredUpTo = max(unstoredUpTo, lost)
        lostUpTo = max(lostUpTo, lost)
        guard last > newest else { return }
        newest = last
        if count == 0 { oldest = last &+ 1 }
    }

    /// The slot of a place.
    @inline(__always)
    func slot(_ place: Int) -> Int { place & (ring.count - 1) }

    /// The sequence number at a place in use.
    @inline(__always)
    func number(_ place: Int) -> UInt64 { numbers[slot(place)] }

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

    /// Sees to it that the slot of the next place is free.
    private mutating func makeRoom() {
        while count > 0, endPlace - firstPlace >= spanLimit { dropOldest() }
        let span = count == 0 ? 1 : endPlace - firstPlace + 1
        guard span > ring.count else { return }
        var size = max(ring.count, 32)
        while size < span { size *= 2 }
        var larger: [Kept?] = Array(repeating: nil, count: size)
        var fresh = [UInt64](repeating: 0, count: size)
        if count > 0 {
            for place in firstPlace..<endPlace {
                larger[place & (size - 1)] = ring[slot(place)]
                fresh[place & (size - 1)] = number(place)
            }
        }
        ring = larger
        numbers = fresh
    }

    /// Keeps what new streams of a latest-value signal begin with, while there is room for it.
    private mutating func keepLatest(_ event: SignalEvent, _ track: SignalTrack) {
        guard track.rule?.isLatest == true else { return }
        latestBytes -= track.latest?.byteCount ?? 0
        track.latest = nil
        guard latestBytes + event.byteCount <= bounds.bytes else { return }
        track.latest = event
        latestBytes += event.byteCount
    }

    /// Holds the limits of the signal's own rule.
    private mutating func trim(_ track: SignalTrack) {
        guard let rule = track.rule else { return }
        while track.count > rule.events ?? .max || track.byteCount > rule.bytes ?? .max,
            let oldest = track.oldest
        {
            drop(oldest, track)
        }
    }

    /// Lets go of what is too old at `wallNanos`.
    mutating func expire(_ wallNanos: Int64) {
        if let age = bounds.ageNanos {
            while count > 0, let event = self[oldest], wallNanos &- event.wallNanos > age {
                dropOldest()
            }
        }
        // Tracks are looked through ten times a second at most.
        guard !aged.isEmpty, wallNanos >= nextExpiry else { return }
        nextExpiry = wallNanos &+ 100_000_000
        for track in aged {
            guard let age = track.rule?.ageNanos else { continue }
            while let oldest = track.oldest, let event = self[oldest],
                wallNanos &- event.wallNanos > age
            {
                drop(oldest, track)
            }
        }
    }

    private mutating func dropOldest() {
        guard count > 0, let kept = ring[slot(firstPlace)] else { return }
        drop(oldest, kept.track)
    }

    /// Lets go of the event with that number, the oldest one of its signal.
    private mutating func drop(_ sequence: UInt64, _ track: SignalTrack) {
        guard let event = self[sequence] else { return }
        ring[slot(place(sequence))] = nil
        count -= 1
        byteCount -= event.byteCount
        lostUpTo = max(lostUpTo, sequence)
        track.dropOldest(bytes: event.byteCount)
        if track.count == 0, track.latest == nil, !track.isIdle {
            track.isIdle = true
            idle.append(track)
        }
        if track.rule?.isDurable == true { onDrop(event) }
        guard sequence == oldest else { return }
        repeat { firstPlace += 1 } while firstPlace < endPlace && ring[slot(firstPlace)] == nil
        oldest = firstPlace < endPlace ? number(firstPlace) : newest &+ 1
    }

    /// Forgets the signal that has been without a kept event for longest.
    private mutating func forgetIdle() {
        while firstIdle < idle.count {
            let track = idle[firstIdle]
            firstIdle += 1
            if firstIdle * 2 > idle.count {
                idle.removeFirst(firstIdle)
                firstIdle = 0
            }
            track.isIdle = false
            guard track.count == 0, track.latest == nil else { continue }
            forgottenUpTo = max(forgottenUpTo, track.lostUpTo)
            names[track.name] = nil
            aged.removeAll { $0 === track }
            return
        }
    }
}
