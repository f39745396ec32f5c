import Glibc
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(1)))
struct FailureTests {
    private struct Broken: Error, CustomStringConvertible {
        var description: String { "broken\nin two lines" }
    }

    /// A loop that keeps its failures instead of printing them.
    private func makeLoop(_ policy: FailurePolicy = .drop) throws -> (EventLoop, Record) {
        let loop = try EventLoop(name: "test")
        let record = Record()
        loop.failurePolicy = policy
        loop.onFailure = { record.failures.append($0) }
        return (loop, record)
    }

    private final class Record {
        var failures: [CallbackFailure] = []
        var calls = 0
        var kinds: [CallbackKind] { failures.map(\.name.kind) }
    }

    // MARK: Drop

    @Test func `a descriptor's callback that throws is dropped, the others go on`() throws {
        let (loop, record) = try makeLoop()
        let bad = try Pipe()
        let good = try Pipe()
        let token = try loop.watch(bad.read.number, .read) { _ in throw Broken() }
        _ = try loop.watch(good.read.number, .read) { _ in
            record.calls += 1
            return .keep
        }
        send("x", to: bad.write.number)
        send("x", to: good.write.number)
        loop.spin(3)
        #expect(record.kinds == [.descriptor])
        #expect(record.calls == 3)
        #expect(!loop.isWatching(token))
        #expect(loop.watchCount == 1)
    }

    @Test func `a timer that throws neither stops the others nor stays marked as running`() throws {
        let (loop, record) = try makeLoop()
        let bad = loop.addTimer(every: .nanoseconds(1)) { throw Broken() }
        loop.addTimer(after: .zero) { record.calls += 1 }
        loop.spin(3)
        #expect(record.kinds == [.timer])
        #expect(record.calls == 1)
        #expect(!loop.removeTimer(bad))
        #expect(loop.timerCount == 0)
    }

    @Test func `a dispatcher that throws does not skip later ones`() throws {
        let (loop, record) = try makeLoop()
        loop.addDispatcher { throw Broken() }
        loop.addDispatcher {
            record.calls += 1
            return .keep
        }
        loop.spin(2)
        #expect(record.kinds == [.dispatcher])
        #expect(record.calls == 2)
    }

    @Test func `a posted job that throws does not keep the next from running`() throws {
        let (loop, record) = try makeLoop()
        let wasRun = Shared(false)
        loop.handle.post { _ in throw Broken() }
        loop.handle.post { _ in wasRun.change { $0 = true } }
        loop.step(sleep: false)
        #expect(record.kinds == [.job])
        #expect(wasRun.value)
    }

    @Test func `a signal's handler that throws is disconnected, the others are called`() throws {
        let (loop, record) = try makeLoop()
        let signal = Signal<Int>(on: loop)
        signal.connect { _ in throw Broken() }
        signal.connect {
            record.calls += $0; return .keep
        }
        signal.emit(1)
        signal.emit(2)
        #expect(record.kinds == [.signal])
        #expect(record.calls == 3)
        #expect(signal.connectionCount == 1)
    }

    @Test func `a child's callback that throws loses its events, not its exit`() throws {
        let (loop, record) = try makeLoop()
        defer { loop.close() }
        var events = ChildEvents()
        var exit: ChildExit?
        events.onLine = { _, _ in
            record.calls += 1
            throw Broken()
        }
        events.onEnd = { _ in throw Broken() }
        events.onExit = {
            exit = $0; throw Broken()
        }
        _ = try Child.spawn(shell("echo a; echo b; exit 3"), on: loop, events)
        #expect(loop.run(until: { exit != nil }, limit: .seconds(20)))
        #expect(exit == .exited(3))
        #expect(record.calls == 1)
        #expect(record.kinds == [.child, .child, .child])
        #expect(loop.children.count == 0)
    }

