// SchemaChecker: applies rules to a value and collects what differs. What is still to be done lies
// in a list of tasks, the next one last, so neither the depth of the value nor that of the schema
// becomes a depth of calls; and every step is counted against a budget.
//
// Here is the order of the work; what single keywords ask is in SchemaChecker+Keywords.swift.

internal import Bytes

/// One check of one value.
struct SchemaChecker {
    /// Something to be done.
    private enum Task {
        /// Apply a rule to a value.
        case check(JSONValue, rule: Int, JSONPointer)
        /// Apply a rule to the elements of an array, or to the last ones of them.
        case elements(ArraySlice<JSONValue>, rule: Int, JSONPointer)
        /// Apply to the members of an object, or to the last ones, what a rule says about each.
        case members(ArraySlice<JSONObject.Member>, of: Int, JSONPointer)
        /// Try the first or next alternative, or decide after the last one.
        case trial(Trial)
    }

    /// Alternatives that are tried one after the other.
    ///
    /// Above the task in the list lies what is left to do for the alternative being tried. A fault
    /// ends that alternative and is not one of the value.
    private struct Trial {
        enum Wanted { case any, one, none }
        let wanted: Wanted
        let value: JSONValue
        let place: JSONPointer
        let alternatives: [Int]
        var triedCount = 0
        var fittingCount = 0
        /// Number of faults before the trial.
        var faultCount = 0
    }

    /// What was found.
    private(set) var faults: [SchemaFault] = []

    /// Steps left: about one per rule applied, value compared, or scalar that a pattern looks at.
    ///
    /// Two million take in the order of 200 ms.
    var budget = 2_000_000

    private let rules: [SchemaRule]
    private var tasks: [Task] = []
    private var runningTrialCount = 0

    // Where the value stands that is being checked.
    private var place = JSONPointer()

    /// Makes a check against `rules`.
    init(_ rules: [SchemaRule]) {
        self.rules = rules
    }

    /// Checks `value` against the first rule and all that it refers to.
    mutating func check(_ value: JSONValue) {
        tasks.append(.check(value, rule: 0, JSONPointer()))
        while let task = tasks.popLast() {
            budget -= 1
            switch task {
            case .check(let value, let rule, let place):
                self.place = place
                apply(rule, to: value)
            case .elements(let elements, let rule, let place):
                self.place = place
                applyToFirst(of: elements, rule)
            case .members(let members, let rule, let place):
                self.place = place
                applyToFirst(of: members, rule)
            case .trial(let trial):
                self.place = trial.place
                proceed(trial)
            }
            if budget <= 0 { return giveUp() }
            let isFull = faults.count >= JSONSchema.greatestFaultCount
            if isFull, runningTrialCount == 0 { return }
        }
    }

    /// Notes that the value at hand differs from its schema.
    mutating func fault(_ message: String) {
        faults.append(SchemaFault(place, message))
        // One fault settles the matter for an alternative that is tried.
        guard runningTrialCount > 0 else { return }
        while let task = tasks.last {
            if case .trial(let trial) = task, trial.triedCount > 0 { return }
            tasks.removeLast()
        }
    }

    /// Ends the check with a fault that says so, in place of those of unfinished trials.
    private mutating func giveUp() {
        for case .trial(let trial) in tasks where trial.triedCount > 0 {
            faults.removeLast(faults.count - trial.faultCount)
            break
        }
        faults.append(SchemaFault(place, "is too costly to check against its schema"))
    }

