// SignalFilter: what one stream asks for: patterns of names, of which any may match, and conditions
// on the data, of which all must hold.

internal import Bytes

/// What one stream asks for.
struct SignalFilter: Hashable, Sendable {
    /// Patterns in one filter at most.
    static let patternLimit = 256

    /// Conditions in one filter at most: each costs a look into the data of every event.
    static let conditionLimit = 8

    /// Bytes of patterns and conditions at most, as they were written.
    static let byteLimit = 8192

    /// The patterns, sorted and without duplicates, so that equal wishes are equal values.
    let patterns: [SignalPattern]

    /// The conditions, likewise.
    let conditions: [SignalCondition]

    /// Whether it has names only, no wildcard.
    let isExact: Bool

    /// Makes a filter of `patterns` and `conditions`.
    init(_ patterns: [SignalPattern], where conditions: [SignalCondition] = []) {
        self.patterns = Array(Set(patterns)).sorted { $0.text < $1.text }
        self.conditions = Array(Set(conditions)).sorted()
        isExact = patterns.allSatisfy(\.isExact)
    }

    /// Whether any pattern matches `name`.
    func matches(_ name: UnsafeRawBufferPointer) -> Bool {
        for pattern in patterns where pattern.matches(name) { return true }
        return false
    }

    /// Whether `event` is one of those asked for.
    func wants(_ event: SignalEvent) -> Bool { wants(event.name, event.data) }

    /// Whether an event of that name with that data is one of those asked for.
    func wants(_ name: Payload, _ data: Payload) -> Bool {
        matches(name.bytes) && holds(data)
    }

    /// Whether all conditions hold for `data`.
    func holds(_ data: Payload) -> Bool {
        for condition in conditions where !condition.holds(data.bytes) { return false }
        return true
    }
}
