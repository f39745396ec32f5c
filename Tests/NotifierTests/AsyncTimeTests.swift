// Sleeps, ticks and results of the loop, awaited by tasks.

import Glibc
import Testing

@testable import Notifier

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
