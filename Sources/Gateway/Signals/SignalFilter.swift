// SignalFilter: what one stream asks for: patterns of names, of which any may match, and conditions
// on the data, of which all must hold.

internal import Bytes
internal import JSON

/// One condition: the value at a place in an event's data.
///
///     where=/mount:/        data.mount is the string "/"
///     where=/free:0         data.free is the number 0, or the string "0"
///     where=/free:"0"       the string alone
struct SignalCondition: Hashable, Sendable {
    /// The condition as it was written.
    let text: String

    private let pointer: JSONPointer
    private let wanted: [UInt8]
    private let wantsString: Bool

    /// Reads `POINTER:VALUE`, up to the first colon; nil if it is none.
    init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"),
            let pointer = try? JSONPointer(String(text[..<colon]))
        else { return nil }
        let value = Array(text[text.index(after: colon)...].utf8)
        self.text = text
        self.pointer = pointer
        wantsString = value.first == UInt8(ascii: "\"")
        if wantsString {
            guard value.count >= 2, value.last == UInt8(ascii: "\"") else { return nil }
            wanted = Array(value[1..<(value.count - 1)])
        } else {
            wanted = value
        }
    }

    static func == (one: Self, other: Self) -> Bool { one.text == other.text }

    func hash(into hasher: inout Hasher) { hasher.combine(text) }

    /// Whether the condition holds for `data`, which is valid JSON.
    func holds(_ data: UnsafeRawBufferPointer) -> Bool {
        guard let span = try? pointer.span(in: data) else { return false }
        let value = span.slice(of: data)
        guard let first = value.first else { return false }
        if first == UInt8(ascii: "\"") {
            let inner = UnsafeRawBufferPointer(rebasing: value[1..<max(value.count - 1, 1)])
            if !inner.contains(UInt8(ascii: "\\")) { return inner.elementsEqual(wanted) }
            return JSONText.string(inner).utf8.elementsEqual(wanted)
        }
        return !wantsString && value.elementsEqual(wanted)
    }
}

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
        self.conditions = Array(Set(conditions)).sorted { $0.text < $1.text }
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
