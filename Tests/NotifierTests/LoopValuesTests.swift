// Signals as sequences.

import Glibc
import Testing

@testable import Notifier

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
