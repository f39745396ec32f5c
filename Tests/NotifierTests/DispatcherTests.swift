import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct DispatcherTests {
    @Test func `those that keep the loop awake run first, each group in order`() throws {
        let loop = try EventLoop()
        var order: [String] = []
        for (name, keepsAwake) in [("a", false), ("b", true), ("c", false), ("d", true)] {
            loop.addDispatcher(keepsAwake: keepsAwake) {
                order.append(name)
                return .keep
            }
        }
        loop.step(sleep: false)
        #expect(order == ["b", "d", "a", "c"])
    }

    @Test func `a dispatcher removed by an earlier one of the same turn is not called`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var calls = 0
        var second: DispatcherToken?
        loop.addDispatcher {
            if let second { loop.removeDispatcher(second) }
            return .keep
        }
        second = loop.addDispatcher {
            calls += 1
            return .keep
        }
        loop.step(sleep: false)
        #expect(calls == 0)
    }

    @Test func `a dispatcher added by another one waits for the next turn`() throws {
        let loop = try EventLoop()
        var calls = 0
        loop.addDispatcher {
            loop.addDispatcher {
                calls += 1
                return .stop
            }
            return .stop
        }
        loop.step(sleep: false)
        #expect(calls == 0)
        loop.step(sleep: false)
        #expect(calls == 1)
    }

    @Test func `the same function twice is called twice and removed one by one`() throws {
        let loop = try EventLoop()
        var calls = 0
        let function: () -> Disposition = {
            calls += 1
            return .keep
        }
        let tokens = [loop.addDispatcher(function), loop.addDispatcher(function)]
        loop.step(sleep: false)
        #expect(calls == 2)
        #expect(loop.removeDispatcher(tokens[0]))
        #expect(!loop.removeDispatcher(tokens[0]))
        loop.step(sleep: false)
        #expect(calls == 3)
    }

    @Test func `one that keeps awake limits the sleep to 100 ms, until it is gone`() throws {
        let loop = try EventLoop()
        loop.addTimer(after: .seconds(30)) {}
        let token = loop.addDispatcher(keepsAwake: true) { .keep }
        let time = elapsed { loop.step() }
        #expect(time >= .milliseconds(90) && time < .seconds(20))
        loop.removeDispatcher(token)
        loop.addDispatcher(keepsAwake: false) { .keep }
        #expect(loop.turns(within: .milliseconds(150)) <= 2)
    }

    @Test func `one that stops itself no longer limits the sleep`() throws {
        let loop = try EventLoop()
        loop.addDispatcher(keepsAwake: true) { .stop }
        loop.step(sleep: false)
        #expect(loop.turns(within: .milliseconds(250)) <= 2)
    }
}
