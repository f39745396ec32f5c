// SignalCondition: one `where=` of a stream: the value that an event's data must have at one place.

internal import JSON

/// One condition: the value at a place in an event's data.
///
///     where=/mount:/        data.mount is the string "/"
///     where=/free:0         data.free is the number 0, however it is written, or the string "0"
///     where=/free:"0"       the string alone
///     where=/at:{"x":1}     the object, its members in any order, or the string of these letters
///
/// Values are compared as JSON has them: numbers by their exact value, strings by their code points.
struct SignalCondition: Hashable, Sendable {
    /// Bytes of an object or array in an event that are looked at: a condition has 8 KiB at most, and
    /// the same in eight times as many is nothing that anybody writes.
    static let containerLimit = 8 * SignalFilter.byteLimit

    /// What the value may be beside a string.
    private enum Other: Sendable {
        /// Nothing.
        case none
        /// A value that is written the same: true, false, null.
        case same
        /// A number of the same value.
        case number
        /// An equal object or array.
        case tree(JSONValue)
    }

    /// The condition as it was written.
    let text: String

    private let pointer: JSONPointer
    /// The value as it was written, or what its string means.
    private let wanted: [UInt8]
    private let other: Other
    // INVARIANT: conditions with the same key hold for the same data. `1` and `1.0` are two, because
    // of the strings that they admit.
    private let key: [UInt8]

    /// Reads `POINTER:VALUE`, up to the first colon; nil if it is none.
    ///
    /// A value that begins with a quotation mark must be a JSON string, from end to end.
    init?(_ text: String) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")),
            let pointer = try? JSONPointer(String(text[..<colon]))
        else { return nil }
        let value = Array(text.utf8[text.utf8.index(after: colon)...])
        let place = Array(text.utf8[...colon])
        self.text = text
        self.pointer = pointer
        let shape = try? value.withUnsafeBytes { try JSONScanner.validate($0) }
        if value.first == UInt8(ascii: "\"") {
            guard let shape, !shape.hasWhitespace else { return nil }
            wanted = value.withUnsafeBytes {
                JSONText.codePoints(UnsafeRawBufferPointer(rebasing: $0[1..<($0.count - 1)]))
            }
            other = .none
            key = place + [UInt8(ascii: "\"")] + wanted
        } else {
            wanted = value
            other = Self.other(value, shape)
            key = place + wanted
        }
    }

    private static func other(_ value: [UInt8], _ shape: JSONShape?) -> Other {
        guard let shape else { return .none }
        switch shape.kind {
        case .object, .array:
            let tree = try? value.withUnsafeBytes { try JSONValue.parse($0) }
            return tree.map { .tree($0) } ?? .same  // a key comes twice
        case .number: return shape.hasWhitespace ? .none : .number
        case .string, .true, .false, .null: return shape.hasWhitespace ? .none : .same
        }
    }

    static func == (one: Self, other: Self) -> Bool { one.key == other.key }

    func hash(into hasher: inout Hasher) { hasher.combine(key) }

    /// Whether the condition holds for `data`, which is valid JSON.
    func holds(_ data: UnsafeRawBufferPointer) -> Bool {
        guard let span = try? pointer.span(in: data, maxDepth: .max) else { return false }
        let value = span.slice(of: data)
        guard let first = value.first else { return false }
        if first == UInt8(ascii: "\"") {
            let inner = UnsafeRawBufferPointer(rebasing: value[1..<max(value.count - 1, 1)])
            return JSONText.equals(inner, codePoints: wanted)
        }
        switch other {
        case .none: return false
        case .same: return value.elementsEqual(wanted)
        case .number:
            guard first <= UInt8(ascii: "9") else { return false }
            return value.elementsEqual(wanted)
                || wanted.withUnsafeBytes { JSONNumberBytes.equal(value, $0) }
        case .tree(let tree):
            guard first | 0x20 == UInt8(ascii: "{"), value.count <= Self.containerLimit else {
                return false
            }
            return (try? JSONValue.parse(value)) == tree
        }
    }
}

extension SignalCondition: Comparable {
    /// An order in which equal sets of conditions are equal lists.
    static func < (one: Self, other: Self) -> Bool { one.key.lexicographicallyPrecedes(other.key) }
}
