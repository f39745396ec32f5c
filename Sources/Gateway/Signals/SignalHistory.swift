// SignalHistory: the last events, bounded by number, bytes and age, in total and by signal. Sans-IO:
// the hub says what time it is.
//
//     ring:   one slot a sequence number, empty where a signal's own limit let go
//     tracks: one a signal: which of its events are kept, up to which one they are gone
//     runs:   where numbers make a leap, as they do when the gateway starts again: the ring has no
//             slots for what lies between
//
// The place of any id is one subtraction away, however much is kept. What a stream has missed is
// told from the tracks, to the signal and the event.

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
    /// limits of others, or a restart, leave in the ring.
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

    /// Numbers between two leaps.
    private struct Run {
        var first: UInt64
        var last: UInt64
        /// What is taken from a number to get its place.
        var shift: UInt64
    }

    /// Leaps that are worth a run of their own; smaller ones leave slots empty.
    private static let leap: UInt64 = 64

    /// Called with each stored event that is let go.
    var onDrop: (SignalEvent) -> Void = { _ in }

    let bounds: Bounds
    private let spanLimit: Int
    private var past: [Run] = []
    private var run = Run(first: 0, last: .max, shift: 0)
    var ring: [Kept?] = []  // the number of slots is a power of two
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
        if event.sequence &- newest > Self.leap { beginRun(at: event.sequence, after: newest) }
        makeRoom(for: event.sequence)
        if count == 0 { oldest = event.sequence }
        newest = event.sequence
        ring[slot(event.sequence)] = Kept(event: event, track: track)
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
        beginRun(at: last &+ 1, after: newest)
        newest = last
        if count == 0 { oldest = last &+ 1 }
    }

    private mutating func beginRun(at first: UInt64, after last: UInt64) {
        past.append(Run(first: run.first, last: last, shift: run.shift))
        run = Run(first: first, last: .max, shift: run.shift &+ (first &- last &- 1))
    }

    /// The place of a number that was given; neighbours have places beside each other.
    @inline(__always)
    func place(_ sequence: UInt64) -> UInt64 {
        if sequence >= run.first { return sequence &- run.shift }
        let shift = past.last { sequence >= $0.first }?.shift ?? 0
        return sequence &- shift
    }

    @inline(__always)
    func slot(_ sequence: UInt64) -> Int {
        Int(truncatingIfNeeded: place(sequence)) & (ring.count - 1)
    }

    /// `sequence`, or if it lies in a leap, the first number behind it.
    @inline(__always)
    func landing(_ sequence: UInt64) -> UInt64 {
        if sequence >= run.first { return sequence }
        guard let next = past.first(where: { sequence <= $0.last }) else { return run.first }
        return max(sequence, next.first)
    }

    /// Sees to it that the slot of `sequence` is free.
    private mutating func makeRoom(for sequence: UInt64) {
        while count > 0, Int(clamping: place(sequence) - place(oldest)) >= spanLimit {
            dropOldest()
        }
        let span = count == 0 ? 1 : Int(clamping: place(sequence) - place(oldest)) + 1
        guard span > ring.count else { return }
        var size = max(ring.count, 32)
        while size < span { size *= 2 }
        var larger: [Kept?] = Array(repeating: nil, count: size)
        for case let kept? in ring {
            larger[Int(truncatingIfNeeded: place(kept.event.sequence)) & (size - 1)] = kept
        }
        ring = larger
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
        guard count > 0, let kept = ring[slot(oldest)] else { return }
        drop(oldest, kept.track)
    }

    /// Lets go of the event with that number, the oldest one of its signal.
    private mutating func drop(_ sequence: UInt64, _ track: SignalTrack) {
        guard let event = self[sequence] else { return }
        ring[slot(sequence)] = nil
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
        repeat { oldest = landing(oldest &+ 1) } while oldest <= newest && self[oldest] == nil
        if let first = past.first, first.last < oldest { past.removeFirst() }
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
