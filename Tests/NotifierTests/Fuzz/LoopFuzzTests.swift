// Random programs against the model. A few thousand run with the suite; many more by
//
//     NOTIFIER_FUZZ_PROGRAMS=100000 [NOTIFIER_FUZZ_SEED=1] swift test --filter LoopFuzzTests
//
// A seed that fails prints the smallest program found that still fails, and what was wrong.

import Foundation
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(30)))
struct LoopFuzzTests {
    @Test func `random programs do what the model says`() throws {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["NOTIFIER_FUZZ_PROGRAMS"].flatMap { UInt64($0) } ?? 1500
        let first = environment["NOTIFIER_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
        let start = ContinuousClock.now
        for seed in first..<(first + count) {
            let program = LoopProgram(seed: seed)
            // A child that another test is just starting holds copies of all descriptors until it has
            // become its program, and an end may come late: a fault of the loop shows each time.
            guard try LoopRun.failure(of: program) != nil,
                try LoopRun.failure(of: program) != nil,
                let failure = try LoopRun.failure(of: program)
            else { continue }
            let small = program.shrunk { (try? LoopRun.failure(of: $0)) ?? nil != nil }
            let reason = try LoopRun.failure(of: small) ?? failure
            Issue.record("seed \(seed): \(failure)\nsmallest: \(reason)\n\(small.listing)")
            return
        }
        if environment["NOTIFIER_FUZZ_PROGRAMS"] != nil {
            print("\(count) programs from seed \(first) in \(ContinuousClock.now - start)")
        }
    }

    @Test(arguments: [LoopRun.Sabotage.keepsUnwatched, .losesBytes, .firesEarly])
    func `the comparison notices a fault`(sabotage: LoopRun.Sabotage) throws {
        for seed in 1...400 as ClosedRange<UInt64> {
            let program = LoopProgram(seed: seed)
            guard try LoopRun.failure(of: program, sabotage) != nil else { continue }
            let small = program.shrunk { (try? LoopRun.failure(of: $0, sabotage)) ?? nil != nil }
            #expect(small.operations.count <= 6)
            return
        }
        Issue.record("400 programs did not show it")
    }
}
