// SignalHistory+Asking: what the history knows: single events, what a stream has missed, latest values.

internal import Bytes

extension SignalHistory {
    // MARK: Asking

    /// The event with that sequence number, if it is still kept.
    subscript(_ sequence: UInt64) -> SignalEvent? {
        guard count > 0, sequence >= oldest, sequence <= newest else { return nil }
        let place = place(sequence)
        guard place < endPlace, number(place) == sequence else { return nil }
        return ring[slot(place)]?.event
    }

    /// All signals that are remembered, by name.
    var tracks: [SignalTrack] { names.values.sorted { $0.name < $1.name } }

    /// Number of signals that are remembered.
    var nameCount: Int { names.count }

    /// Events after `sequence` that `filter` wants, in order, up to `byteLimit` bytes of them.
    ///
    /// - Returns: the events and the sequence number up to which everything has been looked at.
    func slice(
        after sequence: UInt64, _ filter: SignalFilter, byteLimit: Int
    ) -> (events: [SignalEvent], upTo: UInt64) {
        var place = place(sequence &+ 1)
        if endPlace - place > Self.lookLimit, let few = exact(filter) {
            return merge(few, after: sequence, filter, byteLimit)
        }
        var found: [SignalEvent] = []
        var bytes = 0
        var looked = 0
        while place < endPlace, bytes < byteLimit, looked < Self.lookLimit {
            looked += 1
            if let event = ring[slot(place)]?.event, filter.wants(event) {
                found.append(event)
                bytes += event.byteCount
            }
            place += 1
        }
        return (found, place == endPlace ? newest : number(place) &- 1)
    }

    /// The tracks that `filter` names, if it has no wildcard.
    private func exact(_ filter: SignalFilter) -> [SignalTrack]? {
        guard filter.isExact else { return nil }
        return filter.patterns.compactMap { names[$0.text] }
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
    /// number of the last such event; and, where names were forgotten, patterns instead.
    ///
    /// - Parameter values: latest values that the stream gets all the same, in order.
    func losses(
        after sequence: UInt64, _ filter: SignalFilter, but values: [SignalEvent] = []
    ) -> [(signal: String, upTo: UInt64)] {
        guard lostUpTo > sequence else { return [] }
        var losses: [(signal: String, upTo: UInt64)] = []
        if forgottenUpTo > sequence {
            for pattern in filter.patterns where !pattern.isExact || names[pattern.text] == nil {
                losses.append((pattern.text, forgottenUpTo))
            }
        }
        if unstoredUpTo > max(sequence, forgottenUpTo) {
            for pattern in filter.patterns where !isDurable(pattern) {
                guard !pattern.isExact || names[pattern.text] == nil else { continue }
                losses.append((pattern.text, unstoredUpTo))
            }
        }
        let tracks = exact(filter) ?? tracks.filter { filter.matches($0.nameBytes.bytes) }
        let given = Set(values.map(\.sequence))
        for track in tracks {
            let upTo = given.contains(track.lostUpTo) ? track.lostBefore : track.lostUpTo
            if upTo > sequence { losses.append((track.name, upTo)) }
        }
        return losses
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
    /// of them; and whether those are all.
    ///
    /// - Parameter gone: only those whose event the history itself has no more.
    func latest(
        in range: ClosedRange<UInt64>, _ filter: SignalFilter, byteLimit: Int, gone: Bool = false
    ) -> (events: [SignalEvent], isAll: Bool) {
        guard latestBytes > 0 else { return ([], true) }
        let wanted = (exact(filter) ?? Array(names.values)).compactMap(\.latest)
            .filter { range.contains($0.sequence) && filter.wants($0) }
            .filter { !gone || self[$0.sequence] == nil }
            .sorted { $0.sequence < $1.sequence }
        var bytes = 0
        var count = 0
        while count < wanted.count, bytes < byteLimit {
            bytes += wanted[count].byteCount
            count += 1
        }
        return (Array(wanted[..<count]), count == wanted.count)
    }
}
