// Work that takes long, done by other threads; the loop stays free and hears of progress and of the
// result on its own thread.

import Notifier

let loop = try EventLoop()
let pool = try WorkerPool(threads: 2)
var unfinished = 2

@MainActor func finished() {
    unfinished -= 1
    if unfinished == 0 { loop.stop() }
}

/// Counts the primes below `limit`, which takes a while.
@Sendable func countPrimes(below limit: Int, _ context: WorkerContext<Int>) -> Int {
    var count = 0
    for number in 2..<limit {
        // The owner may have lost interest.
        if context.isCancelled { break }
        if !(2..<number).contains(where: { $0 * $0 <= number && number % $0 == 0 }) { count += 1 }
        if number % (limit / 4) == 0 { context.report(number) }
    }
    return count
}

// The first closure runs on a thread of the pool; the others run on the loop, in order.
try pool.run(
    on: loop,
    { context in countPrimes(below: 2000, context) },
    progress: { number in print("at \(number)") },
    then: { result in
        if case .success(let count) = result { print("\(count) primes below 2000") }
        finished()
    })

// What the work throws arrives as the result.
struct NoLuck: Error {}
try pool.run(
    on: loop,
    { _ throws -> Int in throw NoLuck() },
    then: { result in
        if case .failure(let error) = result { print("failed: \(error)") }
        finished()
    })

loop.run()
pool.stop()
pool.join()
