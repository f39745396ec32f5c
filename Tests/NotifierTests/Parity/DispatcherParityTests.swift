// Sections 6 to 8 of the inventory (dispatchers, signals, threads), as far as they are not shown
// elsewhere; see PARITY.md.

import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct DispatcherParityTests {
    @Test func `removing a dispatcher that is gone is harmless`() throws {
        let loop = try EventLoop()
        var calls = 0
        let first = loop.addDispatcher { .stop }
        loop.addDispatcher {
            calls += 1
            return .keep
        }
        loop.step(sleep: false)
        #expect(!loop.removeDispatcher(first))
        loop.step(sleep: false)
        #expect(calls == 2)
    }

    @Test func `a dispatcher without a cap runs when the loop wakes for something else`() throws {
        let loop = try EventLoop()
        var calls = 0
        loop.addDispatcher(keepsAwake: false) {
            calls += 1
            return .keep
        }
        loop.addTimer(after: .milliseconds(5)) {}
        loop.step()
        #expect(calls == 1)
    }

    @Test func `a dispatcher is called although there are no timers`() throws {
        let loop = try EventLoop()
        var calls = 0
        loop.addDispatcher {
            calls += 1
            return .stop
        }
        #expect(elapsed { loop.step() } < .seconds(10))
        #expect(calls == 1)
    }

    // MARK: Section 7

    @Test func `what an emission says to a handler is what was said first`() {
        let signal = Signal<Int>()
        var heard: [String] = []
        signal.connect { number in
            heard.append("outer \(number)")
            if number == 1 { signal.emit(2) }
            return .keep
        }
        signal.connect { number in
            heard.append("inner \(number)")
            return .keep
        }
        signal.emit(1)
        #expect(heard == ["outer 1", "outer 2", "inner 2", "inner 1"])
    }

    @Test func `disconnecting twice is harmless and says so`() throws {
        let signal = Signal<Void>()
        let token = signal.connect { .keep }
        #expect(signal.disconnect(token))
        #expect(!signal.disconnect(token))
        let provider = SignalProvider()
        try provider.new("named")
        let named = try provider.connect("named") { () in .keep }
        #expect(try provider.disconnect("named", named))
        #expect(try !provider.disconnect("named", named))
    }

    @Test func `a name that was removed can be used anew, without its old handlers`() throws {
        let provider = SignalProvider()
        var calls = 0
        try provider.new("named")
        try provider.connect("named") { () in
            calls += 1
            return .keep
        }
        try provider.remove("named")
        try provider.new("named")
        try provider.emit("named", ())
        #expect(calls == 0)
    }

    // MARK: Section 8

    @Test func `the callback of a result may start work and turn the loop`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool(threads: 1)
        var order: [String] = []
        try pool.run(
            on: loop, { _ in "first" },
            then: { result in
                order.append((try? result.get()) ?? "")
                _ = try? pool.run(
                    on: loop, { _ in "second" },
                    then: { result in order.append((try? result.get()) ?? "") })
                loop.run(until: { order.count == 2 }, limit: .seconds(20))
                order.append("returned")
            })
        loop.run(until: { order.count == 3 }, limit: .seconds(20))
        #expect(order == ["first", "second", "returned"])
        pool.stop()
        pool.join()
    }

    @Test func `a thousand messages of a worker arrive before its result, none lost`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool(threads: 1)
        var heard: [Int] = []
        var result: Int?
        try pool.run(
            on: loop,
            { context in
                for number in 0..<1000 { context.report(number) }
                return 1000
            }, progress: { (number: Int) in heard.append(number) },
            then: { outcome in result = try? outcome.get() })
        loop.run(until: { result != nil }, limit: .seconds(20))
        #expect(heard == Array(0..<1000))
        #expect(result == 1000)
        pool.stop()
        pool.join()
    }

    @Test func `a pool that is never given work starts no thread`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool(threads: 4)
        #expect(loop.turns(within: .milliseconds(30)) <= 2)
        pool.stop()
        pool.join()
    }
}
