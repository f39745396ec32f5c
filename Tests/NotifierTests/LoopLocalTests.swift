import Notifier
import Testing

@Suite struct LoopLocalTests {
    private final class Own: LoopLocal {
        nonisolated(unsafe) static var live = 0
        var count = 0

        init(loop: EventLoop) { Own.live += 1 }
        deinit { Own.live -= 1 }
    }

    @Test func `every loop has its own object, which goes with it`() throws {
        do {
            let first = try EventLoop()
            let second = try EventLoop()
            first.local(Own.self).count = 1
            #expect(first.local(Own.self).count == 1)
            #expect(second.local(Own.self).count == 0)
            #expect(Own.live == 2)
        }
        #expect(Own.live == 0)
    }
}
