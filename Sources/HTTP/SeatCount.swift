// SeatCount: a bound that all loops share, such as that of connections or of event streams. Who has
// a seat is not known here: whoever takes one gives it back, once.

internal import Synchronization

/// A number of seats, and how many are taken.
///
/// Any thread. Exact: never more than `limit` at a time, and nobody is refused while one is free.
package final class SeatCount: Sendable {
    /// Number of seats.
    package let limit: Int

    private let taken = Atomic<Int>(0)

    /// Makes `limit` free seats.
    package init(limit: Int) { self.limit = limit }

    /// Number of seats that are taken.
    package var count: Int { taken.load(ordering: .relaxed) }

    /// Takes a seat; returns whether there was one.
    package func take() -> Bool {
        var seen = taken.load(ordering: .relaxed)
        // No adding first and taking back: for a moment that would fill a seat which nobody has.
        while seen < limit {
            let outcome = taken.weakCompareExchange(
                expected: seen, desired: seen + 1, ordering: .relaxed)
            if outcome.exchanged { return true }
            seen = outcome.original
        }
        return false
    }

    /// Gives a seat back that was taken.
    package func giveBack() { taken.wrappingSubtract(1, ordering: .relaxed) }
}
