// The same loop for code that is written with async and await. The task runs on the loop's thread;
// its sleeping and waiting is done by the loop.

import Glibc
import Notifier

/// Everything here runs on the loop behind `handle`.
func demonstrate(_ handle: LoopHandle, _ pool: WorkerPool) async throws {
    // Ticks on a grid.
    for await number in handle.ticks(every: .milliseconds(50)) {
        print("tick \(number)")
        if number >= 3 { break }
    }

    // Waiting for a descriptor while something else goes on.
    let pipe = try Pipe()
    let (reading, writing) = (pipe.read.number, pipe.write.number)
    async let readiness = handle.readiness(of: reading, .read)
    try await handle.sleep(for: .milliseconds(20))
    write(writing, "x", 1)
    print("readable:", try await readiness?.contains(.read) ?? false)
    // The pipe is open until here.
    _ = consume pipe

    // Work for another thread.
    let sum = try await pool.run { _ in (1...100).reduce(0, +) }
    print("a worker says \(sum)")

    // Cancelling a task ends its sleep at once.
    let sleeper = Task { try await handle.sleep(for: .seconds(3600)) }
    sleeper.cancel()
    if case .failure = await sleeper.result { print("woken early") }
}

let loop = try EventLoop()
let (handle, pool) = (loop.handle, try WorkerPool(threads: 1))

Task.detached(executorPreference: LoopExecutor(handle)) {
    do { try await demonstrate(handle, pool) } catch { print(error) }
    handle.post { $0.stop() }
}

loop.run()
pool.stop()
pool.join()
print("done")
