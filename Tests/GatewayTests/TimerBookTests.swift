// Timers as people see them, driven by a clock that stands still until it is told to move.

import Bytes
import JSON
import Notifier
import Testing

@testable import Gateway

@Suite struct TimerBookTests {
    @Test func `a timer fires once after its delay and is done`() throws {
        let scene = try TimerScene()
        try scene.book.add(id: "once", TimerPlan.emitting(.after(.seconds(10))), isFixed: false)
        scene.pass(.seconds(9))
        #expect(scene.fired.isEmpty)
        scene.pass(.seconds(1))
        #expect(scene.fired == ["once"])
        #expect(scene.book.all.isEmpty && scene.book.find("once")?.isDone == true)
        #expect(scene.news == [.fired(run: 1), .finished(run: 1, .done("ok")), .removed])
    }

    @Test func `an interval keeps its grid, merges what it missed and counts it`() throws {
        let scene = try TimerScene()
        let entry = try scene.book.add(
            id: "tick", TimerPlan.emitting(.every(.seconds(10))), isFixed: false)
        scene.pass(.seconds(35))
        #expect(scene.fired.count == 1 && entry.missed == 2)
        #expect(scene.missed == [.missed(count: 2, reason: .late)])
        scene.pass(.seconds(5))
        #expect(scene.fired.count == 2 && entry.runs == 2 && entry.missed == 2)
    }

    @Test func `a moment of the wall clock is met`() throws {
        let scene = try TimerScene()
        let moment = scene.clock.wallNanos() + 5_000_000_000
        let entry = try scene.book.add(id: "at", TimerPlan.emitting(.at(moment)), isFixed: false)
        #expect(scene.book.nextWallNanos(entry) == moment)
        scene.pass(.seconds(5))
        #expect(scene.fired == ["at"])
    }

    // MARK: Done

    @Test func `a timer that has fired for the last time can be read for a while`() throws {
        let scene = try TimerScene(waits: true)
        var three = TimerPlan.emitting(.every(.seconds(1)))
        three.maxRuns = 3
        three.overlap = .parallel
        let entry = try scene.book.add(id: "three", three, isFixed: false)
        scene.passSeconds(3)
        #expect(entry.isDone && entry.runningCount == 3 && scene.book.all.isEmpty)
        scene.book.fire(entry)
        #expect(entry.runs == 3)
        // The time runs from the end of its last run.
        scene.pass(.seconds(3_600))
        #expect(scene.book.find("three") === entry && scene.loop.timerCount == 0)
        for done in scene.pending { done(.failed("no")) }
        #expect(entry.lastResult == .failed("no"))
        scene.pass(FinishedTimers.time - .seconds(1))
        #expect(scene.book.finished.all.map(\.id) == ["three"])
        scene.pass(.seconds(1))
        #expect(scene.book.find("three") == nil && scene.loop.timerCount == 0)
    }

