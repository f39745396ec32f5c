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

@Suite struct TimerQueueStaleEntryTests {
    /// What the queue must be equal to: all pending timers, the earliest first, ties by age.
    private struct Model {
        var pending: [(token: TimerToken, deadline: UInt64, age: Int)] = []

        var next: TimerToken? {
            pending.min { ($0.deadline, $0.age) < ($1.deadline, $1.age) }?.token
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `a queue under adds, moves, removals and runs does as a sorted list`(seed: UInt64) throws {
        var queue = TimerQueue()
        var model = Model()
        var state = seed
        func random(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        for age in 0..<20_000 {
            let deadline = UInt64(random(500))
            switch random(8) {
            case 0...2:
                let token = queue.add(deadline: deadline, intervalNanos: 0) { .stop }
                model.pending.append((token, deadline, age))
            case 3, 4:
                guard !model.pending.isEmpty else { continue }
                let gone = model.pending.remove(at: random(model.pending.count))
                let wasRemoved = queue.remove(gone.token)
                #expect(wasRemoved)
            case 5, 6:
                guard !model.pending.isEmpty else { continue }
                let place = random(model.pending.count)
                let token = model.pending[place].token
                model.pending[place] = (token, deadline, age)
                let wasMoved = queue.move(token, to: deadline)
                #expect(wasMoved)
            default:
                let taken = queue.takeDue(.max, olderThan: queue.mark)
                #expect(taken?.token == model.next)
                guard let taken else { continue }
                model.pending.removeAll { $0.token == taken.token }
                queue.finish(taken, .stop, 0)
            }
            #expect(queue.count == model.pending.count)
            #expect(queue.earliest == model.pending.map(\.deadline).min())
        }
    }

    @Test func `a timer that is moved for ever does not make the heap grow`() {
        var queue = TimerQueue()
        _ = queue.add(deadline: 0, intervalNanos: 0) { .stop }
        let token = queue.add(deadline: 1, intervalNanos: 0) { .stop }
        for deadline in 2..<100_000 as Range<UInt64> { queue.move(token, to: deadline) }
        #expect(queue.count == 2)
        #expect(queue.entryCount <= 130)
    }

    @Test func `cancelling most of many timers gives their entries back`() {
        var queue = TimerQueue()
        let tokens = (0..<10_000).map { number in
            queue.add(deadline: UInt64(number), intervalNanos: 0) { .stop }
        }
        for token in tokens.dropFirst(10).reversed() { queue.remove(token) }
        #expect(queue.count == 10)
        #expect(queue.entryCount <= 130)
    }
}
