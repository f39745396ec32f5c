// JSONSchema: the part of JSON Schema 2020-12 that describes parameters of commands.
//
// Enforced: type, enum, const; properties, patternProperties, additionalProperties, required,
// minProperties, maxProperties; items, prefixItems, minItems, maxItems, uniqueItems; minLength,
// maxLength, pattern; minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf; allOf,
// anyOf, oneOf, not; $ref to a place in the same document ($defs or elsewhere). All other keywords
// are ignored, among them format, default, if/then/else, contains and $anchor.

/// A schema that values can be checked against.
///
/// Any thread.
package struct JSONSchema: Sendable {
    /// Most faults that one check reports.
    package static let greatestFaultCount = 100

    /// Places of regular expressions that are not understood and hence not enforced; worth a
    /// warning when the schema is loaded.
    package let unenforced: [JSONPointer]

    let rules: [SchemaRule]

    /// Reads the schema at `place` in `document`; references are looked up in the whole document,
    /// so that the schemas of an OpenRPC document can refer to its components.
    ///
    /// - Throws: `SchemaFault` with the place of the mistake in `document`.
    package init(
        from document: JSONValue, at place: JSONPointer = JSONPointer()
    ) throws(SchemaFault) {
        var reader = SchemaReader(document)
        try reader.read(place)
        rules = reader.rules
        unenforced = reader.unenforced
    }

    /// All differences between `value` and the schema, in document order; empty if it conforms.
    ///
    /// At most `greatestFaultCount` are listed. Work is bounded: a value that would cost too much to
    /// check gets a fault that says so.
    package func faults(in value: JSONValue) -> [SchemaFault] {
        var checker = SchemaChecker(rules)
        checker.check(value)
        return checker.faults
    }
}
