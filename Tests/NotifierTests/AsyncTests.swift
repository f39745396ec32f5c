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

@Suite(.timeLimit(.minutes(1)))
struct AsyncTimeTests {
    @Test func `a sleep ends when the loop's clock says so, not before`() throws {
        let clock = ManualClock()
        let stage = try AsyncStage(clock: clock)
        let outcome = stage.start { try await $0.sleep(for: .seconds(3600)) }.outcome
        #expect(stage.turn { stage.loop.timerCount == 1 })
        clock.advance(by: .seconds(3599))
        stage.loop.spin(10)
        #expect(outcome.value == nil)
        clock.advance(by: .seconds(1))
        #expect(stage.turn { outcome.value != nil })
        #expect(stage.loop.timerCount == 0)
    }

    @Test func `a sleep until a time that is past does not sleep`() throws {
        let clock = ManualClock()
        clock.advance(by: .seconds(5))
        let stage = try AsyncStage(clock: clock)
        let outcome = stage.start { try await $0.sleep(until: 1) }.outcome
        #expect(stage.turn { outcome.value != nil })
    }

    @Test func `a thousand sleeps end in the order of their deadlines`() throws {
        let clock = ManualClock()
        let stage = try AsyncStage(clock: clock)
        let order = Shared<[Int]>([])
        let outcome = stage.start { handle in
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<1000 {
                    // Scattered, so that the order of starting is not the order of ending.
                    let rank = number * 379 % 1000
                    group.addTask {
                        try? await handle.sleep(for: .seconds(rank + 1))
                        order.change { $0.append(rank) }
                    }
                }
            }
        }.outcome
        #expect(stage.turn { stage.loop.timerCount == 1000 })
        for _ in 0..<1000 {
            clock.advance(by: .seconds(1))
            stage.loop.spin(2)
        }
        #expect(stage.turn { outcome.value != nil })
        #expect(order.value == Array(0..<1000))
    }

    @Test func `a thousand cancelled sleeps leave no timer`() throws {
        let stage = try AsyncStage(clock: ManualClock())
        let cut = Shared(0)
        let (task, outcome) = stage.start { handle in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<1000 {
                    group.addTask {
                        do { try await handle.sleep(for: .seconds(1)) } catch {
                            cut.change { $0 += 1 }
                        }
                    }
                }
            }
        }
        #expect(stage.turn { stage.loop.timerCount == 1000 })
        task.cancel()
        #expect(stage.turn { outcome.value != nil })
        #expect(cut.value == 1000)
        #expect(stage.loop.timerCount == 0)
    }

    @Test func `a sleep can be cancelled before it began, and after it ended`() throws {
        let stage = try AsyncStage()
        let early = stage.start { handle in
            withUnsafeCurrentTask { $0?.cancel() }
            try await handle.sleep(for: .seconds(100))
        }.outcome
        let (task, late) = stage.start { try await $0.sleep(for: .zero) }
        #expect(stage.turn { early.value != nil && late.value != nil })
        task.cancel()
        stage.loop.spin(3)
        #expect(throws: CancellationError.self) { try early.value?.get() }
        #expect(throws: Never.self) { try late.value?.get() }
        #expect(stage.loop.timerCount == 0)
    }

    @Test func `ticks keep their grid and merge what was missed`() throws {
        let clock = ManualClock()
        let stage = try AsyncStage(clock: clock)
        let seen = Shared<[UInt64]>([])
        let (task, outcome) = stage.start { handle in
            for await tick in handle.ticks(every: .milliseconds(10)) {
                seen.change { $0.append(tick) }
            }
        }
        #expect(stage.turn { stage.loop.timerCount == 1 })
        for (advance, count) in [(10, 1), (10, 2), (35, 3), (5, 4)] {
            clock.advance(by: .milliseconds(advance))
            #expect(stage.turn { seen.value.count == count && stage.loop.timerCount == 1 })
        }
        #expect(seen.value == [1, 2, 5, 6])
        task.cancel()
        #expect(stage.turn { outcome.value != nil })
        #expect(stage.loop.timerCount == 0)
    }

    @Test func `a task gets a result or an error from the loop`() throws {
        let stage = try AsyncStage()
        #expect(try stage.perform { try await $0.run { $0.timerCount } } >= 0)
        #expect(throws: SystemError("bind", 1)) {
            try stage.perform { try await $0.run { _ -> Int in throw SystemError("bind", 1) } }
        }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct AsyncReadinessTests {
    @Test func `a task waits for a descriptor, which is watched only meanwhile`() throws {
        let stage = try AsyncStage()
        let pair = try SocketPair()
        let near = pair.near.number
        let outcome = stage.start { try await $0.readiness(of: near, .read) }.outcome
        #expect(stage.turn { stage.loop.watchCount == 1 })
        send("x", to: pair.far.number)
        #expect(stage.turn { outcome.value != nil })
        #expect(try outcome.value?.get() == .read)
        #expect(stage.loop.watchCount == 0)
        // Ready and unread, but nobody waits: the loop is at rest.
        #expect(stage.loop.turns(within: .milliseconds(30)) <= 2)
    }

    @Test func `a cancelled wait is removed before the task goes on`() throws {
        let stage = try AsyncStage()
        let pair = try SocketPair()
        let near = pair.near.number
        let (task, outcome) = stage.start { try await $0.readiness(of: near, .read) }
        #expect(stage.turn { stage.loop.watchCount == 1 })
        task.cancel()
        #expect(stage.turn { outcome.value != nil })
        #expect(try outcome.value?.get() == .some(nil))
        #expect(stage.loop.watchCount == 0)
    }

    @Test func `a descriptor that cannot be watched is an error`() throws {
        let stage = try AsyncStage()
        #expect(throws: SystemError.self) {
            try stage.perform { _ = try await $0.readiness(of: -1, .read) }
        }
    }

    @Test func `a sequence tells readiness until the end of the stream`() throws {
        let stage = try AsyncStage()
        let pair = try SocketPair()
        let number = pair.near.number
        let text = Shared("")
        let outcome = stage.start { handle in
            for try await _ in handle.readinesses(of: number, .read) {
                // One byte at a time: the end must not hide what is left.
                var byte: UInt8 = 0
                if read(number, &byte, 1) == 1 {
                    text.change { $0.append(Character(Unicode.Scalar(byte))) }
                }
            }
        }.outcome
        send("ab", to: pair.far.number)
        #expect(stage.turn { text.value == "ab" })
        send("cde", to: pair.far.number)
        shutdown(pair.far.number, Int32(SHUT_WR))
        #expect(stage.turn { outcome.value != nil })
        #expect(text.value == "abcde")
        #expect(stage.loop.watchCount == 0)
    }
}

