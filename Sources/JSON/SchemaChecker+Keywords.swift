// What the keywords of a rule ask of the value itself: everything that is decided without applying
// another rule.

extension SchemaChecker {
    /// Checks `value` against all keywords of `rule` but `type` and those that hold rules.
    mutating func checkKeywords(_ value: JSONValue, _ rule: SchemaRule) {
        checkOptions(value, rule)
        switch value {
        case .null, .bool: break
        case .number(let number): checkNumber(number, rule)
        case .string(let text): checkString(text, rule)
        case .array(let elements): checkArray(elements, rule)
        case .object(let object): checkObject(object, rule)
        }
    }

    private mutating func checkOptions(_ value: JSONValue, _ rule: SchemaRule) {
        if let options = rule.options {
            budget -= options.count
            if !options.contains(value) {
                fault("must be one of \(Self.list(options))")
            }
        }
        if let constant = rule.constant, constant != value {
            fault("must be \(Self.list([constant]))")
        }
    }

    /// The first few values as JSON, for a message.
    private static func list(_ values: [JSONValue]) -> String {
        let shown = values.prefix(8).map { value in
            let text = value.text
            return text.utf8.count <= 40 ? text : "\(text.prefix(40))…"
        }
        return shown.joined(separator: ", ") + (values.count > 8 ? ", …" : "")
    }

    private mutating func checkNumber(_ number: JSONNumber, _ rule: SchemaRule) {
        let bounds = (rule.minimum, rule.maximum, rule.exclusiveMinimum, rule.exclusiveMaximum)
        if case (nil, nil, nil, nil) = bounds, rule.multipleOf == nil { return }
        let value = number.decimal
        budget -= value.digits.count
        if let bound = rule.minimum, value < bound.decimal {
            fault("must be at least \(bound.number.text)")
        }
        if let bound = rule.maximum, value > bound.decimal {
            fault("must be at most \(bound.number.text)")
        }
        if let bound = rule.exclusiveMinimum, value <= bound.decimal {
            fault("must be greater than \(bound.number.text)")
        }
        if let bound = rule.exclusiveMaximum, value >= bound.decimal {
            fault("must be less than \(bound.number.text)")
        }
        if let divisor = rule.multipleOf, value.isMultiple(of: divisor.decimal) == false {
            fault("must be a multiple of \(divisor.number.text)")
        }
    }

    private mutating func checkString(_ text: String, _ rule: SchemaRule) {
        if rule.leastLength != nil || rule.mostLength != nil {
            // Characters are code points (Validation §6.3.1).
            let length = text.unicodeScalars.count
            budget -= length >> 4
            if let least = rule.leastLength, length < least {
                fault("must have at least \(least) characters, not \(length)")
            }
            if let most = rule.mostLength, length > most {
                fault("must have at most \(most) characters, not \(length)")
            }
        }
        // A pattern that used up the budget has not been decided; the check ends then.
        if let pattern = rule.pattern, pattern.matches(text, budget: &budget) == false {
            fault("must match the pattern \(rule.patternText)")
        }
    }

    private mutating func checkArray(_ elements: [JSONValue], _ rule: SchemaRule) {
        if let least = rule.leastItems, elements.count < least {
            fault("must have at least \(least) elements, not \(elements.count)")
        }
        if let most = rule.mostItems, elements.count > most {
            fault("must have at most \(most) elements, not \(elements.count)")
        }
        if rule.hasUniqueItems {
            budget -= elements.count
            var places: [JSONValue: Int] = [:]
            for (place, element) in elements.enumerated() {
                if let earlier = places.updateValue(place, forKey: element) {
                    fault("must have different elements: \(earlier) and \(place) are equal")
                    break
                }
            }
        }
    }

    private mutating func checkObject(_ object: JSONObject, _ rule: SchemaRule) {
        if let least = rule.leastProperties, object.count < least {
            fault("must have at least \(least) members, not \(object.count)")
        }
        if let most = rule.mostProperties, object.count > most {
            fault("must have at most \(most) members, not \(object.count)")
        }
        for name in rule.required where object[name] == nil {
            fault("lacks the member \(JSONValue.string(name).text)")
        }
    }
}
