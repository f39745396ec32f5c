// UpstreamBoard: what the loops share of an upstream module: the breaker, and what it has done, for
// people to look at: one cell for each loop, written by that loop alone and read by whichever is asked.

internal import JSON
internal import Synchronization

/// The counters of one upstream on one loop.
///
/// Any thread reads; its loop writes.
final class UpstreamCell: Sendable {
    /// Something that is counted.
    enum Count: Int, CaseIterable {
        /// Calls passed on.
        case calls
        /// Of these, under way.
        case inFlight
        /// Whole answers, whatever their status.
        case answers
        /// Calls that the upstream failed to answer.
        case failures
        /// Calls refused because it rests or too many wait.
        case refusals
        /// Calls whose caller left first.
        case abandoned

        /// Its name in the API.
        var name: String {
            switch self {
            case .calls: "calls"
            case .inFlight: "in_flight"
            case .answers: "answers"
            case .failures: "failures"
            case .refusals: "refusals"
            case .abandoned: "abandoned"
            }
        }
    }

    private let calls = Atomic<Int>(0)
    private let inFlight = Atomic<Int>(0)
    private let answers = Atomic<Int>(0)
    private let failures = Atomic<Int>(0)
    private let refusals = Atomic<Int>(0)
    private let abandoned = Atomic<Int>(0)

    /// Adds to a counter.
    func add(_ count: Count, _ difference: Int = 1) {
        switch count {
        case .calls: Self.add(difference, to: calls)
        case .inFlight: Self.add(difference, to: inFlight)
        case .answers: Self.add(difference, to: answers)
        case .failures: Self.add(difference, to: failures)
        case .refusals: Self.add(difference, to: refusals)
        case .abandoned: Self.add(difference, to: abandoned)
        }
    }

    /// The counter's value.
    func value(_ count: Count) -> Int {
        switch count {
        case .calls: calls.load(ordering: .relaxed)
        case .inFlight: inFlight.load(ordering: .relaxed)
        case .answers: answers.load(ordering: .relaxed)
        case .failures: failures.load(ordering: .relaxed)
        case .refusals: refusals.load(ordering: .relaxed)
        case .abandoned: abandoned.load(ordering: .relaxed)
        }
    }

    // There is one writer, so a load and a store do, which cost no locked instruction.
    private static func add(_ difference: Int, to counter: borrowing Atomic<Int>) {
        counter.store(counter.load(ordering: .relaxed) &+ difference, ordering: .relaxed)
    }
}

/// What an upstream module has done.
///
/// Any thread.
final class UpstreamBoard: Sendable {
    /// The URL of the configuration.
    let url: String

    /// One cell for each loop.
    let cells: [UpstreamCell]

    /// Whether it is asked at all.
    let breaker: UpstreamBreaker

    /// Makes a board for `loops` loops with nothing done yet.
    init(_ settings: Settings.UpstreamModule, loops: Int) {
        url = settings.url
        breaker = UpstreamBreaker(settings.breaker)
        cells = (0..<max(loops, 1)).map { _ in UpstreamCell() }
    }

    /// The sum of a counter over the loops.
    func total(_ count: UpstreamCell.Count) -> Int { cells.reduce(0) { $0 + $1.value(count) } }

    /// Writes the member of the module's resource that shows it.
    func write(_ json: inout JSONWriter) {
        json.key("upstream")
        json.beginObject()
        json.key("url")
        json.string(url)
        json.key("breaker")
        json.string(breaker.state.name)
        for count in UpstreamCell.Count.allCases {
            json.key(count.name)
            json.int(total(count))
        }
        json.endObject()
    }
}