@Suite(.timeLimit(.minutes(1)))
struct LoopValuesTests {
    @Test func `a task gets the arguments of a signal in order`() throws {
        let stage = try AsyncStage()
        let signal = Signal<Int>()
        let values = signal.values(on: stage.loop)
        for number in 0..<5 { signal.emit(number) }
        let seen = Shared<[Int]>([])
        let (task, outcome) = stage.start { _ in
            for await value in values { seen.change { $0.append(value) } }
        }
        #expect(stage.turn { seen.value.count == 5 })
        signal.emit(5)
        #expect(stage.turn { seen.value.count == 6 })
        #expect(seen.value == Array(0..<6))
        task.cancel()
        #expect(stage.turn { outcome.value != nil && signal.connectionCount == 0 })
    }

    @Test(arguments: [
        (BufferOverflow.dropOldest, [3, 4, 5]), (.dropNewest, [1, 2, 3]),
    ]) func `a full buffer drops by its policy, and counts`(
        _ overflow: BufferOverflow, _ left: [Int]
    ) throws {
        let stage = try AsyncStage()
        let signal = Signal<Int>()
        let values = signal.values(on: stage.loop, buffer: 3, overflow: overflow)
        for number in 1...5 { signal.emit(number) }
        #expect(values.droppedCount == 2)
        let seen = try stage.perform { _ in
            var iterator = values.makeAsyncIterator()
            var seen: [Int] = []
            for _ in 0..<3 { if let value = await iterator.next() { seen.append(value) } }
            return seen
        }
        #expect(seen == left)
    }

    @Test func `a sequence dropped unread is disconnected`() throws {
        let stage = try AsyncStage()
        let signal = Signal<Int>()
        do {
            let values = signal.values(on: stage.loop)
            signal.emit(1)
            #expect(signal.connectionCount == 1)
            _ = values
        }
        #expect(signal.connectionCount == 0)
        #expect(stage.loop.local(StreamTable.self).count == 0)
    }

