// ChildTermination: how a child is asked, told and made to end, as a table.
//
//     action              then wait for    at most
//     close its input     its exit         grace (1 s)
//     TERM to the group   its exit         3 s
//     KILL to the group
//
// When the child itself is gone, what it left in its process group is killed too (Child).

internal import Glibc

/// The steps by which a child is brought to its end.
public struct ChildTermination: Sendable {
    /// What is done to the child.
    public enum Action: Sendable, Equatable {
        /// Its standard input is closed, which ends a well-behaved filter.
        case closeInput
        /// A signal is sent to its process group.
        case signal(Int32)
    }

    /// One row of the table.
    public struct Step: Sendable, Equatable {
        /// What is done.
        public var action: Action

        /// How long its effect is awaited before the next step.
        public var patience: Duration

        /// Makes a row.
        public init(_ action: Action, patience: Duration) {
            self.action = action
            self.patience = patience
        }
    }

    /// The rows, first to last.
    public var steps: [Step]

    /// Makes a table of one's own.
    public init(steps: [Step]) {
        self.steps = steps
    }

    /// Close its input, wait `grace`, TERM, wait `killAfter`, KILL.
    public init(grace: Duration, killAfter: Duration = .seconds(3)) {
        steps = [
            Step(.closeInput, patience: grace),
            Step(.signal(SIGTERM), patience: killAfter),
            Step(.signal(SIGKILL), patience: .zero),
        ]
    }

    /// One second for the end of input to work, then TERM, three seconds later KILL.
    public static let standard = ChildTermination(grace: .seconds(1))

    /// KILL at once.
    public static let immediate = ChildTermination(
        steps: [Step(.signal(SIGKILL), patience: .zero)])

    /// Time until the last step.
    var length: Duration {
        steps.dropLast().reduce(.zero) { $0 + $1.patience }
    }
}

/// A child's way through its table.
///
/// Loop-confined.
struct TerminationCourse {
    let table: ChildTermination
    /// Number of the step that comes next.
    var next = 0
    /// When the last step is due, in nanoseconds of the loop's clock.
    let endNanos: UInt64
    var timer: TimerToken?

    init(_ table: ChildTermination, now: UInt64) {
        self.table = table
        endNanos = now &+ UInt64(max(table.length.nanoseconds, 0))
    }

    /// Takes the next step off the table.
    mutating func takeStep() -> ChildTermination.Step? {
        guard next < table.steps.count else { return nil }
        next += 1
        return table.steps[next - 1]
    }
}
