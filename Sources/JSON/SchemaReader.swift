// SchemaReader: from a schema document to rules. Subschemas are found by their pointer and read
// once, one after the other from a list, so neither depth nor `$ref` circles lead to recursion.

/// Reads the schemas of one document.
struct SchemaReader {
    /// The rules read so far; the first one is the schema asked for.
    private(set) var rules: [SchemaRule] = []

    /// Places of `pattern` and `patternProperties` that JSONPattern does not support.
    private(set) var unenforced: [JSONPointer] = []

    private let document: JSONValue
    private var numbers: [JSONKey: Int] = [:]
    private var places: [JSONPointer] = []

    /// Makes a reader of `document`.
    init(_ document: JSONValue) {
        self.document = document
    }

    /// Reads the schema at `root` and all that it refers to.
    mutating func read(_ root: JSONPointer) throws(SchemaFault) {
        _ = number(of: root)
        var next = 0
        while next < places.count {
            rules[next] = try rule(at: places[next])
            next += 1
        }
        try refuseCircles()
    }

    /// The number of the rule for the schema at `place`, which is read later if it is new.
    private mutating func number(of place: JSONPointer) -> Int {
        let key = JSONKey(place.description)
        if let number = numbers[key] { return number }
        numbers[key] = places.count
        places.append(place)
        rules.append(SchemaRule())
        return places.count - 1
    }

    private mutating func rule(at place: JSONPointer) throws(SchemaFault) -> SchemaRule {
        guard let schema = place.value(in: document) else {
            throw SchemaFault(place, "is referred to but missing")
        }
        var rule = SchemaRule()
        switch schema {
        case .bool(let allowed): rule.isNever = !allowed
        case .object(let object):
            for member in object.members {
                let keyword = Keyword(member.value, place.appending(member.key))
                if try readAssertion(member.key, keyword, &rule) { continue }
                if try readApplicator(member.key, keyword, &rule) { continue }
                try readPattern(member.key, keyword, &rule)
            }
        case .null, .number, .string, .array:
            throw SchemaFault(place, "must be a schema: an object, true or false")
        }
        return rule
    }

    /// Reads a keyword without subschemas; false if it is none of these.
    private func readAssertion(
        _ name: String, _ keyword: Keyword, _ rule: inout SchemaRule
    ) throws(SchemaFault) -> Bool {
        switch name {
        case "type": rule.types = try keyword.types()
        case "enum": rule.options = try keyword.array()
        case "const": rule.constant = keyword.value
        case "required": rule.required = try keyword.strings()
        case "minProperties": rule.leastProperties = try keyword.count()
        case "maxProperties": rule.mostProperties = try keyword.count()
        case "minItems": rule.leastItems = try keyword.count()
        case "maxItems": rule.mostItems = try keyword.count()
        case "uniqueItems": rule.hasUniqueItems = try keyword.bool()
        case "minLength": rule.leastLength = try keyword.count()
        case "maxLength": rule.mostLength = try keyword.count()
        case "minimum": rule.minimum = try keyword.bound()
        case "maximum": rule.maximum = try keyword.bound()
        case "exclusiveMinimum": rule.exclusiveMinimum = try keyword.bound()
        case "exclusiveMaximum": rule.exclusiveMaximum = try keyword.bound()
        case "multipleOf":
            let divisor = try keyword.bound()
            guard divisor.decimal > JSONDecimal("0") else {
                throw SchemaFault(keyword.place, "must be greater than 0")
            }
            rule.multipleOf = divisor
        default: return false
        }
        return true
    }

    /// Reads a keyword that holds or names subschemas; false if it is none of these.
    private mutating func readApplicator(
        _ name: String, _ keyword: Keyword, _ rule: inout SchemaRule
    ) throws(SchemaFault) -> Bool {
        switch name {
        case "properties":
            for member in try keyword.object().members {
                rule.properties[JSONKey(member.key)] = number(
                    of: keyword.place.appending(member.key))
            }
        case "additionalProperties": rule.additionalProperties = number(of: keyword.place)
        case "items":
            // Before 2020-12 an array here meant what `prefixItems` means now.
            if keyword.value.kind == .array {
                rule.prefixItems = try numbers(of: keyword)
            } else {
                rule.items = number(of: keyword.place)
            }
        case "prefixItems": rule.prefixItems = try numbers(of: keyword)
        case "allOf": rule.allOf = try numbers(of: keyword)
        case "anyOf": rule.anyOf = try numbers(of: keyword)
        case "oneOf": rule.oneOf = try numbers(of: keyword)
        case "not": rule.not = number(of: keyword.place)
        case "$ref": rule.reference = number(of: try keyword.target())
        default: return false
        }
        return true
    }

    private mutating func numbers(of keyword: Keyword) throws(SchemaFault) -> [Int] {
        let count = try keyword.array().count
        guard count > 0 else { throw SchemaFault(keyword.place, "must not be empty") }
        return (0..<count).map { number(of: keyword.place.appending(String($0))) }
    }

    private mutating func readPattern(
        _ name: String, _ keyword: Keyword, _ rule: inout SchemaRule
    ) throws(SchemaFault) {
        if name == "pattern" {
            rule.patternText = try keyword.string()
            rule.pattern = JSONPattern(rule.patternText)
            if rule.pattern == nil { unenforced.append(keyword.place) }
        } else if name == "patternProperties" {
            for member in try keyword.object().members {
                let place = keyword.place.appending(member.key)
                if let pattern = JSONPattern(member.key) {
                    rule.patternProperties.append(
                        .init(pattern: pattern, rule: number(of: place)))
                } else {
                    unenforced.append(place)
                }
            }
        }
    }

    /// Refuses rules that come back to themselves without having stepped into the value, because
    /// they could never be decided.
    private func refuseCircles() throws(SchemaFault) {
        enum Mark { case new, open, done }
        var marks = Array(repeating: Mark.new, count: rules.count)
        for start in rules.indices where marks[start] == .new {
            var path = [(rule: start, rest: rules[start].sameValueRules)]
            marks[start] = .open
            while let last = path.indices.last {
                guard let next = path[last].rest.popLast() else {
                    marks[path[last].rule] = .done
                    path.removeLast()
                    continue
                }
                switch marks[next] {
                case .done: continue
                case .open: throw SchemaFault(places[next], "refers to itself without end")
                case .new:
                    marks[next] = .open
                    path.append((next, rules[next].sameValueRules))
                }
            }
        }
    }
}
