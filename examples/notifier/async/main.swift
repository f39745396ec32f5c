// The same loop for code that is written with async and await. The tasks run on the loop's thread,
// so they may use everything that lives on it; their sleeping and waiting is done by the loop.

import Glibc
import Notifier

let loop = try EventLoop()
let handle = loop.handle
let pool = try WorkerPool(threads: 1)

/// Ticks, on a grid.
@Sendable func tick() async {
    for await number in handle.ticks(every: .milliseconds(50)) {
        print("tick \(number)")
        if number >= 3 { break }
    }
}

/// A pipe: one task waits until there is something to read.
@Sendable func read(from end: Int32) async throws {
    let readiness = try await handle.readiness(of: end, .read)
    print("readable:", readiness?.contains(.read) ?? false)
}

let pipe = try Pipe()
let (reading, writing) = (pipe.read.number, pipe.write.number)

Task(executorPreference: LoopExecutor(handle)) {
    await tick()

    async let reader: Void = read(from: reading)
    try await handle.sleep(for: .milliseconds(20))
    write(writing, "x", 1)
    try await reader

    let sum = try await pool.run { _ in (1...100).reduce(0, +) }
    print("a worker says \(sum)")

    // Cancelling a task ends its sleep at once.
    let sleeper = Task { try await handle.sleep(for: .seconds(3600)) }
    sleeper.cancel()
    if case .failure = await sleeper.result { print("woken early") }

    handle.post { $0.stop() }
}

loop.run()
pool.stop()
pool.join()
print("done")
