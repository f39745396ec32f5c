// Work of other threads, awaited by tasks.

import Glibc
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(1)))
struct AsyncWorkerTests {
    @Test func `a task gets the result of work, or its error`() throws {
        let stage = try AsyncStage()
        let pool = try WorkerPool(threads: 1)
        defer {
            pool.stop()
            pool.join()
        }
        #expect(try stage.perform { _ in try await pool.run { _ in 6 * 7 } } == 42)
        #expect(throws: SystemError("open", 2)) {
            try stage.perform { _ in
                try await pool.run { _ -> Int in throw SystemError("open", 2) }
            }
        }
    }

    @Test func `work that waits is given up at once, work that runs is asked to end`() throws {
        let stage = try AsyncStage()
        let pool = try WorkerPool(threads: 1)
        defer {
            pool.stop()
            pool.join()
        }
        let hasBegun = Shared(false)
        let (running, first) = stage.start { _ in
            try await pool.run { token in
                hasBegun.change { $0 = true }
                while !token.isCancelled { usleep(500) }
                return "asked"
            }
        }
        #expect(stage.turn { hasBegun.value })
        let (waiting, second) = stage.start { _ in try await pool.run { _ in "never" } }
        stage.loop.spin(5)
        waiting.cancel()
        #expect(stage.turn { second.value != nil })
        #expect(throws: WorkerError.cancelled) { try second.value?.get() }
        #expect(first.value == nil)
        running.cancel()
        #expect(stage.turn { first.value != nil })
        #expect(try first.value?.get() == "asked")
    }

    @Test func `a stopped pool refuses`() throws {
        let stage = try AsyncStage()
        let pool = try WorkerPool(threads: 1)
        pool.stop()
        pool.join()
        #expect(throws: WorkerError.stopped) {
            try stage.perform { _ in try await pool.run { _ in 1 } }
        }
    }
}
