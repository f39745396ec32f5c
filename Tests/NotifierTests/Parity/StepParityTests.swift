// Sections 2 and 3 of the inventory: what the return values mean, and one step exactly. What is
// shown elsewhere is listed in PARITY.md.

import Glibc
import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct StepParityTests {
    // MARK: Section 2

    enum Kind: CaseIterable { case timer, descriptor, dispatcher, signal, namedSignal }

    @Test(arguments: Kind.allCases)
    func `keep calls again and stop removes, for every kind of callback`(kind: Kind) throws {
        let clock = ManualClock()
        let loop = try EventLoop(clock: clock)
        let pipe = try Pipe()
        let signal = Signal<Void>()
        let provider = SignalProvider()
        try provider.new("named")
        send("x", to: pipe.write.number)
        var calls = 0
        let answer: () -> Disposition = {
            calls += 1
            return calls < 3 ? .keep : .stop
        }
        switch kind {
        case .timer: loop.addTimer(every: .seconds(1), answer)
        case .descriptor: _ = try loop.watch(pipe.read.number, .read) { _ in answer() }
        case .dispatcher: loop.addDispatcher(answer)
        case .signal: signal.connect { answer() }
        case .namedSignal: try provider.connect("named") { () in answer() }
        }
        for _ in 0..<6 {
            clock.advance(by: .seconds(1))
            signal.emit()
            try provider.emit("named", ())
            loop.step(sleep: false)
        }
        #expect(calls == 3)
    }

    @Test func `one-shot timers, posted jobs and results of workers are called once`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool(threads: 1)
        var timers = 0
        var results = 0
        let jobs = Shared(0)
        loop.addTimer(after: .zero) { timers += 1 }
        loop.handle.post { _ in jobs.change { $0 += 1 } }
        try pool.run(on: loop, { _ in 7 }, then: { _ in results += 1 })
        loop.run(until: { results > 0 }, limit: .seconds(20))
        loop.spin(5)
        #expect(timers == 1)
        #expect(jobs.value == 1)
        #expect(results == 1)
    }

    // MARK: Section 3

    @Test func `a step that may not sleep does not wait for a timer`() throws {
        let loop = try EventLoop()
        loop.addTimer(after: .seconds(30)) {}
        #expect(elapsed { loop.step(sleep: false) } < .seconds(10))
    }

    @Test func `a step sleeps until the earliest timer, whichever was added first`() throws {
        let loop = try EventLoop()
        var fired = false
        loop.addTimer(after: .seconds(30)) {}
        loop.addTimer(after: .milliseconds(20)) { fired = true }
        loop.addTimer(after: .seconds(20)) {}
        let time = elapsed { loop.step() }
        #expect(time >= .milliseconds(20))
        #expect(time < .seconds(10))
        #expect(fired)
    }

    @Test func `a timer that runs does not shorten the sleep of a nested step`() throws {
        let loop = try EventLoop()
        var nested = Duration.zero
        loop.addTimer(every: .milliseconds(1)) {
            loop.addTimer(after: .milliseconds(25)) {}
            nested = elapsed { loop.step() }
            return .stop
        }
        loop.step()
        #expect(nested >= .milliseconds(25))
    }

    @Test func `the cap of 100 ms holds for a step without dispatchers too`() throws {
        let loop = try EventLoop()
        var calls = 0
        loop.addDispatcher {
            calls += 1
            return .keep
        }
        loop.addTimer(after: .seconds(30)) {}
        let time = elapsed { loop.step(dispatchers: false) }
        #expect(time >= .milliseconds(99))
        #expect(time < .seconds(10))
        #expect(calls == 0)
    }

    @Test func `a timer that removes a dispatcher removes its cap for the same turn`() throws {
        let loop = try EventLoop()
        var calls = 0
        let token = loop.addDispatcher {
            calls += 1
            return .keep
        }
        loop.addTimer(after: .zero) { loop.removeDispatcher(token) }
        loop.step()
        #expect(calls == 0)
        loop.addTimer(after: .milliseconds(250)) {}
        #expect(elapsed { loop.step() } >= .milliseconds(250))
    }

    @Test func `each ready descriptor is served once in a turn`() throws {
        let loop = try EventLoop()
        let pairs = try (0..<20).map { _ in try SharedPair() }
        var calls: [Int32: Int] = [:]
        for pair in pairs {
            _ = try loop.watch(pair.near, [.read, .write]) { _ in
                calls[pair.near, default: 0] += 1
                return .keep
            }
            send("xx", to: pair.far)
        }
        loop.step()
        #expect(calls.count == 20)
        #expect(calls.values.allSatisfy { $0 == 1 })
    }

    @Test func `two loops in one thread have nothing in common`() throws {
        let clock = ManualClock()
        let loops = [try EventLoop(clock: clock), try EventLoop(clock: clock)]
        var calls = [0, 0]
        for (index, loop) in loops.enumerated() {
            loop.addTimer(after: .zero) { calls[index] += 1 }
            loop.addDispatcher {
                calls[index] += 1
                return .keep
            }
        }
        loops[0].step(sleep: false)
        #expect(calls == [2, 0])
        loops[1].step(sleep: false)
        #expect(calls == [2, 2])
    }

    @Test func `a loop may be turned by a callback of another one`() throws {
        let outer = try EventLoop()
        let inner = try EventLoop()
        var order: [String] = []
        inner.addTimer(after: .zero) { order.append("inner") }
        outer.addTimer(after: .zero) {
            order.append("before")
            inner.step(sleep: false)
            order.append("after")
        }
        outer.step()
        #expect(order == ["before", "inner", "after"])
    }
}
