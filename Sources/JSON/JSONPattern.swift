// JSONPattern: regular expressions of JSON Schema's `pattern`, matched in time proportional to the
// length of the text whatever the expression, because the text comes from a peer. All alternatives
// are followed at once, scalar by scalar (Thompson's construction); nothing is tried again.
//
// Supported of ECMA-262: | ( ) (?: ) [ ] . * + ? {n,m} and their lazy forms, ^ $ \b \B, \d \w \s and
// their opposites, \t \n \r \f \v \0 \cX \xHH \uHHHH \u{H…}, escaped punctuation. Not supported are
// back references, look-around and \p{…}: they make `init` return nil.

/// A regular expression that takes linear time.
struct JSONPattern: Sendable {
    /// One step of the program that the expression is turned into.
    enum Step: Sendable {
        /// Consumes one scalar that is in the set with this number.
        case scalar(Int)
        /// Goes on at both places.
        case split(Int, Int)
        /// Goes on there.
        case jump(Int)
        /// Goes on at the start of the text.
        case start
        /// Goes on at the end of the text.
        case end
        /// Goes on at a word boundary, or everywhere else.
        case boundary(Bool)
        /// The text matches.
        case match
    }

    /// A set of scalars: ranges, or everything but them.
    struct ScalarSet: Sendable {
        var ranges: [ClosedRange<UInt32>] = []
        var isNegated = false

        func contains(_ scalar: UInt32) -> Bool {
            ranges.contains { $0.contains(scalar) } != isNegated
        }
    }

    /// Longest program; `{n,m}` repeats its operand, so a short expression can be a long program.
    static let greatestLength = 4096

    private let steps: [Step]
    private let sets: [ScalarSet]

    /// Reads `expression`; nil if it is malformed, not supported or too large.
    init?(_ expression: String) {
        var reader = JSONPatternReader(expression)
        guard let tree = reader.read() else { return nil }
        var emitter = JSONPatternEmitter()
        guard emitter.emit(tree), emitter.append(.match) else { return nil }
        steps = emitter.steps
        sets = emitter.sets
    }

    /// Whether some part of `text` matches.
    ///
    /// Takes from `budget` what it costs, about one per scalar and alternative followed; nil if the
    /// budget runs out.
    func matches(_ text: String, budget: inout Int) -> Bool? {
        var threads = Threads(count: steps.count)
        var following = Threads(count: steps.count)
        var scalars = text.unicodeScalars.makeIterator()
        var previous: UInt32?
        var current = scalars.next()?.value
        while true {
            // The expression may begin anywhere.
            if follow(from: 0, previous, current, &threads) { return true }
            budget -= threads.list.count + 1
            guard budget > 0 else { return nil }
            guard let scalar = current else { return false }
            let next = scalars.next()?.value
            following.removeAll()
            for place in threads.list {
                guard case .scalar(let set) = steps[place], sets[set].contains(scalar) else {
                    continue
                }
                if follow(from: place + 1, scalar, next, &following) { return true }
            }
            swap(&threads, &following)
            previous = scalar
            current = next
        }
    }

    /// Adds to `threads` all places that consume a scalar and are reached from `place` between the
    /// scalars `previous` and `next`; true if the match is reached.
    private func follow(
        from place: Int, _ previous: UInt32?, _ next: UInt32?, _ threads: inout Threads
    ) -> Bool {
        threads.pending.append(place)
        while let place = threads.pending.popLast() {
            guard threads.insert(place) else { continue }
            switch steps[place] {
            case .scalar: threads.list.append(place)
            case .split(let first, let second):
                threads.pending.append(second)
                threads.pending.append(first)
            case .jump(let target): threads.pending.append(target)
            case .start: if previous == nil { threads.pending.append(place + 1) }
            case .end: if next == nil { threads.pending.append(place + 1) }
            case .boundary(let wanted):
                let isBoundary = Self.isWord(previous) != Self.isWord(next)
                if isBoundary == wanted { threads.pending.append(place + 1) }
            case .match:
                threads.pending.removeAll()
                return true
            }
        }
        return false
    }

    private static func isWord(_ scalar: UInt32?) -> Bool {
        guard let scalar else { return false }
        return JSONPatternReader.word.contains { $0.contains(scalar) }
    }

    /// The places the program is at, each once.
    private struct Threads {
        var list: [Int] = []
        var pending: [Int] = []
        private var generation = 1
        private var seen: [Int]

        init(count: Int) {
            seen = Array(repeating: 0, count: count)
        }

        mutating func insert(_ place: Int) -> Bool {
            guard seen[place] != generation else { return false }
            seen[place] = generation
            return true
        }

        mutating func removeAll() {
            list.removeAll(keepingCapacity: true)
            generation += 1
        }
    }
}