    @Test func `a timer that is done makes room, can be removed, and be made again`() throws {
        let scene = try TimerScene(bounds: .init(count: 1, bytes: 1_000))
        let plan = TimerPlan.emitting(.after(.seconds(1)))
        for _ in 1...3 {
            let entry = try scene.book.add(id: "t", plan, isFixed: false)
            #expect(!entry.isDone && scene.book.find("t") === entry)
            scene.pass(.seconds(1))
            #expect(entry.isDone && scene.book.find("t") === entry)
        }
        #expect(scene.book.finished.all.count == 1)
        try scene.book.add(id: "u", plan, isFixed: false)
        scene.book.remove(try #require(scene.book.find("t")))
        #expect(scene.book.find("t") == nil && scene.book.all.map(\.id) == ["u"])
    }

    @Test func `timers that are done are bounded by their number and their bytes`() throws {
        let scene = try TimerScene(bounds: .init(count: 10_000, bytes: 1 << 30))
        let count = FinishedTimers.countLimit + 5
        for number in 0..<count {
            let plan = TimerPlan.emitting(.after(.seconds(Int64(number) + 1)))
            try scene.book.add(id: "t\(number)", plan, isFixed: false)
        }
        for _ in 0..<count { scene.pass(.seconds(1)) }
        #expect(scene.fired.count == count)
        // The oldest went as their time was over, or as there was no room.
        let left = scene.book.finished.all
        #expect(left.count == 600 && scene.book.find("t\(count - 601)") == nil)
        #expect(scene.book.find("t\(count - 600)") != nil)
        for number in 0..<count {
            let plan = TimerPlan.emitting(.after(.seconds(1)))
            try scene.book.add(id: "s\(number)", plan, isFixed: false)
        }
        scene.pass(.seconds(1))
        #expect(scene.book.finished.all.count == FinishedTimers.countLimit)
        let large = TimerPlan(
            schedule: .after(.seconds(1)),
            action: .emit(
                signal: "a", data: Array(repeating: 32, count: FinishedTimers.byteLimit - 1_000)))
        for id in ["large", "larger"] {
            try scene.book.add(id: id, large, isFixed: false)
            scene.pass(.seconds(1))
        }
        #expect(scene.book.finished.all.map(\.id) == ["larger"])
    }

    // MARK: Overlap

    @Test func `a firing is left out while the one before runs`() throws {
        let scene = try TimerScene(waits: true)
        let entry = try scene.book.add(
            id: "slow", TimerPlan.emitting(.every(.seconds(1))), isFixed: false)
        scene.passSeconds(2)
        #expect(scene.fired.count == 1 && entry.missed == 1)
        #expect(scene.missed == [.missed(count: 1, reason: .overlap)])
        scene.pending.removeFirst()(.done("done late"))
        #expect(entry.lastResult == .done("done late"))
        scene.pass(.seconds(1))
        #expect(scene.fired.count == 2)
    }

    @Test func `a timer that misses each firing floods nobody with notices`() throws {
        let scene = try TimerScene(waits: true)
        let entry = try scene.book.add(
            id: "f", TimerPlan.emitting(.every(.milliseconds(10))), isFixed: false)
        for _ in 1...500 { scene.pass(.milliseconds(10)) }
        #expect(entry.missed == 499)
        #expect(scene.missed.count == 5)
        scene.book.remove(entry)
        let told = scene.missed.reduce(0) { sum, news in
            if case .missed(let count, .overlap) = news { sum + count } else { sum }
        }
        #expect(told == 499)
        #expect(scene.news.last == .removed && scene.loop.timerCount == 0)
    }

    @Test func `two reasons to miss a firing are told one after the other, with their own counts`()
        throws
    {
        let scene = try TimerScene(waits: true)
        try scene.book.add(id: "f", TimerPlan.emitting(.every(.milliseconds(100))), isFixed: false)
        scene.pass(.milliseconds(100))
        scene.pass(.milliseconds(300))  // two late, and one while the first runs
        #expect(scene.missed == [.missed(count: 2, reason: .late)])
        for _ in 1...10 { scene.pass(.milliseconds(100)) }
        #expect(
            scene.missed
                == [.missed(count: 2, reason: .late), .missed(count: 10, reason: .overlap)])
    }

    @Test func `queued firings run one after the other, as many as may wait`() throws {
        let scene = try TimerScene(waits: true)
        var plan = TimerPlan.emitting(.every(.seconds(1)))
        plan.overlap = .queue
        let entry = try scene.book.add(id: "queue", plan, isFixed: false)
        scene.passSeconds(3)
        #expect(scene.fired.count == 1 && entry.queuedCount == 2 && entry.missed == 0)
        scene.pending.removeFirst()(.done("ok"))
        scene.loop.step(sleep: false)
        #expect(scene.fired.count == 2 && entry.queuedCount == 1 && entry.runningCount == 1)
        scene.passSeconds(TimerBook.runLimit + 10)
        #expect(entry.queuedCount == TimerBook.runLimit)
        #expect(entry.missed == 11)
    }

    @Test func `parallel firings run together, as many as may`() throws {
        let scene = try TimerScene(waits: true)
        var plan = TimerPlan.emitting(.every(.seconds(1)))
        plan.overlap = .parallel
        let entry = try scene.book.add(id: "many", plan, isFixed: false)
        scene.passSeconds(TimerBook.runLimit + 5)
        #expect(entry.runningCount == TimerBook.runLimit && entry.missed == 5)
    }

