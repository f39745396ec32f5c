// AsyncStage: a loop for tests of the async faces.

import Glibc
import Testing

@testable import Notifier

/// A loop that runs tasks, and waits for them in a synchronous test.
struct AsyncStage: ~Copyable {
    let loop: EventLoop
    let executor: LoopExecutor

    init(clock: any Clock = SystemClock()) throws {
        loop = try EventLoop(clock: clock)
        executor = LoopExecutor(loop.handle)
    }

    deinit { loop.close() }

    /// Starts a task on the loop; the result appears in what is returned.
    func start<Value: Sendable>(
        _ body: @escaping @Sendable (LoopHandle) async throws -> Value
    ) -> (task: Task<Void, Never>, outcome: Shared<Result<Value, any Error>?>) {
        let outcome = Shared<Result<Value, any Error>?>(nil)
        let handle = loop.handle
        let task = Task(executorPreference: executor) {
            let result: Result<Value, any Error>
            do { result = .success(try await body(handle)) } catch { result = .failure(error) }
            outcome.change { $0 = result }
        }
        return (task, outcome)
    }

    /// Runs `body` as a task to its end.
    func perform<Value: Sendable>(
        _ body: @escaping @Sendable (LoopHandle) async throws -> Value
    ) throws -> Value {
        let outcome = start(body).outcome
        #expect(loop.run(until: { outcome.value != nil }, limit: .seconds(20)))
        return try #require(outcome.value).get()
    }

    /// Turns until `condition` holds, in real time whatever the loop's clock.
    func turn(until condition: () -> Bool) -> Bool {
        let start = ContinuousClock.now
        while !condition() {
            if ContinuousClock.now - start > .seconds(20) { return false }
            loop.step(sleep: false)
        }
        return true
    }
}
