// JSONPatternReader: the syntax of the regular expressions that JSONPattern runs (a part of
// ECMA-262 §22.2.1), read into a small tree. It recurses into groups, and these may be nested 32
// deep at most.

/// Reads a regular expression.
struct JSONPatternReader {
    /// An expression.
    indirect enum Tree {
        case scalar(JSONPattern.ScalarSet)
        case start
        case end
        case boundary(Bool)
        case sequence([Tree])
        case choice([Tree])
        /// At least and at most so many times; nil means no upper bound.
        case repetition(Tree, Int, Int?)
    }

    /// `\w`: ASCII letters, digits and the underscore.
    static let word: [ClosedRange<UInt32>] = [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]

    private static let digit: [ClosedRange<UInt32>] = [0x30...0x39]
    private static let lineEnd: [ClosedRange<UInt32>] = [0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029]
    private static let space: [ClosedRange<UInt32>] = [
        0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029,
        0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
    ]
    private static let greatestNesting = 32
    private static let greatestCount = 1000

    private let scalars: [Unicode.Scalar]
    private var at = 0

    /// Stands before the first character of `expression`.
    init(_ expression: String) {
        scalars = Array(expression.unicodeScalars)
    }

    /// The whole expression, or nil if it is malformed or not supported.
    mutating func read() -> Tree? {
        guard let tree = choice(nesting: 0), at == scalars.count else { return nil }
        return tree
    }