    @Test func `the last of so many runs is the last, queued ones included`() throws {
        let scene = try TimerScene(waits: true)
        var plan = TimerPlan.emitting(.every(.seconds(1)))
        plan.maxRuns = 3
        plan.overlap = .queue
        try scene.book.add(id: "three", plan, isFixed: false)
        scene.passSeconds(10)
        while !scene.pending.isEmpty {
            scene.pending.removeFirst()(.done("ok"))
            scene.passSeconds(2)
        }
        #expect(scene.fired.count == 3)
        #expect(scene.book.all.isEmpty)
    }

    @Test func `after its last run a timer is gone`() throws {
        let scene = try TimerScene()
        var plan = TimerPlan.emitting(.every(.seconds(1)))
        plan.maxRuns = 2
        try scene.book.add(id: "two", plan, isFixed: false)
        scene.passSeconds(5)
        #expect(scene.fired.count == 2)
        #expect(scene.book.all.isEmpty)
    }

    @Test func `a removed timer is silent, and its id free again`() throws {
        let scene = try TimerScene()
        let entry = try scene.book.add(
            id: "x", TimerPlan.emitting(.every(.seconds(1))), isFixed: false)
        #expect(throws: TimerRefusal.exists) {
            try scene.book.add(id: "x", TimerPlan.emitting(.every(.seconds(1))), isFixed: false)
        }
        scene.book.remove(entry)
        scene.pass(.seconds(5))
        #expect(scene.fired.isEmpty)
        try scene.book.add(id: "x", TimerPlan.emitting(.every(.seconds(1))), isFixed: false)
    }

    @Test func `a random delay comes within its bound, one at a time`() throws {
        let scene = try TimerScene()
        var plan = TimerPlan.emitting(.every(.seconds(1)))
        plan.jitter = .seconds(1)
        let entry = try scene.book.add(id: "j", plan, isFixed: false)
        scene.passSeconds(3)
        #expect(scene.loop.timerCount <= 3)
        #expect(scene.fired.count + entry.missed >= 2)
        scene.pass(.seconds(1))
        #expect(scene.fired.count >= 1)
    }

    // MARK: Resting and bounds

    @Test func `a paused timer rests, and goes on where its kind says`() throws {
        let scene = try TimerScene()
        let after = try scene.book.add(
            id: "after", TimerPlan.emitting(.after(.seconds(10))), isFixed: false)
        let every = try scene.book.add(
            id: "every", TimerPlan.emitting(.every(.seconds(10))), isFixed: false)
        scene.pass(.seconds(4))
        for entry in [after, every] { scene.book.pause(entry) }
        #expect(scene.book.nextWallNanos(after) == nil)
        scene.pass(.seconds(100))
        #expect(scene.fired.isEmpty)
        for entry in [after, every] { scene.book.resume(entry) }
        scene.pass(.seconds(5))
        #expect(scene.fired.isEmpty)
        scene.pass(.seconds(1))
        #expect(scene.fired.sorted() == ["after", "every"])
    }

    @Test func `a paused timer can be fired by hand`() throws {
        let scene = try TimerScene()
        let entry = try scene.book.add(
            id: "p", TimerPlan.emitting(.every(.seconds(10))), isFixed: false)
        scene.book.pause(entry)
        scene.book.fire(entry)
        #expect(scene.fired == ["p"] && scene.book.has(entry))
    }

    @Test func `timers and their bytes are bounded, those of the configuration apart`() throws {
        let scene = try TimerScene(bounds: .init(count: 2, bytes: 3_000))
        for id in ["f1", "f2", "f3"] {
            try scene.book.add(id: id, TimerPlan.emitting(.every(.seconds(1))), isFixed: true)
        }
        let first = try scene.book.add(
            id: "1", TimerPlan.emitting(.every(.seconds(1))), isFixed: false)
        try scene.book.add(id: "2", TimerPlan.emitting(.every(.seconds(1))), isFixed: false)
        #expect(throws: TimerRefusal.tooMany) {
            try scene.book.add(id: "3", TimerPlan.emitting(.every(.seconds(1))), isFixed: false)
        }
        scene.book.remove(first)
        let large = TimerPlan(
            schedule: .after(.seconds(1)),
            action: .emit(signal: "a", data: Array(repeating: 32, count: 2_500)))
        #expect(throws: TimerRefusal.tooMany) {
            try scene.book.add(id: "4", large, isFixed: false)
        }
        try scene.book.add(id: "5", TimerPlan.emitting(.every(.seconds(1))), isFixed: false)
    }
}
