// SignalHistory: what is kept of the past: the last events, the latest values, and what is known of
// each signal. Sans-IO: the hub says what time it is.
//
//     passing, durable: rings of events, with bounds of their own: no flood washes out what is stored
//     tracks:           one a signal: which of its events are kept, up to which one they are gone
//     values:           the latest values, in the order of their numbers
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
        /// Of events that nobody stores.
        var passing = EventRing.Bounds(events: 1_000, bytes: 16 << 20)
        /// Of events that are stored.
        var durable = EventRing.Bounds(events: 10_000, bytes: 16 << 20)
        /// Bytes of latest values at most.
        var latestBytes = 16 << 20
        /// Limits of single signals; the first that matches counts.
        var rules: [SignalRule] = []

        /// Bounds with their defaults.
        init() {}
    }

    /// Signals that are remembered without an event that is kept; the ones that have been idle
    /// longest are forgotten first.
    static let nameLimit = 10_000

    /// Events or values looked at for one slice, so that a stream that asks for something rare does
    /// not hold the loop: about 50 microseconds.
    static let lookLimit = 4096

    /// Signals of one pattern that are named one by one when they lost something; where there are
    /// more the pattern is named.
    static let namedLimit = 64

    /// Called with each stored event that is let go.
    var onDrop: (SignalEvent) -> Void = { _ in }

    let bounds: Bounds
    private(set) var passing: EventRing
    private(set) var durable: EventRing
    private(set) var tracks = TrackIndex()
    private(set) var values = LatestValues()
    /// Tracks without a kept event, with the rest that each began then; a later one is another rest.
    private var idle: [(track: SignalTrack, rest: UInt64)] = []
    private var firstIdle = 0
    private var restCount: UInt64 = 0
    private var aged: [SignalTrack] = []
    private var nextExpiry = Int64.min

    /// Sequence number of the newest event; 0 before the first.
    private(set) var newest: UInt64 = 0

    /// Sequence number of the newest event that is gone.
    private(set) var lostUpTo: UInt64 = 0

    /// Number of events and names that were let go: what goes later is told later.
    private(set) var dropCount: UInt64 = 0

    /// When a name was last forgotten.
    private(set) var forgottenAt: UInt64 = 0

    /// Sequence number up to which events of signals that are not remembered may be gone.
    private(set) var forgottenUpTo: UInt64 = 0

    /// Sequence number up to which an earlier run of the gateway gave numbers to what it did not
    /// store.
    private(set) var unstoredUpTo: UInt64 = 0

    /// Makes an empty history.
    init(_ bounds: Bounds) {
        self.bounds = bounds
        passing = EventRing(bounds.passing)
        durable = EventRing(bounds.durable)
    }

    // MARK: Keeping

    /// The track of the signal `name`, made if there is none.
    mutating func track(_ name: Payload) -> SignalTrack {
        let text = String(decoding: name.bytes, as: UTF8.self)
        if let known = tracks[text] { return known }
        if tracks.count >= Self.nameLimit { forgetIdle() }
        let rule = bounds.rules.first { $0.pattern.matches(name.bytes) }
        let fresh = SignalTrack(name: text, nameBytes: name, rule: rule)
        // What was forgotten may have been of this name.
        fresh.lostUpTo =
            fresh.isDurable ? forgottenUpTo : max(forgottenUpTo, unstoredUpTo)
        if rule?.ageNanos != nil { aged.append(fresh) }
        tracks.insert(fresh)
        rest(fresh)
        return fresh
    }

    /// Keeps `event`, whose sequence number is greater than `newest`, and lets old ones go.
    mutating func append(_ event: SignalEvent) {
        let track = track(event.name)
        track.emitted &+= 1
        newest = event.sequence
        if track.isDurable {
            while let kept = durable.tooFar { drop(kept) }
            durable.append(event, track)
        } else {
            while let kept = passing.tooFar { drop(kept) }
            passing.append(event, track)
        }
        track.append(event)
        track.rest = 0
        keepLatest(event, track)
        while let kept = durable.tooMany { drop(kept) }
        while let kept = passing.tooMany { drop(kept) }
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
    ///   - forgottenUpTo: the last number of a stored event that is gone with its signal forgotten.
    mutating func restore(
        _ events: [SignalEvent], losses: [(signal: Payload, upTo: UInt64)], newest last: UInt64,
        lostUpTo lost: UInt64, forgottenUpTo forgotten: UInt64 = 0
    ) {
        forgottenUpTo = max(forgottenUpTo, forgotten)
        lostUpTo = max(lostUpTo, forgotten)
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
    }

    /// Keeps what new streams of a latest-value signal begin with, while there is room for it.
    private mutating func keepLatest(_ event: SignalEvent, _ track: SignalTrack) {
        guard track.rule?.isLatest == true else { return }
        values.set(event, of: track, byteLimit: bounds.latestBytes)
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
        while let kept = passing.tooOld(wallNanos) { drop(kept) }
        while let kept = durable.tooOld(wallNanos) { drop(kept) }
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

    private mutating func drop(_ kept: EventRing.Kept) { drop(kept.event.sequence, kept.track) }

    /// Lets go of the event with that number, the oldest one of its signal.
    private mutating func drop(_ sequence: UInt64, _ track: SignalTrack) {
        let event = track.isDurable ? durable.remove(sequence) : passing.remove(sequence)
        lostUpTo = max(lostUpTo, sequence)
        dropCount &+= 1
        track.droppedAt = dropCount
        track.dropOldest(bytes: event?.byteCount ?? 0)
        if track.count == 0, track.latest == nil { rest(track) }
        if track.isDurable, let event { onDrop(event) }
    }

    /// Notes that a signal is without a kept event from now on.
    private mutating func rest(_ track: SignalTrack) {
        restCount &+= 1
        track.rest = restCount
        idle.append((track, restCount))
        // Half of it out of date: one move for each rest on average.
        guard idle.count > 2 * tracks.count + 64 else { return }
        idle = idle[firstIdle...].filter { $0.track.rest == $0.rest }
        firstIdle = 0
    }

    /// Forgets the signal that has been without a kept event for longest.
    private mutating func forgetIdle() {
        while firstIdle < idle.count {
            let (track, rest) = idle[firstIdle]
            firstIdle += 1
            if firstIdle * 2 > idle.count {
                idle.removeFirst(firstIdle)
                firstIdle = 0
            }
            guard track.rest == rest, track.count == 0, track.latest == nil else { continue }
            forgottenUpTo = max(forgottenUpTo, track.lostUpTo)
            dropCount &+= 1
            forgottenAt = dropCount
            tracks.remove(track)
            aged.removeAll { $0 === track }
            return
        }
    }
}