    private mutating func apply(_ number: Int, to value: JSONValue) {
        let rule = rules[number]
        if rule.isNever { return fault("is not allowed") }
        if let types = rule.types, !types.contains(value) {
            // Other faults of a value of the wrong type would only confuse.
            return fault("must be \(types.text), not \(SchemaTypes(of: value).text)")
        }
        let faultCount = faults.count
        checkKeywords(value, rule)
        if runningTrialCount > 0, faults.count > faultCount { return }
        // What is pushed last is done first: parts of the value, then references, then alternatives.
        pushTrial(.none, rule.not.map { [$0] } ?? [], value)
        pushTrial(.one, rule.oneOf, value)
        pushTrial(.any, rule.anyOf, value)
        for number in rule.allOf.reversed() {
            tasks.append(.check(value, rule: number, place))
        }
        if let reference = rule.reference { tasks.append(.check(value, rule: reference, place)) }
        pushParts(of: value, rule, number)
    }
}

// MARK: - Parts of the value

extension SchemaChecker {
    private mutating func pushParts(of value: JSONValue, _ rule: SchemaRule, _ number: Int) {
        switch value {
        case .array(let elements):
            if let items = rule.items {
                let rest = elements.dropFirst(rule.prefixItems.count)
                tasks.append(.elements(rest, rule: items, place))
            }
            for (index, item) in rule.prefixItems.enumerated().reversed()
            where index < elements.count {
                let place = place.appending(String(index))
                tasks.append(.check(elements[index], rule: item, place))
            }
        case .object(let object):
            if rule.readsMembers {
                tasks.append(.members(object.members[...], of: number, place))
            }
        case .null, .bool, .number, .string: break
        }
    }

    private mutating func applyToFirst(of elements: ArraySlice<JSONValue>, _ rule: Int) {
        guard let element = elements.first else { return }
        tasks.append(.elements(elements.dropFirst(), rule: rule, place))
        let place = place.appending(String(elements.startIndex))
        tasks.append(.check(element, rule: rule, place))
    }

    private mutating func applyToFirst(of members: ArraySlice<JSONObject.Member>, _ number: Int) {
        guard let member = members.first else { return }
        tasks.append(.members(members.dropFirst(), of: number, place))
        let rule = rules[number]
        let inner = place.appending(member.key)
        var isKnown = false
        for property in rule.patternProperties.reversed()
        where property.pattern.matches(member.key, budget: &budget) == true {
            isKnown = true
            tasks.append(.check(member.value, rule: property.rule, inner))
        }
        if let property = rule.properties[JSONKey(member.key)] {
            isKnown = true
            tasks.append(.check(member.value, rule: property, inner))
        }
        if !isKnown, let additional = rule.additionalProperties {
            tasks.append(.check(member.value, rule: additional, inner))
        }
    }
}

// MARK: - Alternatives

extension SchemaChecker {
    private mutating func pushTrial(
        _ wanted: Trial.Wanted, _ alternatives: [Int], _ value: JSONValue
    ) {
        guard !alternatives.isEmpty else { return }
        tasks.append(
            .trial(Trial(wanted: wanted, value: value, place: place, alternatives: alternatives)))
    }

    private mutating func proceed(_ trial: Trial) {
        var trial = trial
        if trial.triedCount == 0 {
            trial.faultCount = faults.count
        } else {
            runningTrialCount -= 1
            if faults.count == trial.faultCount {
                trial.fittingCount += 1
            } else {
                faults.removeLast(faults.count - trial.faultCount)
            }
        }
        let isSettled = trial.wanted != .one && trial.fittingCount > 0
        guard isSettled || trial.triedCount == trial.alternatives.count else {
            let next = trial.alternatives[trial.triedCount]
            trial.triedCount += 1
            runningTrialCount += 1
            tasks.append(.trial(trial))
            tasks.append(.check(trial.value, rule: next, place))
            return
        }
        let count = trial.alternatives.count
        switch trial.wanted {
        case .any:
            if trial.fittingCount == 0 {
                fault("fits none of the \(Quantity.text(count, "form")) it may have")
            }
        case .one:
            if trial.fittingCount != 1 {
                fault("fits \(trial.fittingCount) of \(count) forms and must fit exactly one")
            }
        case .none:
            if trial.fittingCount > 0 { fault("has a form it must not have") }
        }
    }
}
