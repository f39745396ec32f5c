// Random programs for a loop: what they consist of, how they are made from a seed, and how a failing
// one is made small. What they do is LoopRun.swift.

import Glibc

/// One operation; indices are taken modulo what there is, and an operation that makes no sense where
/// it stands does nothing, so any part of a program is a program.
indirect enum LoopOperation {
    /// Opens a channel in an empty place.
    case open(Int, ChannelKind)
    /// Unwatches and closes both ends.
    case close(Int)
    /// Closes both ends without unwatching, perhaps while a duplicate is alive; outside of callbacks
    /// only.
    case closeRudely(Int, keepingDuplicate: Bool)
    case farWrite(Int, Int)
    case farShutDown(Int)
    case farClose(Int)
    case watch(Int, UInt8, Reaction)
    case change(Int, UInt8)
    case unwatch(Int)
    /// The same with any token there ever was.
    case changeAny(Int, UInt8)
    case unwatchAny(Int)
    case addTimer(after: Int, every: Int, Reaction)
    case removeTimer(Int)
    case rearmTimer(Int, Int)
    case addDispatcher(Bool, Reaction)
    case removeDispatcher(Int)
    case post([LoopOperation])
    case step(dispatchers: Bool)
    case advance(Int)
}

extension LoopOperation {
    /// The same, but its callback does nothing else.
    fileprivate var withoutReaction: LoopOperation {
        func bare(_ reaction: Reaction) -> Reaction {
            Reaction(reads: reaction.reads, keeps: reaction.keeps, operations: [])
        }
        return switch self {
        case .watch(let place, let interest, let reaction): .watch(place, interest, bare(reaction))
        case .addTimer(let after, let every, let reaction):
            .addTimer(after: after, every: every, bare(reaction))
        case .addDispatcher(let keepsAwake, let reaction):
            .addDispatcher(keepsAwake, bare(reaction))
        case .post: .post([])
        default: self
        }
    }
}

/// What is on the other side of a watched descriptor.
enum ChannelKind: CaseIterable {
    case socket
    case pipeReader
    case pipeWriter
}

/// What a callback does.
struct Reaction {
    /// How much it reads each time: nothing, one byte, everything.
    var reads: Int
    /// How many calls answer `.keep`.
    var keeps: Int
    /// What it does besides, in its first two calls.
    var operations: [LoopOperation]
}

/// A small generator of random numbers (SplitMix64): a seed names a program for ever.
struct SeededNumbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((z ^ (z >> 31)) % UInt64(bound))
    }
}

/// A list of operations.
struct LoopProgram {
    var operations: [LoopOperation]

    init(_ operations: [LoopOperation]) { self.operations = operations }

    /// Makes the program that `seed` names.
    init(seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        operations = (0..<(12 + numbers.next(36))).map { _ in Self.make(&numbers, 0) }
    }

    private static func reaction(_ numbers: inout SeededNumbers, _ depth: Int) -> Reaction {
        let count = depth < 2 ? max(numbers.next(5) - 1, 0) : 0
        return Reaction(
            reads: numbers.next(3), keeps: numbers.next(4) == 0 ? numbers.next(3) : 1000,
            operations: (0..<count).map { _ in make(&numbers, depth + 1) })
    }

    private static func make(_ numbers: inout SeededNumbers, _ depth: Int) -> LoopOperation {
        let place = numbers.next(5)
        switch numbers.next(40) {
        case 0..<5: return .open(place, ChannelKind.allCases[numbers.next(3)])
        case 5..<7: return .close(place)
        case 7: return .closeRudely(place, keepingDuplicate: numbers.next(2) == 0)
        case 8..<12: return .farWrite(place, 1 + numbers.next(3))
        case 12: return .farShutDown(place)
        case 13..<15: return .farClose(place)
        case 15..<21:
            return .watch(place, UInt8(numbers.next(8)), reaction(&numbers, depth))
        case 21..<23: return .change(place, UInt8(numbers.next(8)))
        case 23: return .unwatch(place)
        case 24: return .changeAny(numbers.next(64), UInt8(numbers.next(8)))
        case 25: return .unwatchAny(numbers.next(64))
        case 26..<29:
            let every = numbers.next(2) * numbers.next(12)
            return .addTimer(after: numbers.next(12), every: every, reaction(&numbers, depth))
        case 29: return .removeTimer(numbers.next(64))
        case 30: return .rearmTimer(numbers.next(64), numbers.next(12))
        case 31: return .addDispatcher(numbers.next(2) == 0, reaction(&numbers, depth))
        case 32: return .removeDispatcher(numbers.next(64))
        case 33: return .post(reaction(&numbers, depth).operations)
        case 34..<36: return .advance(numbers.next(20))
        default: return .step(dispatchers: numbers.next(6) > 0)
        }
    }

    /// The smallest program found that still fails, by dropping operations.
    func shrunk(_ fails: (LoopProgram) -> Bool) -> LoopProgram {
        var best = self
        var size = max(operations.count / 2, 1)
        while true {
            var at = 0
            var hasShrunk = false
            while at < best.operations.count {
                var candidate = best
                let end = min(at + size, candidate.operations.count)
                candidate.operations.removeSubrange(at..<end)
                if fails(candidate) {
                    best = candidate
                    hasShrunk = true
                } else {
                    at += size
                }
            }
            if size > 1 { size /= 2 } else if !hasShrunk { return best.simplified(fails) }
        }
    }

    /// The same with callbacks that do nothing but what the failure needs.
    private func simplified(_ fails: (LoopProgram) -> Bool) -> LoopProgram {
        var best = self
        for index in best.operations.indices {
            var candidate = best
            candidate.operations[index] = best.operations[index].withoutReaction
            if fails(candidate) { best = candidate }
        }
        return best
    }

    /// One operation a line.
    var listing: String { operations.map { "    \($0)" }.joined(separator: "\n") }
}
