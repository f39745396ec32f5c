// A notice against a clock: the first time at once, then once a minute.

import Notifier
import Testing

@testable import Gateway

@Suite struct PacedNoticeTests {
    private final class Scene {
        let clock = ManualClock()
        let loop: EventLoop
        var said: [String] = []
        private(set) var notice: PacedNotice?

        init() throws {
            loop = try EventLoop(clock: clock)
            clock.advance(by: .seconds(1))
            loop.step(sleep: false)
            notice = PacedNotice(loop: loop) { [unowned self] count, isFirst in
                said.append("\(count)\(isFirst ? " first" : "")")
            }
        }

        func note(_ count: Int) { for _ in 0..<count { notice?.note() } }

        func pass(_ time: Duration) {
            clock.advance(by: time)
            loop.step(sleep: false)
        }
    }

    @Test func `the first is told at once, the others once a minute with their number`() throws {
        let scene = try Scene()
        scene.note(1)
        #expect(scene.said == ["1 first"])
        scene.note(500)
        scene.pass(.seconds(59))
        #expect(scene.said == ["1 first"])
        scene.pass(.seconds(1))
        #expect(scene.said == ["1 first", "500"])
        scene.note(3)
        scene.pass(.seconds(60))
        #expect(scene.said == ["1 first", "500", "3"])
        scene.pass(.seconds(600))
        #expect(scene.said.count == 3)
        scene.note(2)
        #expect(scene.said.last == "1 first")
        scene.notice?.finish()
        #expect(scene.said.last == "1" && scene.said.count == 5)
        scene.pass(.seconds(600))
        #expect(scene.said.count == 5)
    }
}
