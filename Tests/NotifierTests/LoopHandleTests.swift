import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct LoopHandleTests {
    @Test func `mail from many threads arrives complete and in each sender's order`() throws {
        let loop = try EventLoop()
        let received = Shared<[[Int]]>(Array(repeating: [], count: 4))
        let handle = loop.handle
        let senders = try (0..<4).map { sender in
            try LoopThread(name: "sender \(sender)") { own in
                own.addTimer(after: .zero) {
                    for number in 0..<5_000 {
                        handle.post { _ in received.change { $0[sender].append(number) } }
                    }
                }
            }
        }
        loop.run(until: { received.value.allSatisfy { $0.count == 5_000 } }, limit: .seconds(30))
        #expect(received.value.allSatisfy { $0 == Array(0..<5_000) })
        for sender in senders { sender.stop() }
        for sender in senders { sender.join() }
    }

    @Test func `mail ends the sleep at once`() throws {
        let loop = try EventLoop()
        let handle = loop.handle
        let came = Shared(false)
        let thread = try LoopThread(name: "poster") { own in
            own.addTimer(after: .milliseconds(20)) {
                handle.post { _ in came.change { $0 = true } }
            }
        }
        loop.addTimer(after: .seconds(30)) {}
        let time = elapsed { loop.run(until: { came.value }, limit: .seconds(20)) }
        #expect(came.value)
        #expect(time < .seconds(10))
        thread.stop()
        thread.join()
    }

    @Test func `a job that posts another one does not keep the loop from its descriptors`() throws {
        let loop = try EventLoop()
        let pipe = try Pipe()
        let isDone = Shared(false)
        _ = try loop.watch(pipe.read.number, .read) { _ in
            isDone.change { $0 = true }
            return .stop
        }
        @Sendable func again(_ loop: EventLoop) {
            if !isDone.value { loop.handle.post(again) }
        }
        loop.handle.post(again)
        send("x", to: pipe.write.number)
        #expect(loop.run(until: { isDone.value }, limit: .seconds(10)))
    }

    @Test func `only the thread that runs the loop is on it`() throws {
        let loop = try EventLoop()
        #expect(loop.handle.isOnLoop && loop.isOnLoop)
        let thread = try LoopThread(name: "other") { _ in }
        #expect(!thread.handle.isOnLoop)
        thread.stop()
        thread.join()
    }

    @Test func `mail for a loop that has ended is refused`() throws {
        var loop = try EventLoop() as EventLoop?
        let handle = try #require(loop?.handle)
        #expect(handle.post { _ in })
        loop = nil
        #expect(!handle.post { _ in })
        handle.wake()
    }
}
