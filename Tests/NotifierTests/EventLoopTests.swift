import Glibc
import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct EventLoopTests {
    // MARK: The turn

    @Test func `a turn is mail, timers, descriptors, dispatchers, flushers, in this order`() throws
    {
        let loop = try EventLoop(clock: ManualClock())
        let pipe = try Pipe()
        let order = Shared<[String]>([])
        loop.addFlusher { order.change { $0.append("flusher") } }
        loop.addDispatcher {
            order.change { $0.append("dispatcher") }
            return .stop
        }
        _ = try loop.watch(pipe.read.number, .read) { _ in
            order.change { $0.append("descriptor") }
            return .stop
        }
        send("x", to: pipe.write.number)
        loop.addTimer(after: .zero) { order.change { $0.append("timer") } }
        loop.handle.post { _ in order.change { $0.append("mail") } }
        loop.step(sleep: false)
        #expect(order.value == ["mail", "timer", "descriptor", "dispatcher", "flusher"])
    }

    @Test func `a step without dispatchers leaves them out`() throws {
        let loop = try EventLoop()
        var calls = 0
        loop.addDispatcher {
            calls += 1
            return .keep
        }
        loop.step(sleep: false, dispatchers: false)
        #expect(calls == 0)
        loop.step(sleep: false)
        #expect(calls == 1)
    }

    @Test func `a loop with nothing to do sleeps instead of spinning`() throws {
        let loop = try EventLoop()
        #expect(loop.turns(within: .milliseconds(50)) <= 2)
    }

    @Test func `now is read once per turn`() throws {
        let clock = ManualClock()
        let loop = try EventLoop(clock: clock)
        var seen: [UInt64] = []
        for _ in 0..<2 {
            loop.addTimer(after: .zero) {
                seen.append(loop.now)
                clock.advance(by: .seconds(1))
            }
        }
        loop.step(sleep: false)
        #expect(seen == [0, 0])
    }

    // MARK: Running

    @Test func `stop ends run after the turn`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var rest = 3
        loop.addDispatcher {
            rest -= 1
            if rest == 0 { loop.stop() }
            loop.handle.wake()
            return .keep
        }
        loop.run()
        #expect(rest == 0)
    }

    @Test func `a stop that comes before run is not lost`() throws {
        let loop = try EventLoop()
        loop.stop()
        loop.run()
        #expect(loop.statistics.turns == 0)
        // And it counts once.
        loop.addTimer(after: .zero) { loop.stop() }
        loop.run()
        #expect(loop.statistics.timers == 1)
        loop.close()
    }

    @Test func `a job posted by a job runs in the next turn, which does not sleep`() throws {
        let loop = try EventLoop()
        let turns = Shared<[UInt64]>([])
        loop.handle.post { outer in
            turns.change { $0.append(outer.statistics.turns) }
            outer.handle.post { inner in turns.change { $0.append(inner.statistics.turns) } }
        }
        loop.step()
        loop.step()
        #expect(turns.value == [1, 2])
    }

    @Test func `turns that slept are counted, and those that did not`() throws {
        let loop = try EventLoop()
        loop.addTimer(after: .milliseconds(2)) {}
        loop.step()
        loop.step(sleep: false)
        #expect(loop.statistics.turns == 2 && loop.statistics.sleeps == 1)
    }

    @Test func `run until a condition tells whether it came true`() throws {
        let loop = try EventLoop()
        var fired = false
        loop.addTimer(after: .milliseconds(5)) { fired = true }
        #expect(loop.run(until: { fired }, limit: .seconds(10)))
        #expect(!loop.run(until: { false }, limit: .milliseconds(5)))
        #expect(loop.timerCount == 0)
    }

    @Test func `a limit of 30 milliseconds is not shorter`() throws {
        let loop = try EventLoop()
        let time = elapsed { loop.run(until: { false }, limit: .milliseconds(30)) }
        #expect(time >= .milliseconds(30))
    }

    @Test func `a stop inside a callback also ends the run it is nested in`() throws {
        let loop = try EventLoop()
        var inner: Bool?
        loop.addTimer(after: .zero) {
            loop.stop()
            inner = loop.run(until: { false }, limit: .seconds(30))
        }
        loop.run()
        #expect(inner == false)
    }

    // MARK: Nested steps

    @Test func `steps nest ten deep`() throws {
        let loop = try EventLoop()
        var deepest = 0
        func descend(_ depth: Int) {
            deepest = depth
            guard depth < EventLoop.nestingLimit else { return }
            loop.addTimer(after: .zero) { descend(depth + 1) }
            loop.step()
        }
        descend(0)
        #expect(deepest == EventLoop.nestingLimit)
    }

    @Test func `an eleventh nested step is a programming error`() async {
        await #expect(processExitsWith: .failure) {
            let loop = try EventLoop()
            func descend(_ depth: Int) {
                loop.addTimer(after: .zero) { descend(depth + 1) }
                loop.step()
            }
            descend(0)
        }
    }

    @Test func `a nested step does not enter a running callback, nor spin on its descriptor`()
        throws
    {
        let loop = try EventLoop()
        let pipe = try Pipe()
        var depth = 0
        var deepest = 0
        var nestedTurns: UInt64 = 0
        _ = try loop.watch(pipe.read.number, .read) { _ in
            depth += 1
            deepest = max(deepest, depth)
            // The byte stays unread, so the descriptor stays ready.
            nestedTurns = loop.turns(within: .milliseconds(30))
            depth -= 1
            return .stop
        }
        send("x", to: pipe.write.number)
        loop.step()
        #expect(deepest == 1)
        #expect(nestedTurns <= 3)
    }

    @Test func `a descriptor silenced by a nested step is heard again afterwards`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        let pipe = try Pipe()
        var calls = 0
        _ = try loop.watch(pipe.read.number, .read) { _ in
            calls += 1
            if calls == 1 { loop.step(sleep: false) }
            return .keep
        }
        send("x", to: pipe.write.number)
        loop.spin(2)
        #expect(calls == 2)
    }

    @Test func `an event whose data a nested step has consumed is not delivered again`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        let first = try Pipe()
        let second = try Pipe()
        var calls: [Int32: Int] = [:]
        for number in [first.read.number, second.read.number] {
            _ = try loop.watch(number, .read) { _ in
                calls[number, default: 0] += 1
                receive(from: number)
                loop.step(sleep: false)
                return .keep
            }
        }
        send("x", to: first.write.number)
        send("x", to: second.write.number)
        loop.spin(3)
        #expect(calls == [first.read.number: 1, second.read.number: 1])
    }

    @Test func `a timer that runs is skipped by nested steps`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var calls = 0
        loop.addTimer(every: .nanoseconds(1)) {
            calls += 1
            if calls == 1 { loop.spin(3) }
            return .keep
        }
        loop.step()
        #expect(calls == 1)
        loop.step()
        #expect(calls == 2)
    }

    @Test func `a dispatcher that runs is skipped by nested steps`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var calls = 0
        loop.addDispatcher {
            calls += 1
            loop.spin(3)
            return .keep
        }
        loop.step()
        #expect(calls == 1)
    }

    @Test func `mail posted later is not read earlier, not even by a nested step`() throws {
        let loop = try EventLoop()
        let order = Shared<[Int]>([])
        loop.handle.post { loop in
            order.change { $0.append(1) }
            loop.handle.post { _ in order.change { $0.append(3) } }
            loop.step(sleep: false)
        }
        loop.handle.post { _ in order.change { $0.append(2) } }
        loop.step(sleep: false)
        #expect(order.value == [1, 2, 3])
    }

    @Test func `a job may wait for the effect of the next one`() throws {
        let loop = try EventLoop()
        let came = Shared(false)
        let wasSeen = Shared(false)
        loop.handle.post { loop in
            let seen = loop.run(until: { came.value }, limit: .seconds(5))
            wasSeen.change { $0 = seen }
        }
        loop.handle.post { _ in came.change { $0 = true } }
        loop.step(sleep: false)
        #expect(wasSeen.value)
    }

    @Test func `a turn that read mail does not sleep before the effects are seen`() throws {
        let loop = try EventLoop()
        loop.addTimer(after: .seconds(30)) {}
        let isDone = Shared(false)
        loop.handle.post { _ in isDone.change { $0 = true } }
        let time = elapsed { loop.run(until: { isDone.value }, limit: .seconds(30)) }
        #expect(time < .seconds(10))
        loop.handle.post { $0.stop() }
        #expect(elapsed { loop.run() } < .seconds(10))
    }

    @Test func `a closed loop lets go of what holds it`() throws {
        weak var weakly: EventLoop?
        do {
            let loop = try EventLoop()
            weakly = loop
            let pipe = try Pipe()
            _ = try loop.watch(pipe.read.number, .read) { _ in
                loop.stop()
                return .keep
            }
            loop.addTimer(after: .seconds(1)) { loop.stop() }
            loop.addDispatcher {
                loop.stop()
                return .keep
            }
            loop.addFlusher { loop.stop() }
            loop.close()
            #expect(loop.watchCount == 0 && loop.timerCount == 0)
            #expect(!loop.handle.post { _ in })
        }
        #expect(weakly == nil)
    }

    // MARK: Flushers

    @Test func `output queued outside of a turn is flushed before the loop sleeps`() throws {
        let loop = try EventLoop()
        var flushes = 0
        loop.addFlusher { flushes += 1 }
        loop.addTimer(after: .seconds(30)) {}
        loop.flushSoon()
        let time = elapsed { loop.step() }
        #expect(flushes == 1)
        #expect(time < .seconds(10))
    }

    @Test func `output queued before a nested step is flushed before that sleeps`() throws {
        let loop = try EventLoop()
        var flushes = 0
        loop.addFlusher { flushes += 1 }
        loop.addTimer(after: .zero) {
            loop.flushSoon()
            #expect(
                elapsed { loop.run(until: { flushes > 0 }, limit: .seconds(30)) } < .seconds(10))
        }
        loop.step()
        #expect(flushes == 2)
    }

    @Test func `output queued by a flusher keeps the next turn from sleeping`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var flushes = 0
        loop.addFlusher {
            flushes += 1
            if flushes == 1 { loop.flushSoon() }
        }
        loop.addTimer(after: .seconds(30)) {}
        loop.step(sleep: false)
        let time = elapsed { loop.step() }
        #expect(flushes == 2)
        #expect(time < .seconds(10))
    }

    @Test func `a flusher on demand runs in those turns only that asked for it`() throws {
        let loop = try EventLoop()
        var flushes = 0
        let flusher = loop.addFlusher(onDemand: true) { flushes += 1 }
        loop.addTimer(after: .seconds(30)) {}
        loop.step(sleep: false)
        #expect(flushes == 0)
        loop.flushSoon(flusher)
        loop.flushSoon(flusher)
        let time = elapsed { loop.step() }
        loop.step(sleep: false)
        #expect(flushes == 1)
        #expect(time < .seconds(10))
    }

    @Test func `a flusher on demand runs in the turn in which an earlier one asked for it`() throws
    {
        let loop = try EventLoop()
        defer { loop.close() }
        var order: [Int] = []
        var later: Flusher?
        loop.addFlusher {
            order.append(1)
            if let later { loop.flushSoon(later) }
        }
        later = loop.addFlusher(onDemand: true) { order.append(2) }
        loop.step(sleep: false)
        #expect(order == [1, 2])
        #expect(loop.nextDeadline == nil, "nothing is left for another turn")
    }

    @Test func `a flusher on demand that a later one asked for keeps the loop from sleeping`()
        throws
    {
        let loop = try EventLoop()
        defer { loop.close() }
        var flushes = 0
        let first = loop.addFlusher(onDemand: true) { flushes += 1 }
        var asked = false
        loop.addFlusher {
            if !asked { loop.flushSoon(first) }
            asked = true
        }
        loop.addTimer(after: .seconds(30)) {}
        loop.step(sleep: false)
        let time = elapsed { loop.step() }
        #expect(flushes == 1)
        #expect(time < .seconds(10))
    }
}
