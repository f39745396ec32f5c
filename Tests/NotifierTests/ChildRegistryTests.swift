import Glibc
import Notifier
import Testing

@Suite(.serialized, .timeLimit(.minutes(2)))
struct ChildRegistryTests {
    @Test func `children are listed until they end`() throws {
        let loop = try EventLoop()
        let child = try Child.spawn(ChildCommand(["cat"]), on: loop)
        #expect(loop.children.count == 1)
        #expect(loop.children[child.pid] === child)
        child.input.close()
        #expect(loop.run(until: { child.exit != nil }, limit: .seconds(20)))
        #expect(loop.children.count == 0)
        #expect(loop.children[child.pid] == nil)
    }

    @Test func `all are terminated and then the owner is told, after their exits`() throws {
        let loop = try EventLoop()
        var order: [String] = []
        for _ in 0..<3 {
            var events = ChildEvents()
            events.onExit = { _ in order.append("exit") }
            _ = try Child.spawn(ChildCommand(["cat"]), on: loop, events)
        }
        loop.children.terminateAll { order.append("all") }
        #expect(loop.run(until: { order.count == 4 }, limit: .seconds(20)))
        #expect(order == ["exit", "exit", "exit", "all"])
    }

    @Test func `with no children all have been terminated at once`() throws {
        let loop = try EventLoop()
        var isOver = false
        loop.children.terminateAll { isOver = true }
        #expect(isOver)
    }

    @Test func `a loop that is let go takes its children along`() throws {
        var loop = try EventLoop() as EventLoop?
        let pid = try Child.spawn(ChildCommand(["sleep", "100"]), on: try #require(loop)).pid
        #expect(isAlive(pid))
        loop = nil
        #expect(!isAlive(pid))
    }
}
