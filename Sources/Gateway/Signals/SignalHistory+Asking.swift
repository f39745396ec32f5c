// SignalHistory+Asking: what the history knows: single events, what a stream has missed, latest values.

internal import Bytes

extension SignalHistory {
    // MARK: Asking

    /// The event with that sequence number, if it is still kept.
    subscript(_ sequence: UInt64) -> SignalEvent? {
        passing.event(sequence) ?? durable.event(sequence)
    }

    /// Number of retained events.
    var count: Int { passing.count + durable.count }

    /// Bytes of retained events.
    var byteCount: Int { passing.byteCount + durable.byteCount }

    /// Sequence number of the oldest retained event; one more than `newest` if there is none.
    var oldest: UInt64 {
        min(passing.oldestNumber ?? newest &+ 1, durable.oldestNumber ?? newest &+ 1)
    }

    /// Events after `sequence` that `filter` wants, in order, up to `byteLimit` bytes of them.
    ///
    /// - Returns: the events and the sequence number up to which everything has been looked at.
    func slice(
        after sequence: UInt64, _ filter: SignalFilter, byteLimit: Int
    ) -> (events: [SignalEvent], upTo: UInt64) {
        var place = passing.place(sequence &+ 1)
        var stored = durable.place(sequence &+ 1)
        let left = passing.endPlace - place + durable.endPlace - stored
        if left > Self.lookLimit, let few = exact(filter) {
            return merge(few, after: sequence, filter, byteLimit)
        }
        var found: [SignalEvent] = []
        var bytes = 0
        var looked = 0
        while true {
            let next = min(passing.number(place), durable.number(stored))
            guard next < .max else { return (found, newest) }
            guard bytes < byteLimit, looked < Self.lookLimit else { return (found, next &- 1) }
            looked += 1
            let kept: EventRing.Kept?
            if passing.number(place) == next {
                kept = passing[place]
                place += 1
            } else {
                kept = durable[stored]
                stored += 1
            }
            if let event = kept?.event, filter.wants(event) {
                found.append(event)
                bytes += event.byteCount
            }
        }
    }

    /// The tracks that `filter` names, if it has no wildcard.
    private func exact(_ filter: SignalFilter) -> [SignalTrack]? {
        guard filter.isExact else { return nil }
        return filter.patterns.compactMap { tracks[$0.text] }
    }

    /// As `slice`, but by the tracks of the wanted signals: what is between does not matter.
    private func merge(
        _ tracks: [SignalTrack], after sequence: UInt64, _ filter: SignalFilter, _ byteLimit: Int
    ) -> (events: [SignalEvent], upTo: UInt64) {
        var places = tracks.map { $0.place(after: sequence) }
        var found: [SignalEvent] = []
        var bytes = 0
        var looked = 0
        var upTo = sequence
        while bytes < byteLimit, looked < Self.lookLimit {
            var first: (index: Int, sequence: UInt64)?
            for (index, track) in tracks.enumerated() {
                guard let next = track[places[index]], next < first?.sequence ?? .max else {
                    continue
                }
                first = (index, next)
            }
            guard let first else { return (found, newest) }
            places[first.index] += 1
            looked += tracks.count
            upTo = first.sequence
            if let event = self[first.sequence], filter.wants(event) {
                found.append(event)
                bytes += event.byteCount
            }
        }
        return (found, upTo)
    }

    /// The signals of which `filter` would want events after `sequence` that are gone, each with the
    /// number of the last such event.
    ///
    /// Patterns stand in for signals where names were forgotten, and where there are more than
    /// `namedLimit`: a notice stays small, whatever is lost.
    ///
    /// A latest value is not lost with its event: the stream gets it all the same.
    ///
    /// - Parameter told: the `dropCount` up to which the stream knows of all; nil if of nothing.
    func losses(
        after sequence: UInt64, _ filter: SignalFilter, told: UInt64? = nil
    ) -> [(signal: String, upTo: UInt64)] {
        guard lostUpTo > sequence, told != dropCount else { return [] }
        var losses: [(signal: String, upTo: UInt64)] = []
        var named: Set<String> = []
        for pattern in filter.patterns {
            var found: [(signal: String, upTo: UInt64)] = []
            var bound = told.map { forgottenAt > $0 } ?? true ? unknownLoss(pattern) : 0
            var all: UInt64 = 0
            tracks.forEach(of: pattern) { track in
                guard track.lostUpTo > sequence, told.map({ track.droppedAt > $0 }) ?? true else {
                    return
                }
                var upTo = track.lostUpTo
                if let value = track.latest, value.sequence == upTo, filter.wants(value) {
                    upTo = track.lostBefore
                }
                guard upTo > sequence else { return }
                all = max(all, upTo)
                if found.count <= Self.namedLimit { found.append((track.name, upTo)) }
            }
            if found.count > Self.namedLimit {
                bound = max(bound, all)
                found = []
            }
            if bound > sequence { losses.append((pattern.text, bound)) }
            for loss in found where named.insert(loss.signal).inserted { losses.append(loss) }
        }
        return losses
    }

    /// The sequence number up to which events of signals that `pattern` means, and that are not
    /// remembered, may be gone.
    private func unknownLoss(_ pattern: SignalPattern) -> UInt64 {
        if pattern.isExact, tracks[pattern.text] != nil { return 0 }
        return isDurable(pattern) ? forgottenUpTo : max(forgottenUpTo, unstoredUpTo)
    }

    /// Whether every signal that `pattern` means is stored.
    private func isDurable(_ pattern: SignalPattern) -> Bool {
        for rule in bounds.rules {
            if rule.pattern.covers(pattern) { return rule.isDurable }
            if !rule.isDurable, pattern.covers(rule.pattern) { return false }
        }
        return false
    }

    /// The latest values that `filter` wants of events in `range`, in order, up to `byteLimit` bytes
    /// of them.
    ///
    /// - Parameter gone: only those whose event the history itself has no more.
    /// - Returns: the values, and the sequence number up to which all have been looked at.
    func latest(
        in range: ClosedRange<UInt64>, _ filter: SignalFilter, byteLimit: Int, gone: Bool = false
    ) -> (events: [SignalEvent], upTo: UInt64) {
        var found: [SignalEvent] = []
        var bytes = 0
        var looked = 0
        var upTo = range.lowerBound
        var isCut = false
        func look(_ value: SignalEvent) -> Bool {
            guard bytes < byteLimit, looked < Self.lookLimit else {
                isCut = true
                return false
            }
            looked += 1
            upTo = value.sequence
            if filter.wants(value), !gone || self[value.sequence] == nil {
                found.append(value)
                bytes += value.byteCount
            }
            return true
        }
        if let few = exact(filter) {
            let values = few.compactMap(\.latest).filter { range.contains($0.sequence) }
            for value in values.sorted(by: { $0.sequence < $1.sequence }) {
                guard look(value) else { break }
            }
        } else {
            values.forEach(in: range, look)
        }
        return (found, isCut ? upTo : range.upperBound)
    }
}
