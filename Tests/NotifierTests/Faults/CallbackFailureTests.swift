// Callbacks that throw or trap: what goes on without them, and what is said about them. Sections 4,
// 6 and 8 of the inventory, where one failed callback took the others, or the server, with it.

import Glibc
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(1)))
struct CallbackFailureTests {
    private struct Mishap: Error {}

    enum Kind: CaseIterable { case timer, descriptor, dispatcher, job }

    /// A loop on which a callback of `kind` fails in every turn, between callbacks of all kinds that
    /// do not.
    private final class Scene {
        let loop: EventLoop
        let clock = ManualClock()
        let pairs: [SharedPair]
        var heard: [String] = []
        var reports: [String] = []

        init(_ kind: Kind, _ policy: FailurePolicy) throws {
            loop = try EventLoop(clock: clock)
            pairs = try (0..<3).map { _ in try SharedPair() }
            loop.failurePolicy = policy
            loop.onFailure = { [unowned self] in reports.append("\($0.name.kind)") }
            for place in 0..<3 { try add(place, kind) }
        }

        private func add(_ place: Int, _ kind: Kind) throws {
            func fails(_ own: Kind) throws {
                heard.append("\(own)")
                if place == 1, own == kind { throw Mishap() }
            }
            loop.addTimer(every: .milliseconds(1)) {
                try fails(.timer)
                return .keep
            }
            send("x", to: pairs[place].far)
            _ = try loop.watch(pairs[place].near, .read) { _ in
                try fails(.descriptor)
                return .keep
            }
            loop.addDispatcher {
                try fails(.dispatcher)
                return .keep
            }
        }

        func turn(_ kind: Kind) {
            for place in 0..<3 {
                let isBad = place == 1 && kind == .job
                let scene = LoopBound(self, loop.handle)
                loop.handle.post { _ in
                    scene.value.heard.append("job")
                    if isBad { throw Mishap() }
                }
            }
            clock.advance(by: .milliseconds(1))
            heard = []
            loop.step(sleep: false)
        }

        func count(_ kind: Kind) -> Int { heard.filter { $0 == "\(kind)" }.count }
    }

    @Test(arguments: Kind.allCases)
    func `a callback that throws is dropped and the turn goes on`(kind: Kind) throws {
        let scene = try Scene(kind, .drop)
        defer { scene.loop.close() }
        scene.turn(kind)
        #expect(scene.heard.count == 12)
        #expect(scene.reports == ["\(kind)"])
        scene.turn(kind)
        // A job is never called again anyway; the next one failed anew.
        #expect(scene.count(kind) == (kind == .job ? 3 : 2))
        for other in Kind.allCases where other != kind { #expect(scene.count(other) == 3) }
    }

    @Test(arguments: Kind.allCases)
    func `a callback that throws stays when the policy says so`(kind: Kind) throws {
        let scene = try Scene(kind, .keep)
        defer { scene.loop.close() }
        for _ in 0..<3 { scene.turn(kind) }
        #expect(scene.heard.count == 12)
        #expect(scene.reports.count == 3)
    }

    @Test(arguments: Kind.allCases)
    func `under the strict policy the pass is finished, then the run ends`(kind: Kind) throws {
        let scene = try Scene(kind, .stop)
        defer { scene.loop.close() }
        let loop = scene.loop
        scene.turn(kind)
        #expect(scene.heard.count == 12)
        let failure = #expect(throws: CallbackFailure.self) { try loop.rethrowFailure() }
        #expect(failure?.error is Mishap)
        #expect(throws: Never.self) { try loop.rethrowFailure() }
    }

    @Test func `a timer that throws does not stay behind as running`() throws {
        let loop = try EventLoop()
        loop.onFailure = { _ in }
        let token = loop.addTimer(every: .nanoseconds(1)) { throw Mishap() }
        loop.spin(3)
        #expect(loop.timerCount == 0)
        #expect(loop.deadline(of: token) == nil)
        loop.failurePolicy = .keep
        var calls = 0
        loop.addTimer(every: .nanoseconds(1)) {
            calls += 1
            throw Mishap()
        }
        loop.spin(3)
        #expect(calls == 3)
    }

    @Test func `the callback of a result that throws is not called again`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool(threads: 1)
        var reports = 0
        loop.onFailure = { _ in reports += 1 }
        var calls = 0
        try pool.run(
            on: loop, { _ in 7 },
            then: { _ in
                calls += 1
                throw Mishap()
            })
        loop.run(until: { reports > 0 }, limit: .seconds(20))
        loop.spin(5)
        #expect(calls == 1)
        #expect(reports == 1)
        // The pool and the loop go on.
        var result: Int?
        try pool.run(on: loop, { _ in 8 }, then: { outcome in result = try outcome.get() })
        loop.run(until: { result != nil }, limit: .seconds(20))
        #expect(result == 8)
    }

    @Test func `a child whose owner throws at every line still ends exactly once`() throws {
        let loop = try EventLoop()
        loop.onFailure = { _ in }
        var exits: [ChildExit] = []
        var lines = 0
        var events = ChildEvents()
        events.onLine = { _, _ in
            lines += 1
            throw Mishap()
        }
        events.onExit = { exit in
            exits.append(exit)
            throw Mishap()
        }
        _ = try Child.spawn(shell("echo a; echo b; exit 6"), on: loop, events)
        loop.run(until: { !exits.isEmpty }, limit: .seconds(20))
        loop.spin(3)
        #expect(lines == 1)
        #expect(exits == [.exited(6)])
        #expect(loop.children.count == 0)
        #expect(loop.watchCount == 0)
    }

    // MARK: Traps

    /// What a process that ended badly wrote.
    private func text(_ bytes: [UInt8]?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

    @Test func `a timer that traps is named by the last words of the process`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try CrashNote.install()
            let loop = try EventLoop()
            loop.addTimer(after: .zero, name: "doomed") {
                let empty: [Int] = []
                print(empty[loop.timerCount + 3])
            }
            loop.run()
        }
        let words = text(result?.standardErrorContent)
        #expect(words.contains("crash: signal"))
        #expect(words.contains("timer callback doomed"))
    }

    @Test func `a descriptor's callback that traps in a loop thread is named with its thread`()
        async
    {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try CrashNote.install()
            let thread = try LoopThread(name: "fragile") { loop in
                let pipe = try SharedPipe()
                send("x", to: pipe.write)
                _ = try loop.watch(pipe.read, .read, name: "doomed") { _ in
                    preconditionFailure("as it happens, \(pipe.read)")
                }
            }
            thread.join()
        }
        let words = text(result?.standardErrorContent)
        #expect(words.contains("descriptor callback doomed"))
        #expect(words.contains("fragile"))
    }
}