    @Test func `a sequence left by break is disconnected`() throws {
        let stage = try AsyncStage()
        let signal = Signal<Int>()
        let first = Shared(0)
        stage.loop.addTimer(after: .zero) { [unowned loop = stage.loop] in
            let values = signal.values(on: loop)
            Task(executorPreference: LoopExecutor(loop.handle)) {
                for await value in values {
                    first.change { $0 = value }
                    break
                }
            }
        }
        #expect(stage.turn { signal.connectionCount == 1 })
        signal.emit(7)
        #expect(stage.turn { first.value == 7 && signal.connectionCount == 0 })
    }

    @Test func `a sequence ends with the loop, after what is in the buffer`() async throws {
        let loop = try EventLoop()
        let signal = Signal<Int>()
        let values = signal.values(on: loop)
        signal.emit(1)
        loop.close()
        // The signal lives on, but the registration of the sequence belonged to the loop.
        let token = signal.connect { _ in .keep }
        signal.disconnect(token)
        signal.disconnect(SignalToken(number: 1))
        var iterator = values.makeAsyncIterator()
        #expect(await iterator.next() == 1)
        #expect(await iterator.next() == nil)
    }

    @Test func `signals of the operating system arrive as a sequence`() async throws {
        await #expect(processExitsWith: .success) {
            ProcessSignals.block([.user1])
            let stage = try AsyncStage()
            let values = try ProcessSignals.values([.user1], on: stage.loop)
            // To this thread, which is the only one that is sure to have it blocked.
            raise(SIGUSR1)
            let first = try stage.perform { _ in
                var iterator = values.makeAsyncIterator()
                return await iterator.next()
            }
            #expect(first == .user1)
        }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct AsyncChildTests {
    @Test func `a task reads the lines of a child and waits for its exit`() throws {
        let stage = try AsyncStage()
        let (texts, exit) = try stage.perform { handle in
            let (lines, ending) = try await handle.run { loop in
                let child = try Child.spawn(
                    shell("echo a; echo b; printf c; exit 4"), on: loop)
                return (child.lines(), child.ending)
            }
            var texts: [String] = []
            for await line in lines { texts.append(line.text) }
            return (texts, try await ending.wait())
        }
        #expect(texts == ["a", "b", "c"])
        #expect(exit == .exited(4))
    }

    @Test func `a slow reader makes the child wait and misses nothing`() throws {
        let stage = try AsyncStage()
        let (count, wrong) = try stage.perform { handle in
            let lines = try await handle.run { loop in
                try Child.spawn(shell("seq 50000"), on: loop).lines(buffer: 10)
            }
            var (count, wrong) = (0, lines.droppedCount)
            for await line in lines {
                count += 1
                if line.text != String(count) { wrong += 1 }
            }
            return (count, wrong + lines.droppedCount)
        }
        #expect(count == 50_000)
        #expect(wrong == 0)
    }

    @Test func `lines dropped unread do not hold the child up`() throws {
        let stage = try AsyncStage()
        let exit = try stage.perform { handle in
            let ending = try await handle.run { loop in
                let child = try Child.spawn(shell("seq 50000"), on: loop)
                _ = child.lines(buffer: 1)
                return child.ending
            }
            return try await ending.wait()
        }
        #expect(exit == .exited(0))
    }

    @Test func `a wait for a child may be cancelled in every state`() throws {
        let stage = try AsyncStage()
        let child = try Child.spawn(shell("read x", input: .pipe), on: stage.loop)
        let ending = child.ending
        let (task, during) = stage.start { _ in try await ending.wait() }
        let before = stage.start { _ in
            withUnsafeCurrentTask { $0?.cancel() }
            return try await ending.wait()
        }.outcome
        #expect(stage.turn { before.value != nil })
        task.cancel()
        #expect(stage.turn { during.value != nil })
        #expect(throws: CancellationError.self) { try before.value?.get() }
        #expect(throws: CancellationError.self) { try during.value?.get() }
        let last = stage.start { _ in try await ending.wait() }.outcome
        child.terminate(.immediate)
        #expect(stage.turn { last.value != nil })
        #expect(try last.value?.get() == .signalled(number: SIGKILL, coreDumped: false))
        // And once more, when it is known.
        #expect(
            try stage.perform { _ in try await ending.wait() }
                == .signalled(number: SIGKILL, coreDumped: false))
    }
}

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
