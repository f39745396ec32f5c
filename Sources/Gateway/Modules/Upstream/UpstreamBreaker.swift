// UpstreamBreaker: whether an upstream that keeps failing is asked at all. One for all loops, so that
// what one of them finds out spares the others: two words that each of them changes by itself. Knows
// no clock.
//
//     closed ── failures in a row ──→ open ── the pause is over ──→ half open: one call may try
//        ↑                             ↑                                │
//        └──────────── it answers ─────┼────────────────────────────────┤
//                                      └── it fails: a longer pause ────┘

internal import Notifier
internal import Synchronization

/// Counts failures in a row and says who may call.
///
/// Any thread.
final class UpstreamBreaker: Sendable {
    /// What becomes of a call.
    enum Admission: Equatable {
        /// It is made.
        case call
        /// It is made, and decides whether others are.
        case probe
        /// It is refused; so many nanoseconds are left of the pause, 0 while somebody tries.
        case refused(leftNanos: UInt64)
    }

    /// How it stands, as people see it.
    enum State: UInt64, Sendable {
        case closed, open, halfOpen

        /// Its name in the API.
        var name: String {
            switch self {
            case .closed: "closed"
            case .open: "open"
            case .halfOpen: "half_open"
            }
        }
    }

    /// How it stands, in one word, so that no loop sees half of a change.
    ///
    ///     | end of the pause, in 128 ns: 57 bits | pauses so far: 5 bits | state: 2 bits |
    ///
    /// That is enough for 584 years. Closed without pauses is 0.
    private struct Standing: Equatable {
        static let pauseLimit: UInt64 = 31
        var word: UInt64

        init(word: UInt64) { self.word = word }

        init(_ state: State, until nanos: UInt64, pauses: UInt64) {
            let end = nanos / 128 &+ (nanos % 128 == 0 ? 0 : 1)
            word = end << 7 | min(pauses, Self.pauseLimit) << 2 | state.rawValue
        }

        var state: State { State(rawValue: word & 3) ?? .closed }
        var pauses: UInt64 { (word >> 2) & Self.pauseLimit }
        var endNanos: UInt64 { (word >> 7) << 7 }
    }

    private let failureLimit: Int
    private let firstPause: Duration
    private let longestPause: Duration
    private let failures = Atomic<Int>(0)
    private let standing = Atomic<UInt64>(0)

    /// Makes a closed one.
    init(_ settings: Settings.UpstreamModule.Breaker) {
        failureLimit = settings.failures
        firstPause = settings.pause
        longestPause = settings.maxPause
    }

    /// How it stands.
    var state: State { Standing(word: standing.load(ordering: .relaxed)).state }

    /// Asks whether a call may be made now.
    ///
    /// - Parameter now: nanoseconds of the monotonic clock, which all loops share.
    func admit(now: UInt64) -> Admission {
        while true {
            let found = Standing(word: standing.load(ordering: .relaxed))
            switch found.state {
            case .closed: return .call
            case .halfOpen: return .refused(leftNanos: 0)
            case .open:
                guard now >= found.endNanos else {
                    return .refused(leftNanos: found.endNanos - now)
                }
                if replace(found, by: Standing(.halfOpen, until: 0, pauses: found.pauses)) {
                    return .probe
                }
            }
        }
    }

    /// The upstream has answered.
    ///
    /// - Returns: whether this has closed it.
    func succeeded() -> Bool {
        // A store would take the word away from the other loops, for each answer.
        if failures.load(ordering: .relaxed) != 0 { failures.store(0, ordering: .relaxed) }
        guard standing.load(ordering: .relaxed) != 0 else { return false }
        let before = standing.exchange(0, ordering: .relaxed)
        return Standing(word: before).state != .closed
    }

    /// The upstream has failed.
    ///
    /// - Parameters:
    ///   - now: nanoseconds of the monotonic clock.
    ///   - random: from 0 up to 1; spreads the pauses of many gateways.
    /// - Returns: whether this has opened it, after it was closed.
    func failed(now: UInt64, random: Double) -> Bool {
        let count = failures.wrappingAdd(1, ordering: .relaxed).newValue
        while true {
            let found = Standing(word: standing.load(ordering: .relaxed))
            // Calls that were under way when it opened say nothing new.
            guard found.state == .halfOpen || found.state == .closed && count >= failureLimit else {
                return false
            }
            let length = pause(after: found.pauses) * (0.75 + random / 4)
            let end = now &+ UInt64(max(length.nanoseconds, 0))
            if replace(found, by: Standing(.open, until: end, pauses: found.pauses + 1)) {
                return found.state == .closed
            }
        }
    }

    /// The call that was to decide has come to nothing because its caller left.
    func released() {
        let found = Standing(word: standing.load(ordering: .relaxed))
        guard found.state == .halfOpen else { return }
        // Whoever has changed it meanwhile knows more.
        _ = replace(found, by: Standing(.open, until: 0, pauses: found.pauses))
    }

    private func replace(_ old: Standing, by new: Standing) -> Bool {
        standing.compareExchange(
            expected: old.word, desired: new.word, ordering: .relaxed
        ).exchanged
    }

    private func pause(after pauses: UInt64) -> Duration {
        var pause = firstPause
        for _ in 0..<pauses where pause < longestPause { pause = pause * 2 }
        return min(pause, longestPause)
    }
}
