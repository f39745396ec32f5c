// SignalHub: the one place where signals get their order. It lives on the control loop, numbers
// what is emitted, keeps the history and tells every loop.
//
//     emit → number → history → each loop's SubscriptionTable, in the same order everywhere
//     durable: emit → disk, numbered when its batch begins → the same way once that is stored
//
// A batch on its way to the disk has numbers ahead of all that is published meanwhile: so what is not
// durable waits for nobody, and what everybody hears is in the order of its numbers nevertheless.
// A stream that resumes is fed from the history in slices; because messages between two loops keep
// their order, it is live at the very message that brings the last slice: no gap, no duplicate.

internal import Bytes

/// Numbers, keeps and spreads signals.
///
/// Loop-confined, on the control loop.
final class SignalHub {
    /// Bytes of replay sent to one stream before it is waited for.
    static let sliceByteCount = 64 * 1024

    /// The run of the gateway that ids belong to.
    let epoch: SignalEpoch

    /// Called with each event, for every loop to deliver.
    var onEvent: (SignalEvent) -> Void = { _ in }

    /// Called with each event as soon as it is in the history, before anybody hears of it.
    var onAppend: (SignalEvent) -> Void = { _ in }

    /// Why a durable event with so many bytes cannot be stored now; nil if it can.
    var refusal: (_ byteCount: Int) -> String? = { _ in nil }

    /// Takes each durable emission; `numberBatch` follows for several, then `publish` or `discard`.
    var onHold: ((HeldEmission) -> Void)?

    /// Called with each number that is given to an event that is not stored.
    var onNumber: ((UInt64) -> Void)?

    /// Numbers left free for what is emitted while a batch is written: far more than any disk is
    /// slow.
    static let numbersAhead: UInt64 = 1 << 18

    /// The first number of the batch on its way to the disk.
    private var batchStart: UInt64?
    private var lastTicket: UInt64 = 0

    private var history: SignalHistory
    private var window = EmissionWindow()
    private var sequence: UInt64 = 0
    private var wishes: [SignalFilter: Wish] = [:]
    private var wishIndex = PatternIndex<Wish>()
    private var askCount: UInt64 = 0

    /// Number of open streams.
    private(set) var subscriberCount = 0

    /// Events published.
    private(set) var emittedCount: UInt64 = 0

    /// Emissions that were not new, by their key.
    private(set) var repeatedCount: UInt64 = 0

    /// Makes a hub with an empty history.
    init(epoch: SignalEpoch, history bounds: SignalHistory.Bounds) {
        self.epoch = epoch
        history = SignalHistory(bounds)
    }

    /// Goes on where an earlier run of the same epoch has ended; see `SignalHistory.restore`.
    ///
    /// To be called before the first emission.
    func restore(
        _ events: [SignalEvent], losses: [(signal: Payload, upTo: UInt64)], newest: UInt64,
        lostUpTo: UInt64, forgottenUpTo: UInt64 = 0
    ) {
        history.restore(
            events, losses: losses, newest: newest, lostUpTo: lostUpTo,
            forgottenUpTo: forgottenUpTo)
        sequence = max(sequence, history.newest)
        for loss in losses {
            let track = history.track(loss.signal)
            track.last = max(track.last, loss.upTo)
        }
    }

    // MARK: Emitting

    /// Emits a signal.
    ///
    /// - Parameters:
    ///   - key: an Idempotency-Key, under which it is emitted once only.
    ///   - depth: the number of reactions that lie behind it.
    func emit(
        _ name: Payload, _ data: Payload, wallNanos: Int64, key: Payload? = nil, depth: Int = 0
    ) -> Emission {
        if let key, let known = window.find(key, wallNanos: wallNanos) {
            guard known.digest == EmissionWindow.digest(name, data) else { return .keyIsTaken }
            repeatedCount &+= 1
            return known.sequence > 0
                ? .repeated(known.sequence, subscribers: known.subscribers)
                : .held(
                    ticket: known.ticket, subscribers: known.subscribers, isRepeated: true)
        }
        // Counted first: spreading it may cut streams, which had asked for it all the same.
        if let onHold, isDurable(name) {
            if let reason = refusal(data.count) { return .notStored(reason) }
            let count = subscriberCount(name, data)
            lastTicket &+= 1
            remember(key, name, data, wallNanos, count, ticket: lastTicket)
            onHold(
                HeldEmission(
                    ticket: lastTicket, name: name, data: data, wallNanos: wallNanos,
                    depth: depth, key: key))
            return .held(ticket: lastTicket, subscribers: count, isRepeated: false)
        }
        guard sequence &+ 1 < batchStart ?? .max else {
            return .notStored("the disk does not come to an end with what was emitted before")
        }
        sequence &+= 1
        let count = subscriberCount(name, data)
        remember(key, name, data, wallNanos, count, sequence: sequence)
        onNumber?(sequence)
        publish(
            SignalEvent(
                sequence: sequence, name: name, data: data, wallNanos: wallNanos, depth: depth))
        return .emitted(sequence, subscribers: count)
    }

