import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct LoopBoundTests {
    private final class Confined {
        var count = 0
    }

    @Test func `a value travels and opens at home`() throws {
        let loop = try EventLoop()
        let value = Confined()
        let bound = LoopBound(value, loop.handle)
        let home = loop.handle
        let thread = try LoopThread(name: "away") { _ in
            home.post { _ in bound.value.count += 1 }
        }
        #expect(loop.run(until: { value.count == 1 }, limit: .seconds(10)))
        thread.stop()
        thread.join()
    }

    @Test func `a value that is opened elsewhere stops the program`() async {
        await #expect(processExitsWith: .failure) {
            let thread = try LoopThread(name: "home") { _ in }
            let bound = LoopBound(1, thread.handle)
            print(bound.value)
        }
    }
}
