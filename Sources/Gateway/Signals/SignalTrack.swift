// SignalTrack: what the history knows of one signal: which of its events are kept, and up to which
// one they are gone. Events of a signal go oldest first, so two numbers tell everything.

internal import Bytes

/// What is kept of signals whose name matches a pattern.
struct SignalRule: Sendable, Equatable {
    /// The names that are meant.
    var pattern: SignalPattern
    /// A new stream begins with the last event of each such signal.
    var isLatest = false
    /// Events kept of each such signal, or nil for what there is room for.
    var events: Int?
    /// Bytes kept of each such signal, or nil for what there is room for.
    var bytes: Int?
    /// Nanoseconds that its events are kept at most, or nil for no limit of its own.
    var ageNanos: Int64?

    /// Its events are stored before anybody hears of them, and outlive the gateway.
    var isDurable = false

    /// A rule without limits of its own.
    init(_ pattern: SignalPattern) { self.pattern = pattern }
}

/// What the history knows of one signal.
///
/// Loop-confined.
final class SignalTrack {
    /// Its name.
    let name: String

    /// Its name as bytes.
    let nameBytes: Payload

    /// The rule for it, if there is one.
    let rule: SignalRule?

    /// Events so far.
    var emitted: UInt64 = 0

    /// Sequence number of its last event.
    var last: UInt64 = 0

    /// Sequence number up to which its events are gone; 0 while none is.
    var lostUpTo: UInt64 = 0

    /// What `lostUpTo` was before the last of its events went.
    private(set) var lostBefore: UInt64 = 0

    /// When the last of its events went, see `SignalHistory.dropCount`; 0 if that was before this run.
    var droppedAt: UInt64 = 0

    /// Bytes of its events that are kept.
    var byteCount = 0

    /// Its last event, if its rule says that new streams want it and there is room for it.
    var latest: SignalEvent?

    /// Whether its events are stored.
    let isDurable: Bool

    /// Which rest it is in, without a kept event, to be forgotten should names run out; else 0.
    var rest: UInt64 = 0

    private var sequences: [UInt64] = []
    private var first = 0

    /// A signal that has not been emitted yet.
    init(name: String, nameBytes: Payload, rule: SignalRule?) {
        self.name = name
        self.nameBytes = nameBytes
        self.rule = rule
        isDurable = rule?.isDurable == true
    }

    /// Number of its events that are kept.
    var count: Int { sequences.count - first }

    /// Sequence number of the oldest event that is kept.
    var oldest: UInt64? { count > 0 ? sequences[first] : nil }

    /// Notes a new event.
    func append(_ event: SignalEvent) {
        sequences.append(event.sequence)
        byteCount += event.byteCount
        last = event.sequence
    }

    /// Lets go of its oldest event, which has `bytes`.
    func dropOldest(bytes: Int) {
        guard count > 0 else { return }
        lostBefore = lostUpTo
        lostUpTo = sequences[first]
        byteCount -= bytes
        first += 1
        // Half of it dead: one move for each event on average.
        if first * 2 > sequences.count, first >= 32 || first == sequences.count {
            sequences.removeFirst(first)
            first = 0
        }
    }

    /// Number of its kept events up to `sequence`.
    func place(after sequence: UInt64) -> Int {
        var low = first
        var high = sequences.count
        while low < high {
            let middle = (low + high) / 2
            if sequences[middle] <= sequence { low = middle + 1 } else { high = middle }
        }
        return low - first
    }

    /// The sequence number at `place` among its kept events.
    subscript(_ place: Int) -> UInt64? {
        place < count ? sequences[first + place] : nil
    }
}
