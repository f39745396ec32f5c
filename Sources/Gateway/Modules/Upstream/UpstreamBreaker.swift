// UpstreamBreaker: whether an upstream that keeps failing is asked at all. Sans-IO.
//
//     closed ── failures in a row ──→ open ── the pause is over ──→ half open: one call may try
//        ↑                             ↑                                │
//        └──────────── it answers ─────┼────────────────────────────────┤
//                                      └── it fails: a longer pause ────┘

internal import Notifier

/// Counts failures in a row and says who may call.
struct UpstreamBreaker {
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
    enum State: Int, Sendable {
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

    private let failureLimit: Int
    private let firstPause: Duration
    private let longestPause: Duration
    private var failures = 0
    private var pause: Duration
    private var openUntil: UInt64 = 0

    /// How it stands.
    private(set) var state = State.closed

    /// Makes a closed one.
    init(_ settings: Settings.UpstreamModule.Breaker) {
        failureLimit = settings.failures
        firstPause = settings.pause
        longestPause = settings.maxPause
        pause = settings.pause
    }

    /// Asks whether a call may be made now.
    mutating func admit(now: UInt64) -> Admission {
        switch state {
        case .closed: return .call
        case .halfOpen: return .refused(leftNanos: 0)
        case .open:
            guard now >= openUntil else { return .refused(leftNanos: openUntil - now) }
            state = .halfOpen
            return .probe
        }
    }

    /// The upstream has answered.
    mutating func succeeded() {
        failures = 0
        pause = firstPause
        state = .closed
    }

    /// The upstream has failed.
    ///
    /// - Parameter random: from 0 up to 1; spreads the pauses of many gateways.
    mutating func failed(now: UInt64, random: Double) {
        failures = min(failures + 1, failureLimit)
        // Calls that were under way when it opened say nothing new.
        guard state == .halfOpen || state == .closed && failures >= failureLimit else { return }
        state = .open
        let length = pause * (0.75 + random / 4)
        openUntil = now &+ UInt64(max(length.nanoseconds, 0))
        pause = min(pause * 2, longestPause)
    }

    /// The call that was to decide has come to nothing because its caller left.
    mutating func released() {
        guard state == .halfOpen else { return }
        state = .open
        openUntil = 0
    }
}
