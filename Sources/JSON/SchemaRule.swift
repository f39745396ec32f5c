// SchemaRule: one schema object after reading: its keywords as typed values, its subschemas as
// numbers of other rules. Rules are read by SchemaReader and applied by SchemaChecker.

/// A set of the types of JSON Schema (Validation 2020-12 §6.1.1).
struct SchemaTypes: OptionSet, Sendable {
    let rawValue: UInt8

    static let null = SchemaTypes(rawValue: 1)
    static let boolean = SchemaTypes(rawValue: 2)
    static let object = SchemaTypes(rawValue: 4)
    static let array = SchemaTypes(rawValue: 8)
    static let number = SchemaTypes(rawValue: 16)
    static let string = SchemaTypes(rawValue: 32)
    /// A number without a fraction, however it is written.
    static let integer = SchemaTypes(rawValue: 64)

    /// All types by name, in the order in which messages list them.
    static let names: [(name: String, type: SchemaTypes)] = [
        ("null", .null), ("boolean", .boolean), ("object", .object), ("array", .array),
        ("integer", .integer), ("number", .number), ("string", .string),
    ]

    /// The type called `name`, or nil.
    init?(named name: String) {
        guard let entry = Self.names.first(where: { $0.name == name }) else { return nil }
        self = entry.type
    }

    init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The type of `value`; never `integer`.
    init(of value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool: self = .boolean
        case .number: self = .number
        case .string: self = .string
        case .array: self = .array
        case .object: self = .object
        }
    }

    /// Whether `value` is of one of these types.
    func contains(_ value: JSONValue) -> Bool {
        if contains(SchemaTypes(of: value)) { return true }
        guard contains(.integer), case .number(let number) = value else { return false }
        return number.decimal.isInteger
    }

    /// The names, as in "integer or null".
    var text: String {
        Self.names.filter { contains($0.type) }.map(\.name).joined(separator: " or ")
    }
}

/// The keywords of one schema.
///
/// Numbers refer to rules of the same `JSONSchema`.
struct SchemaRule: Sendable {
    /// A property name pattern and the rule for the values.
    struct PatternProperty: Sendable {
        let pattern: JSONPattern
        let rule: Int
    }

    /// A bound for numbers.
    struct Bound: Sendable {
        let number: JSONNumber
        let decimal: JSONDecimal

        init(_ number: JSONNumber) {
            self.number = number
            decimal = number.decimal
        }
    }

    /// The schema `false`, which nothing satisfies.
    var isNever = false

    var types: SchemaTypes?
    var options: [JSONValue]?
    var constant: JSONValue?

    var properties: [JSONKey: Int] = [:]
    var patternProperties: [PatternProperty] = []
    var additionalProperties: Int?
    var required: [String] = []
    var leastProperties: Int?
    var mostProperties: Int?

    var prefixItems: [Int] = []
    var items: Int?
    var leastItems: Int?
    var mostItems: Int?
    var hasUniqueItems = false

    var leastLength: Int?
    var mostLength: Int?
    var pattern: JSONPattern?
    var patternText = ""

    var minimum: Bound?
    var maximum: Bound?
    var exclusiveMinimum: Bound?
    var exclusiveMaximum: Bound?
    var multipleOf: Bound?

    var reference: Int?
    var allOf: [Int] = []
    var anyOf: [Int] = []
    var oneOf: [Int] = []
    var not: Int?

    /// The rules that look at the same value as this one.
    var sameValueRules: [Int] {
        allOf + anyOf + oneOf + [reference, not].compactMap { $0 }
    }

    /// Whether some keyword looks at the members of an object.
    var readsMembers: Bool {
        !properties.isEmpty || !patternProperties.isEmpty || additionalProperties != nil
    }
}
