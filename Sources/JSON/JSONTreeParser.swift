// JSONTreeParser: from bytes to JSONValue, with the open containers in an array of its own instead
// of on the call stack. Tokens come from JSONCursor, so it accepts what the scanner accepts, less
// duplicate keys.

/// Builds the tree of one JSON text.
struct JSONTreeParser {
    /// A container whose end has not been seen.
    private struct Open {
        let isObject: Bool
        /// The key whose value comes next, and where it stands.
        var key = ""
        var keyStart = 0
        var elements: [JSONValue] = []
        var object = JSONObject()
    }

    private var cursor: JSONCursor
    private let maxDepth: Int
    private var open: [Open] = []

    /// Stands before `text`, which must outlive the parser.
    init(_ text: UnsafeRawBufferPointer, maxDepth: Int) {
        cursor = JSONCursor(text)
        self.maxDepth = JSONNesting.limit(maxDepth)
    }

    /// The tree of the whole text.
    mutating func parse() throws(JSONError) -> JSONValue {
        try cursor.begin()
        while true {
            guard var value = try leafOrOpen() else { continue }
            while true {
                guard !open.isEmpty else {
                    try cursor.finish()
                    return value
                }
                guard let container = try add(value) else { break }
                value = container
            }
        }
    }

    /// The scalar or empty container at the cursor, or nil after a bracket with something behind it.
    private mutating func leafOrOpen() throws(JSONError) -> JSONValue? {
        let start = cursor.index
        let kind = try cursor.kind()
        switch kind {
        case .object, .array:
            guard open.count < maxDepth else { throw cursor.failure(.tooDeep) }
            cursor.index &+= 1
            cursor.skipBlanks()
            if cursor.take(kind == .object ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                return kind == .object ? .object(JSONObject()) : .array([])
            }
            open.append(Open(isObject: kind == .object))
            if kind == .object { try takeKey() }
            return nil
        case .string:
            cursor.index = try cursor.bytes.stringEnd(start &+ 1)
            return .string(JSONText.string(raw(start &+ 1, cursor.index &- 1)))
        case .number:
            cursor.index = try cursor.bytes.numberEnd(start, cursor.byte, isAhead: false)
            let text = String(decoding: raw(start, cursor.index), as: UTF8.self)
            return .number(JSONNumber(scanned: text))
        case .true, .false, .null:
            cursor.index = try cursor.bytes.literalEnd(start, cursor.byte)
            return kind == .null ? .null : .bool(kind == .true)
        }
    }

    /// Adds `value` to the innermost container; returns that container if it ends here.
    private mutating func add(_ value: JSONValue) throws(JSONError) -> JSONValue? {
        let last = open.count &- 1
        let isObject = open[last].isObject
        if isObject {
            guard open[last].object.append(open[last].key, value) else {
                throw JSONError(.duplicateKey, at: open[last].keyStart)
            }
        } else {
            open[last].elements.append(value)
        }
        cursor.skipBlanks()
        if cursor.take(UInt8(ascii: ",")) {
            cursor.skipBlanks()
            if isObject { try takeKey() }
            return nil
        }
        guard cursor.take(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
            throw cursor.failure(isObject ? .expectedCommaOrBrace : .expectedCommaOrBracket)
        }
        let container = open.removeLast()
        return isObject ? .object(container.object) : .array(container.elements)
    }

    private mutating func takeKey() throws(JSONError) {
        let key = try cursor.skipKey()
        let last = open.count &- 1
        open[last].key = JSONText.string(raw(key.start, key.end))
        open[last].keyStart = key.start
    }

    private func raw(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: cursor.bytes.base + start, count: end &- start)
    }
}
