import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct LoopExecutorTests {
    private actor Counter {
        nonisolated let executor: LoopExecutor
        private(set) var count = 0

        nonisolated var unownedExecutor: UnownedSerialExecutor {
            executor.asUnownedSerialExecutor()
        }

        init(_ executor: LoopExecutor) { self.executor = executor }

        func add() -> Bool {
            count += 1
            return executor.handle.isOnLoop
        }
    }

    /// Runs `body` as a task that prefers the loop, until it is done.
    private func perform(
        limit: Duration = .seconds(20), _ body: @escaping @Sendable (LoopExecutor) async -> Void
    ) throws {
        let loop = try EventLoop()
        let executor = LoopExecutor(loop.handle)
        let isDone = Shared(false)
        Task(executorPreference: executor) {
            await body(executor)
            isDone.change { $0 = true }
        }
        #expect(loop.run(until: { isDone.value }, limit: limit))
    }

    @Test func `a task runs on the loop's thread, also after suspensions`() throws {
        try perform { executor in
            #expect(executor.handle.isOnLoop)
            await Task.yield()
            #expect(executor.handle.isOnLoop)
            try? await executor.sleep(for: .milliseconds(1))
            #expect(executor.handle.isOnLoop)
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<5 { group.addTask { executor.handle.isOnLoop } }
                for await isOnLoop in group { #expect(isOnLoop) }
            }
        }
    }

    @Test func `an immediate task runs at once and comes back to the loop`() throws {
        let loop = try EventLoop()
        let executor = LoopExecutor(loop.handle)
        let steps = Shared<[String]>([])
        loop.handle.post { _ in
            Task.immediate(executorPreference: executor) {
                steps.change { $0.append("begun") }
                try? await executor.sleep(for: .zero)
                steps.change { $0.append(executor.handle.isOnLoop ? "home" : "away") }
            }
            steps.change { $0.append("returned") }
        }
        #expect(loop.run(until: { steps.value.count == 3 }, limit: .seconds(20)))
        #expect(steps.value == ["begun", "returned", "home"])
    }

    @Test func `an actor may live on the loop`() throws {
        let loop = try EventLoop()
        let counter = Counter(LoopExecutor(loop.handle))
        let isDone = Shared(false)
        // The callers run on another loop: threads of the pool may all be busy with tests.
        let callers = try LoopThread(name: "callers") { _ in }
        Task(executorPreference: LoopExecutor(callers.handle)) {
            for _ in 0..<100 { #expect(await counter.add()) }
            let count = await counter.count
            isDone.change { $0 = count == 100 }
        }
        #expect(
            loop.run(until: { isDone.value }, polling: .milliseconds(1), limit: .seconds(20)))
        callers.stop()
        callers.join()
    }

    @Test func `a sleep lasts as long as asked`() throws {
        try perform { executor in
            let start = ContinuousClock.now
            try? await executor.sleep(for: .milliseconds(20))
            #expect(ContinuousClock.now - start >= .milliseconds(20))
        }
    }

    @Test func `a cancelled sleep ends at once and leaves no timer`() throws {
        let loop = try EventLoop()
        let executor = LoopExecutor(loop.handle)
        let outcome = Shared("")
        let task = Task(executorPreference: executor) {
            do {
                try await executor.sleep(for: .seconds(100))
                outcome.change { $0 = "slept" }
            } catch {
                outcome.change { $0 = "cancelled" }
            }
        }
        loop.run(until: { false }, limit: .milliseconds(10))
        #expect(loop.timerCount == 1)
        task.cancel()
        #expect(loop.run(until: { outcome.value != "" }, limit: .seconds(20)))
        #expect(outcome.value == "cancelled")
        #expect(loop.timerCount == 0)
    }

    @Test func `a task cancelled before it sleeps does not sleep`() throws {
        try perform { executor in
            withUnsafeCurrentTask { $0?.cancel() }
            await #expect(throws: CancellationError.self) {
                try await executor.sleep(for: .seconds(100))
            }
        }
    }

    @Test func `tasks that sleep when the loop ends are woken`() async throws {
        let executor: LoopExecutor
        let sleeper: Task<Bool, Never>
        do {
            let thread = try LoopThread(name: "test") { _ in }
            executor = LoopExecutor(thread.handle)
            // Not on the loop, which will not be there to go on with it.
            let isAsleep = Shared(false)
            sleeper = Task.detached { [executor] in
                isAsleep.change { $0 = true }
                do {
                    try await executor.sleep(for: .seconds(100))
                    return false
                } catch {
                    return true
                }
            }
            while !isAsleep.value { await Task.yield() }
            thread.stop()
            thread.join()
        }
        #expect(await sleeper.value)
        await #expect(throws: CancellationError.self) { try await executor.sleep(for: .zero) }
    }
}
