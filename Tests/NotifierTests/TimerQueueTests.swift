import Testing

@testable import Notifier

@Suite struct TimerQueueTests {
    @Test func `due timers come in deadline order, ties by age`() throws {
        var queue = TimerQueue()
        var fired: [String] = []
        for (name, deadline) in [("c", 30), ("a", 10), ("b1", 20), ("b2", 20)] as [(String, UInt64)]
        {
            _ = queue.add(deadline: deadline, intervalNanos: 0) {
                fired.append(name)
                return .stop
            }
        }
        while let due = queue.takeDue(30, olderThan: queue.mark) {
            queue.finish(due, try due.action(), 30)
        }
        #expect(fired == ["a", "b1", "b2", "c"])
        #expect(queue.count == 0)
    }

    @Test func `a late timer keeps its grid and merges the ticks it missed`() throws {
        var queue = TimerQueue()
        let token = queue.add(deadline: 20, intervalNanos: 20) { .keep }
        let taken = queue.takeDue(95, olderThan: queue.mark)
        let due = try #require(taken)
        queue.finish(due, .keep, 95)
        #expect(queue.deadline(token) == 100)
    }

    @Test func `a timer exactly on a tick waits for the next`() throws {
        var queue = TimerQueue()
        let token = queue.add(deadline: 20, intervalNanos: 20) { .keep }
        let taken = queue.takeDue(60, olderThan: queue.mark)
        let due = try #require(taken)
        queue.finish(due, .keep, 60)
        #expect(queue.deadline(token) == 80)
    }

    @Test func `a grid beyond the end of time stops at it`() throws {
        var queue = TimerQueue()
        let token = queue.add(deadline: 1, intervalNanos: .max) { .keep }
        let taken = queue.takeDue(1, olderThan: queue.mark)
        let due = try #require(taken)
        queue.finish(due, .keep, 1)
        #expect(queue.deadline(token) == .max)
    }

    @Test func `a token outlives its timer without naming the next one`() {
        var queue = TimerQueue()
        let old = queue.add(deadline: 1, intervalNanos: 0) { .stop }
        let wasRemoved = queue.remove(old)
        #expect(wasRemoved)
        let new = queue.add(deadline: 1, intervalNanos: 0) { .stop }
        #expect(old.slot == new.slot)
        let wasRemovedAgain = queue.remove(old)
        #expect(!wasRemovedAgain)
        let wasMoved = queue.move(old, to: 5)
        #expect(!wasMoved)
        #expect(queue.contains(new))
    }

    @Test func `a hundred thousand random operations keep the order`() {
        var queue = TimerQueue()
        var live: [TimerToken: UInt64] = [:]
        var random = SplitMix(state: 7)
        var now: UInt64 = 0
        for _ in 0..<100_000 {
            switch random.next() % 4 {
            case 0, 1:
                let deadline = now + random.next() % 1000
                live[queue.add(deadline: deadline, intervalNanos: 0) { .stop }] = deadline
            case 2:
                guard let token = live.keys.first else { continue }
                let deadline = now + random.next() % 1000
                if random.next() % 2 == 0 {
                    let wasThere = queue.remove(token)
                    #expect(wasThere)
                    live[token] = nil
                } else {
                    let wasThere = queue.move(token, to: deadline)
                    #expect(wasThere)
                    live[token] = deadline
                }
            default:
                now += random.next() % 20
                var last: UInt64 = 0
                while let due = queue.takeDue(now, olderThan: queue.mark) {
                    #expect(live[due.token] == due.deadline)
                    #expect(due.deadline >= last && due.deadline <= now)
                    last = due.deadline
                    live[due.token] = nil
                    queue.finish(due, .stop, now)
                }
                #expect(queue.earliest == live.values.min())
            }
        }
        #expect(queue.count == live.count)
    }
}

/// A reproducible source of numbers (splitmix64).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
