// The streams that wait for their past: first come, first served, a millisecond a turn.

import Bytes
import Notifier
import Testing

@testable import Gateway

@Suite struct ReplayQueueTests {
    private final class Scene {
        let clock = ManualClock(wallSeconds: 1_800_000_000)
        let loop: EventLoop
        let hub: SignalHub
        let queue: ReplayQueue
        var answered: [Int] = []

        init() throws {
            loop = try EventLoop(clock: clock)
            hub = SignalHub(epoch: SignalEpoch("k3f9abcd"), history: SignalHistory.Bounds())
            queue = ReplayQueue(hub, loop: loop)
        }

        func add(_ number: Int, taking cost: Duration = .zero) {
            guard let pattern = SignalPattern("**") else { return }
            queue.add(.live, SignalFilter([pattern])) { [unowned self] _ in
                answered.append(number)
                clock.advance(by: cost)
            }
        }

        func step() { loop.step(sleep: false) }
    }

    @Test func `nobody is answered before the turn ends, then all in their order`() throws {
        let scene = try Scene()
        for number in 1...2000 { scene.add(number) }
        #expect(scene.answered.isEmpty && scene.queue.count == 2000)
        scene.step()
        #expect(scene.answered == Array(1...2000) && scene.queue.count == 0)
    }

    @Test func `looking back takes a millisecond of a turn`() throws {
        let scene = try Scene()
        for number in 1...10 { scene.add(number, taking: .microseconds(300)) }
        scene.step()
        #expect(scene.answered == [1, 2, 3, 4])
        scene.step()
        #expect(scene.answered == Array(1...8))
        scene.step()
        #expect(scene.answered == Array(1...10))
    }

    @Test func `somebody is answered in each turn, however long it takes`() throws {
        let scene = try Scene()
        for number in 1...3 { scene.add(number, taking: .seconds(1)) }
        for turn in 1...3 {
            scene.step()
            #expect(scene.answered == Array(1...turn))
        }
    }

    @Test func `a full queue answers the first at once`() throws {
        let scene = try Scene()
        for number in 0...ReplayQueue.limit { scene.add(number) }
        #expect(scene.answered == [0] && scene.queue.count == ReplayQueue.limit)
    }
}