    private func subscriberCount(_ name: Payload, _ data: Payload) -> Int {
        var count = 0
        forEachWish(for: name) { if $0.filter.holds(data) { count += $0.streams } }
        return count
    }

    /// Calls `body` with each wish that means the signal `name`, once.
    private func forEachWish(for name: Payload, _ body: (Wish) -> Void) {
        askCount &+= 1
        wishIndex.forEach(wanting: name.bytes) { wish in
            guard wish.asked != askCount else { return }
            wish.asked = askCount
            body(wish)
        }
    }

    private func remember(
        _ key: Payload?, _ name: Payload, _ data: Payload, _ wallNanos: Int64, _ subscribers: Int,
        sequence: UInt64 = 0, ticket: UInt64 = 0
    ) {
        guard let key else { return }
        window.insert(
            key,
            EmissionWindow.Record(
                sequence: sequence, ticket: ticket, subscribers: subscribers,
                digest: EmissionWindow.digest(name, data), wallNanos: wallNanos))
    }

    private func publish(_ event: SignalEvent) {
        emittedCount &+= 1
        history.append(event)
        onAppend(event)
        onEvent(event)
    }

    // MARK: On the disk

    /// The first number of a batch of emissions that goes to the disk now.
    ///
    /// `publish` or `discard` must follow before the next batch.
    func numberBatch() -> UInt64 {
        precondition(batchStart == nil, "one batch at a time is on its way to the disk")
        let first = sequence &+ 1 &+ Self.numbersAhead
        batchStart = first
        return first
    }

    /// Publishes the batch, which is stored now.
    func publish(_ batch: [(held: HeldEmission, event: SignalEvent)]) {
        batchStart = nil
        for (held, event) in batch {
            sequence = event.sequence
            if let key = held.key { window.settle(key, ticket: held.ticket, event.sequence) }
            publish(event)
        }
    }

    /// Forgets the batch, which could not be stored.
    func discard(_ batch: [HeldEmission]) {
        batchStart = nil
        for held in batch {
            if let key = held.key { window.forget(key, ticket: held.ticket) }
        }
    }

    /// Whether the signal `name` is to be stored.
    func isDurable(_ name: Payload) -> Bool { history.track(name).rule?.isDurable == true }

    /// Called with each stored event that the history lets go.
    func whenDropped(_ action: @escaping (SignalEvent) -> Void) { history.onDrop = action }

    // MARK: Counting

    /// What some of the open streams ask for.
    private final class Wish {
        let filter: SignalFilter
        var streams = 0
        /// The last question that it was asked.
        var asked: UInt64 = 0

        init(_ filter: SignalFilter) { self.filter = filter }
    }

    /// Counts a new stream.
    func subscribed(_ filter: SignalFilter) {
        let wish = wishes[filter] ?? Wish(filter)
        if wish.streams == 0 {
            wishes[filter] = wish
            wishIndex.insert(wish, for: filter.patterns)
        }
        wish.streams += 1
        subscriberCount += 1
    }

    /// Counts a stream out.
    func unsubscribed(_ filter: SignalFilter) {
        guard let wish = wishes[filter] else { return }
        wish.streams -= 1
        if wish.streams == 0 {
            wishes[filter] = nil
            wishIndex.remove(wish, for: filter.patterns)
        }
        subscriberCount -= 1
    }

    /// Number of different wishes of the open streams.
    var filterCount: Int { wishes.count }

    /// Number of retained events.
    var retainedCount: Int { history.count }

    /// Bytes of retained events.
    var retainedBytes: Int { history.byteCount }

    /// Number of the last event.
    var newest: UInt64 { sequence }

    /// Number of the oldest retained event; one more than `newest` if there is none.
    var oldest: UInt64 { history.oldest }