    private var next: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        at += 1
        return true
    }

    private mutating func choice(nesting: Int) -> Tree? {
        guard nesting <= Self.greatestNesting else { return nil }
        var parts: [Tree] = []
        repeat {
            var sequence: [Tree] = []
            while let scalar = next, scalar != "|", scalar != ")" {
                guard let part = quantified(nesting) else { return nil }
                sequence.append(part)
            }
            parts.append(.sequence(sequence))
        } while take("|")
        return parts.count == 1 ? parts[0] : .choice(parts)
    }

    private mutating func quantified(_ nesting: Int) -> Tree? {
        guard let scalar = next else { return nil }
        at += 1
        let atom: Tree?
        switch scalar {
        case "^": return .start
        case "$": return .end
        case "(": atom = group(nesting)
        case "[": atom = set().map { .scalar($0) }
        case ".": atom = .scalar(.init(ranges: Self.lineEnd, isNegated: true))
        case "\\":
            if take("b") { return .boundary(true) }
            if take("B") { return .boundary(false) }
            atom = escape().map { .scalar($0) }
        case "*", "+", "?", "{", "}", "]": return nil
        default: atom = .scalar(.init(ranges: [scalar.value...scalar.value]))
        }
        guard let atom else { return nil }
        return quantifier(on: atom)
    }

    private mutating func quantifier(on atom: Tree) -> Tree? {
        let tree: Tree
        switch next {
        case "*": tree = .repetition(atom, 0, nil)
        case "+": tree = .repetition(atom, 1, nil)
        case "?": tree = .repetition(atom, 0, 1)
        case "{":
            at += 1
            guard let least = count() else { return nil }
            var most: Int? = least
            if take(",") { most = next == "}" ? nil : count() ?? -1 }
            guard next == "}", least <= most ?? least else { return nil }
            tree = .repetition(atom, least, most)
        default: return atom
        }
        at += 1
        // The lazy form matches the same texts.
        _ = take("?")
        return tree
    }

    private mutating func count() -> Int? {
        var value: Int?
        while let digit = next?.value, Self.digit[0].contains(digit) {
            value = (value ?? 0) * 10 + Int(digit - 0x30)
            guard value ?? 0 <= Self.greatestCount else { return nil }
            at += 1
        }
        return value
    }

    private mutating func group(_ nesting: Int) -> Tree? {
        if take("?") {
            if take("<") {
                // A name; but (?<= and (?<! look behind.
                guard next != "=", next != "!" else { return nil }
                while let scalar = next, scalar != ">" { _ = take(scalar) }
                guard take(">") else { return nil }
            } else if !take(":") {
                return nil
            }
        }
        guard let tree = choice(nesting: nesting + 1), take(")") else { return nil }
        return tree
    }

    /// The set behind a `[`, up to and including its `]`.
    private mutating func set() -> JSONPattern.ScalarSet? {
        var set = JSONPattern.ScalarSet()
        set.isNegated = take("^")
        while !take("]") {
            guard let low = member() else { return nil }
            // A hyphen between two single characters makes a range; before "]" it is itself.
            let isRange = next == "-" && at + 1 < scalars.count && scalars[at + 1] != "]"
            guard isRange, let first = low.single else {
                guard let ranges = low.flattened else { return nil }
                set.ranges += ranges
                continue
            }
            at += 1
            guard let last = member()?.single, first <= last else { return nil }
            set.ranges.append(first...last)
        }
        return set
    }

    private mutating func member() -> JSONPattern.ScalarSet? {
        guard let scalar = next else { return nil }
        at += 1
        guard scalar == "\\" else { return .init(ranges: [scalar.value...scalar.value]) }
        if take("b") { return .init(ranges: [0x08...0x08]) }
        if take("-") { return .init(ranges: [0x2D...0x2D]) }
        return escape()
    }

    /// The set that the escape behind a backslash stands for.
    private mutating func escape() -> JSONPattern.ScalarSet? {
        guard let scalar = next else { return nil }
        at += 1
        let value: UInt32?
        switch scalar {
        case "d", "D": return .init(ranges: Self.digit, isNegated: scalar == "D")
        case "w", "W": return .init(ranges: Self.word, isNegated: scalar == "W")
        case "s", "S": return .init(ranges: Self.space, isNegated: scalar == "S")
        case "t": value = 0x09
        case "n": value = 0x0A
        case "v": value = 0x0B
        case "f": value = 0x0C
        case "r": value = 0x0D
        case "0": value = 0
        case "x": value = hexadecimal(2)
        case "u": value = take("{") ? braced() : hexadecimal(4)
        case "c":
            guard let letter = next, letter.isASCII, letter.properties.isAlphabetic else {
                return nil
            }
            at += 1
            value = letter.value & 0x1F
        default:
            // Any other letter or digit is a back reference, \p, or a mistake.
            let isWord = Self.word.contains { $0.contains(scalar.value) }
            value = isWord || !scalar.isASCII ? nil : scalar.value
        }
        return value.map { .init(ranges: [$0...$0]) }
    }

    private mutating func hexadecimal(_ count: Int) -> UInt32? {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let digit = hexadecimalDigit() else { return nil }
            value = value << 4 | digit
        }
        return value
    }

    private mutating func braced() -> UInt32? {
        var value: UInt32?
        while let digit = hexadecimalDigit() {
            value = (value ?? 0) << 4 | digit
            guard value ?? 0 <= 0x10FFFF else { return nil }
        }
        return take("}") ? value : nil
    }

    private mutating func hexadecimalDigit() -> UInt32? {
        guard let scalar = next, scalar.isASCII,
            let digit = Character(scalar).hexDigitValue
        else { return nil }
        at += 1
        return UInt32(digit)
    }
}

extension JSONPattern.ScalarSet {
    /// The scalar, if there is exactly one.
    fileprivate var single: UInt32? {
        guard !isNegated, ranges.count == 1, let range = ranges.first,
            range.lowerBound == range.upperBound
        else { return nil }
        return range.lowerBound
    }

    /// The same scalars without negation.
    fileprivate var flattened: [ClosedRange<UInt32>]? {
        guard isNegated else { return ranges }
        var result: [ClosedRange<UInt32>] = []
        var from: UInt32 = 0
        // The built-in sets are sorted and do not overlap.
        for range in ranges {
            if range.lowerBound > from { result.append(from...(range.lowerBound - 1)) }
            from = range.upperBound + 1
        }
        result.append(from...0x10FFFF)
        return result
    }
}
