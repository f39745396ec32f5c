// Dispatcher: functions that run at the end of every turn, for work that wants to follow the
// callbacks of a turn rather than a descriptor or a time.

/// Names one dispatcher.
public struct DispatcherToken: Hashable, Sendable {
    let number: UInt64
}

/// One function of the list.
///
/// Loop-confined.
final class DispatcherEntry {
    let number: UInt64
    let keepsAwake: Bool

    /// The function; nil once it was removed, so that a pass under way skips it.
    @exclusivity(unchecked) var action: (() throws -> Disposition)?

    /// What it is called in reports.
    let name: CallbackName

    /// The function is on the stack: a nested step must not enter it again.
    @exclusivity(unchecked) var isRunning = false

    init(
        number: UInt64, keepsAwake: Bool, name: CallbackName,
        action: @escaping () throws -> Disposition
    ) {
        self.number = number
        self.keepsAwake = keepsAwake
        self.name = name
        self.action = action
    }
}

/// The functions run at the end of each turn.
///
/// Loop-confined.
struct DispatcherList {
    /// How long a loop sleeps at most while a dispatcher keeps it awake: 100 ms, as in the model.
    static let awakeNanos: UInt64 = 100_000_000

    /// The functions in order; a copy is a snapshot, in which removed ones have no action.
    private(set) var entries: ContiguousArray<DispatcherEntry> = []
    private var awakeCount = 0
    private var nextNumber: UInt64 = 0

    /// Number of dispatchers.
    var count: Int { entries.count }

    /// Whether any dispatcher limits the loop's sleep.
    var keepsAwake: Bool { awakeCount > 0 }

    /// Adds a function; those that keep the loop awake run before the others.
    mutating func add(
        keepsAwake: Bool, _ name: CallbackName, _ action: @escaping () throws -> Disposition
    ) -> DispatcherToken {
        nextNumber += 1
        let entry = DispatcherEntry(
            number: nextNumber, keepsAwake: keepsAwake, name: name, action: action)
        entries.insert(entry, at: keepsAwake ? awakeCount : entries.count)
        if keepsAwake { awakeCount += 1 }
        return DispatcherToken(number: nextNumber)
    }

    /// Removes a function; returns whether there was one.
    @discardableResult
    mutating func remove(_ token: DispatcherToken) -> Bool {
        guard let place = entries.firstIndex(where: { $0.number == token.number }) else {
            return false
        }
        let entry = entries.remove(at: place)
        entry.action = nil
        if entry.keepsAwake { awakeCount -= 1 }
        return true
    }
}