    /// What is known of one signal.
    struct NameFacts: Sendable {
        /// Its name.
        var name: String
        /// Sequence number of its last event; nil if it is not known.
        var last: UInt64?
        /// Events so far.
        var emitted: UInt64
        /// Events that are kept, and their bytes.
        var retained: Int
        var bytes: Int
        /// A new stream begins with its last event.
        var isLatest: Bool
        /// Streams that ask for it, whatever their conditions.
        var subscribers: Int
    }

    /// The known signals by name, each with its subscribers.
    func list() -> [NameFacts] {
        history.tracks.sorted.map { track in
            var subscribers = 0
            forEachWish(for: track.nameBytes) { subscribers += $0.streams }
            return NameFacts(
                name: track.name, last: track.last > 0 ? track.last : nil, emitted: track.emitted,
                retained: track.count, bytes: track.byteCount,
                isLatest: track.rule?.isLatest == true, subscribers: subscribers)
        }
    }

    // MARK: Replaying

    /// What a stream that had been at `point` gets next.
    func replay(
        _ point: ResumePoint, _ filter: SignalFilter, wallNanos: Int64
    ) -> ReplaySlice {
        history.expire(wallNanos)
        switch point {
        case .live: return snapshot(after: 0, then: history.newest, filter)
        case .snapshot(let last, let then): return snapshot(after: last, then: then, filter)
        case .unknown(let id): return pastOfAnother(id, filter)
        case .after(let last) where last > history.newest:
            // An id of this epoch that was never given: somebody invented it.
            return pastOfAnother(epoch.id(last), filter)
        case .after(let last): return past(after: last, filter, told: nil)
        case .following(let last, let told): return past(after: last, filter, told: told)
        }
    }

    private func past(
        after last: UInt64, _ filter: SignalFilter, told: UInt64?
    ) -> ReplaySlice {
        var slice = slice(after: last, filter)
        addLatest(after: last, filter, &slice)
        let losses = history.losses(after: last, filter, told: told)
        if !losses.isEmpty { note(losses, from: epoch.id(last), .evicted, &slice) }
        return slice
    }

    private func slice(after last: UInt64, _ filter: SignalFilter) -> ReplaySlice {
        let (events, upTo) = history.slice(after: last, filter, byteLimit: Self.sliceByteCount)
        let position = max(upTo, last)
        return ReplaySlice(
            events: events, position: position,
            next: position >= history.newest
                ? nil : .following(position, told: history.dropCount))
    }

    /// The past from its very beginning, for a stream whose id means nothing here.
    private func pastOfAnother(_ id: String, _ filter: SignalFilter) -> ReplaySlice {
        var slice = slice(after: history.oldest &- 1, filter)
        addLatest(after: 0, filter, &slice)
        let lost = history.losses(after: 0, filter).map(\.upTo).max() ?? 0
        note(filter.patterns.map { ($0.text, lost) }, from: id, .epoch, &slice)
        return slice
    }

    /// Adds the latest values that the history has no more: of all that is lost they matter most.
    ///
    /// Where there are more than a slice takes it ends with the last of them.
    private func addLatest(
        after last: UInt64, _ filter: SignalFilter, _ slice: inout ReplaySlice
    ) {
        guard slice.position > last, history.lostUpTo > last else { return }
        let (values, upTo) = history.latest(
            in: (last &+ 1)...slice.position, filter, byteLimit: Self.sliceByteCount, gone: true)
        if upTo < slice.position {
            slice.events.removeAll { $0.sequence > upTo }
            slice.position = upTo
            slice.next = .following(upTo, told: history.dropCount)
        }
        guard !values.isEmpty else { return }
        slice.events = (values + slice.events).sorted { $0.sequence < $1.sequence }
    }

    private func note(
        _ losses: [(signal: String, upTo: UInt64)], from: String, _ reason: SignalGap.Reason,
        _ slice: inout ReplaySlice
    ) {
        slice.gap = SignalGap(
            from: from, losses: losses.map { SignalGap.Loss(signal: $0.signal, upTo: $0.upTo) },
            position: slice.events.first.map { $0.sequence &- 1 } ?? slice.position,
            reason: reason)
    }

    /// The latest values after `last`, and when there are no more what came since `then`.
    private func snapshot(
        after last: UInt64, then: UInt64, _ filter: SignalFilter
    ) -> ReplaySlice {
        let (events, upTo) = history.latest(
            in: min(last &+ 1, then)...then, filter, byteLimit: Self.sliceByteCount)
        var slice = ReplaySlice(events: events, isSnapshot: true, position: then)
        if upTo < then {
            slice.next = .snapshot(upTo, then: then)
        } else if then < history.newest {
            slice.next = .after(then)
        }
        return slice
    }
}