    @Test func `a worker's callbacks that throw are called once each`() throws {
        let (loop, record) = try makeLoop()
        let pool = try WorkerPool(threads: 1)
        defer {
            pool.stop()
            pool.join()
        }
        var results = 0
        try pool.run(
            on: loop,
            { (context: WorkerContext<Int>) in
                context.report(1)
                context.report(2)
                return 3
            },
            progress: { _ in
                record.calls += 1
                throw Broken()
            },
            then: { _ in
                results += 1
                throw Broken()
            })
        #expect(loop.run(until: { results > 0 }, limit: .seconds(20)))
        loop.spin(3)
        #expect(record.calls == 1)
        #expect(results == 1)
        #expect(record.kinds == [.worker, .worker])
    }

    // MARK: Keep and stop

    @Test func `a policy may keep what throws`() throws {
        let (loop, record) = try makeLoop(.keep)
        loop.addTimer(every: .nanoseconds(1)) { throw Broken() }
        loop.addDispatcher { throw Broken() }
        loop.spin(3)
        #expect(record.failures.count == 6)
        #expect(loop.statistics.failures == 6)
        loop.close()
    }

    @Test func `a policy may end the run, after the pass`() throws {
        let (loop, record) = try makeLoop(.stop)
        loop.addTimer(after: .zero, name: "the bad one") { throw Broken() }
        loop.addTimer(after: .zero) { throw Broken() }
        loop.addDispatcher {
            record.calls += 1
            return .stop
        }
        loop.run()
        // The pass went on, and what failed besides was reported.
        #expect(record.calls == 1)
        #expect(record.kinds == [.timer])
        let failure = #expect(throws: CallbackFailure.self) { try loop.rethrowFailure() }
        #expect(failure?.error is Broken)
        #expect(failure?.name.text == "the bad one")
        // And only once: the loop may run again.
        try loop.rethrowFailure()
        loop.addTimer(after: .zero) { loop.stop() }
        loop.run()
        loop.close()
    }

    @Test func `a failure in a nested step leaves nothing marked as running`() throws {
        let (loop, record) = try makeLoop()
        let pipe = try Pipe()
        var depth = 0
        let token = try loop.watch(pipe.read.number, .read) { _ in
            depth += 1
            defer { depth -= 1 }
            loop.addTimer(after: .zero) {
                record.calls += 1
                throw Broken()
            }
            loop.step(sleep: false)
            return .keep
        }
        send("x", to: pipe.write.number)
        loop.spin(3)
        #expect(record.calls == 3 && record.failures.count == 3)
        #expect(depth == 0)
        #expect(loop.isWatching(token))
        #expect(loop.runningCallback == nil)
        loop.close()
    }

    @Test func `a callback that throws out of a nested step is free afterwards`() throws {
        let (loop, record) = try makeLoop(.keep)
        loop.addTimer(every: .nanoseconds(1)) {
            record.calls += 1
            if record.calls < 4 { loop.step(sleep: false) }
            throw Broken()
        }
        loop.spin(2)
        #expect(record.calls == 2)
        #expect(record.failures.count == 2)
        loop.close()
    }

    // MARK: Reports

    @Test func `a report names the kind, the place and the error in one line`() throws {
        let (loop, record) = try makeLoop()
        loop.addTimer(after: .zero) { throw Broken() }
        let line = #line - 1
        loop.addTimer(after: .zero, name: "heartbeat") { throw Broken() }
        loop.step(sleep: false)
        #expect(
            record.failures.map { "\($0.name)" } == [
                "timer NotifierTests/FailureTests.swift:\(line)", "timer heartbeat",
            ])
        #expect(
            record.failures.first?.description.hasPrefix("timer NotifierTests/") == true
                && record.failures.first?.description.contains(" on test failed: broken") == true)
    }

    @Test func `by default a failure is a line on standard error`() async throws {
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardErrorContent]
        ) {
            let loop = try EventLoop(name: "main")
            loop.addTimer(after: .zero, name: "tick") { throw SystemError("bind", EACCES) }
            loop.step(sleep: false)
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("timer tick on main failed: bind: Permission denied\n"))
    }
}
