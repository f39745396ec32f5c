// JSONValue: JSON as a tree, for what is interpreted and small: settings, schemas, parameters that
// are looked into. What is only carried stays bytes (JSONScanner).

package import Bytes

/// A JSON value as a tree.
///
/// A parsed tree is never deeper than `maxDepth`, so that comparing, hashing and releasing it, which
/// follow its depth, stay within any stack.
package enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// Builds the tree of the one JSON text that `bytes` are.
    ///
    /// Half surrogate pairs in strings become U+FFFD, numbers keep their notation.
    ///
    /// - Throws: `JSONError`, also for a key that comes twice in an object.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer, maxDepth: Int = JSONScanner.defaultDepth
    ) throws(JSONError) -> JSONValue {
        var parser = JSONTreeParser(bytes, maxDepth: maxDepth)
        return try parser.parse()
    }

    /// Builds the tree of the one JSON text that `text` is.
    package static func parse(
        _ text: String, maxDepth: Int = JSONScanner.defaultDepth
    ) throws(JSONError) -> JSONValue {
        var copy = text
        let result: Result<JSONValue, JSONError> = copy.withUTF8 { bytes in
            do throws(JSONError) {
                return .success(try parse(UnsafeRawBufferPointer(bytes), maxDepth: maxDepth))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Appends the value as JSON on one line.
    package func write(into output: inout ByteBuffer) {
        JSONWriter.append(to: &output) { $0.value(self) }
    }

    /// The value as JSON on one line.
    ///
    /// Not for the hot path.
    package var text: String {
        var buffer = ByteBuffer()
        write(into: &buffer)
        return buffer.text()
    }

    /// The kind of value.
    package var kind: JSONKind {
        switch self {
        case .null: .null
        case .bool(let value): value ? .true : .false
        case .number: .number
        case .string: .string
        case .array: .array
        case .object: .object
        }
    }
}

// MARK: - Looking in

extension JSONValue {
    /// Whether this is null.
    package var isNull: Bool { kind == .null }

    /// The boolean, or nil if this is another kind.
    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The number, or nil if this is another kind.
    package var number: JSONNumber? {
        guard case .number(let value) = self else { return nil }
        return value
    }

    /// The number as an integer, or nil if this is no integer or does not fit.
    package var int: Int? { number?.int }

    /// The number as a double, or nil if this is no number or is out of range.
    package var double: Double? { number?.double }

    /// The text, or nil if this is another kind.
    package var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// The elements, or nil if this is another kind.
    package var array: [JSONValue]? {
        guard case .array(let value) = self else { return nil }
        return value
    }

    /// The object, or nil if this is another kind.
    package var object: JSONObject? {
        guard case .object(let value) = self else { return nil }
        return value
    }

    /// The value under `key`, or nil if there is none or this is no object.
    package subscript(key: String) -> JSONValue? { object?[key] }

    /// The element at `index`, or nil if there is none or this is no array.
    package subscript(index: Int) -> JSONValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }
}

// MARK: - Equality

extension JSONValue: Hashable {
    /// Whether both are the same value: numbers by value, strings by code points, objects in
    /// whatever order (JSON Schema Core 2020-12 §4.2.2).
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): JSONKey(left) == JSONKey(right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }

    /// Feeds the value to `hasher`; equal values feed the same.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        switch self {
        case .null, .bool: break
        case .number(let value): hasher.combine(value)
        case .string(let value): hasher.combine(JSONKey(value))
        case .array(let values): hasher.combine(values)
        case .object(let value): hasher.combine(value)
        }
    }
}

// MARK: - Literals

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// `nil` is null.
    package init(nilLiteral: ()) { self = .null }

    /// `true` or `false`.
    package init(booleanLiteral value: Bool) { self = .bool(value) }

    /// An integer.
    package init(integerLiteral value: Int) { self = .number(JSONNumber(value)) }

    /// A finite number; one that rounds to infinity is null.
    package init(floatLiteral value: Double) {
        self = JSONNumber(value).map { .number($0) } ?? .null
    }

    /// A string.
    package init(stringLiteral value: String) { self = .string(value) }

    /// An array.
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    /// An object; of a key that comes twice the last value counts.
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (key, value) in elements {
            object[key] = value
        }
        self = .object(object)
    }
}
