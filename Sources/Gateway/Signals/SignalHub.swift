// SignalHub: the one place where signals get their order. It lives on the control loop, numbers
// what is emitted, keeps the history and tells every loop.
//
//     emit → number → history → each loop's SubscriptionTable, in the same order everywhere
//
// A stream that resumes is fed from the history in slices; because messages between two loops keep
// their order, it is live at the very message that brings the last slice: no gap, no duplicate.

internal import Bytes

/// What a resuming stream gets next.
struct ReplaySlice: Sendable {
    /// Events in order.
    var events: [SignalEvent]
    /// Everything up to here has been looked at.
    var upTo: UInt64
    /// There was nothing more: the stream is live from here.
    var isLive: Bool
    /// What the stream missed before the first of `events`.
    var gap: SignalGap?
}

/// Events that a stream asked for and can no longer get.
struct SignalGap: Sendable, Equatable {
    /// Why they are gone.
    enum Reason: String, Sendable {
        /// The history no longer reaches back.
        case evicted
        /// The id is from another run of the gateway.
        case epoch
    }

    /// The last id that the stream had.
    var from: String
    /// The last id that is lost.
    var to: String
    /// Why.
    var reason: Reason
}

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

    private var history: SignalHistory
    private var sequence: UInt64 = 0
    private var filters: [SignalFilter: Int] = [:]
    private var names: [String: NameFacts] = [:]

    /// What is known of one signal.
    struct NameFacts: Sendable {
        /// Sequence number of its last event.
        var last: UInt64
        /// Events so far.
        var emitted: UInt64
    }

    /// Names remembered for `/v1/signals`; a client that invents more is served but not listed.
    static let nameLimit = 10_000

    /// Makes a hub with an empty history.
    init(epoch: SignalEpoch, history bounds: SignalHistory.Bounds) {
        self.epoch = epoch
        history = SignalHistory(bounds)
    }

    /// Emits a signal; returns its sequence number and how many streams asked for it.
    func emit(
        _ name: Payload, _ data: Payload, wallNanos: Int64
    ) -> (sequence: UInt64, subscribers: Int) {
        sequence &+= 1
        let event = SignalEvent(
            sequence: sequence, name: name, data: data, wallNanos: wallNanos)
        history.append(event)
        note(event)
        // Counted first: spreading it may cut streams, which had asked for it all the same.
        var count = 0
        for (filter, streams) in filters where filter.matches(name.bytes) { count += streams }
        onEvent(event)
        return (event.sequence, count)
    }

    private func note(_ event: SignalEvent) {
        let name = String(decoding: event.name.bytes, as: UTF8.self)
        let before = names[name]
        if before == nil, names.count >= Self.nameLimit { return }
        names[name] = NameFacts(last: event.sequence, emitted: (before?.emitted ?? 0) &+ 1)
    }

    /// Counts a new stream.
    func subscribed(_ filter: SignalFilter) {
        filters[filter, default: 0] += 1
    }

    /// Counts a stream out.
    func unsubscribed(_ filter: SignalFilter) {
        guard let count = filters[filter] else { return }
        filters[filter] = count > 1 ? count - 1 : nil
    }

    /// Number of open streams.
    var subscriberCount: Int { filters.values.reduce(0, +) }

    /// Number of retained events.
    var retainedCount: Int { history.count }

    /// The known signals by name, each with its subscribers.
    func list() -> [(name: String, facts: NameFacts, subscribers: Int)] {
        names.sorted { $0.key < $1.key }.map { name, facts in
            var copy = name
            let count = copy.withUTF8 { bytes in
                filters.reduce(0) {
                    $0 + ($1.key.matches(UnsafeRawBufferPointer(bytes)) ? $1.value : 0)
                }
            }
            return (name, facts, count)
        }
    }

    /// What a stream that had been at `point` gets next.
    func replay(
        _ point: ResumePoint, _ filter: SignalFilter, wallNanos: Int64
    ) -> ReplaySlice {
        history.expire(wallNanos)
        switch point {
        case .live:
            return ReplaySlice(events: [], upTo: sequence, isLive: true, gap: nil)
        case .unknown(let id):
            let gap = SignalGap(from: id, to: epoch.id(history.oldest &- 1), reason: .epoch)
            var slice = self.slice(after: history.oldest &- 1, filter)
            slice.gap = gap
            return slice
        case .after(let last) where last > sequence:
            // An id of this epoch that was never given: somebody invented it.
            let id = epoch.id(last)
            return replay(.unknown(id), filter, wallNanos: wallNanos)
        case .after(let last):
            var slice = self.slice(after: last, filter)
            if last &+ 1 < history.oldest {
                slice.gap = SignalGap(
                    from: epoch.id(last), to: epoch.id(history.oldest &- 1), reason: .evicted)
            }
            return slice
        }
    }

    private func slice(after last: UInt64, _ filter: SignalFilter) -> ReplaySlice {
        let (events, upTo) = history.slice(
            after: last, filter, byteLimit: Self.sliceByteCount)
        return ReplaySlice(
            events: events, upTo: max(upTo, last), isLive: upTo >= sequence, gap: nil)
    }
}
