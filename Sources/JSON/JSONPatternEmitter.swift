// JSONPatternEmitter: from the tree of a regular expression to the program that JSONPattern runs.
// Counted repetitions become as many copies, which is why the length of the program is limited.

/// Turns the tree of an expression into a program.
struct JSONPatternEmitter {
    /// The program so far.
    private(set) var steps: [JSONPattern.Step] = []

    /// The sets its steps refer to.
    private(set) var sets: [JSONPattern.ScalarSet] = []

    /// Adds one step; false if the program is too long.
    mutating func append(_ step: JSONPattern.Step) -> Bool {
        steps.append(step)
        return steps.count <= JSONPattern.greatestLength
    }

    /// Adds the steps of `tree`, whose depth the reader has bounded; false if they are too many.
    mutating func emit(_ tree: JSONPatternReader.Tree) -> Bool {
        switch tree {
        case .scalar(let set):
            sets.append(set)
            return append(.scalar(sets.count - 1))
        case .start: return append(.start)
        case .end: return append(.end)
        case .boundary(let wanted): return append(.boundary(wanted))
        case .sequence(let parts):
            for part in parts where !emit(part) { return false }
            return true
        case .choice(let parts): return emitChoice(parts)
        case .repetition(let part, let least, let most): return emitRepetition(part, least, most)
        }
    }

    private mutating func emitChoice(_ parts: [JSONPatternReader.Tree]) -> Bool {
        var ends: [Int] = []
        for (index, part) in parts.enumerated() {
            let split = steps.count
            let isLast = index == parts.count - 1
            if !isLast, !append(.split(split + 1, 0)) { return false }
            guard emit(part) else { return false }
            if !isLast {
                ends.append(steps.count)
                guard append(.jump(0)) else { return false }
                steps[split] = .split(split + 1, steps.count)
            }
        }
        for end in ends {
            steps[end] = .jump(steps.count)
        }
        return true
    }

    private mutating func emitRepetition(
        _ part: JSONPatternReader.Tree, _ least: Int, _ most: Int?
    ) -> Bool {
        for _ in 0..<least where !emit(part) { return false }
        guard let most else {
            let split = steps.count
            guard append(.split(split + 1, 0)), emit(part), append(.jump(split)) else {
                return false
            }
            steps[split] = .split(split + 1, steps.count)
            return true
        }
        var splits: [Int] = []
        for _ in least..<max(most, least) {
            splits.append(steps.count)
            guard append(.split(0, 0)), emit(part) else { return false }
        }
        for split in splits {
            steps[split] = .split(split + 1, steps.count)
        }
        return true
    }
}
