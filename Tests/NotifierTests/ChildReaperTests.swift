// Each test runs in a process of its own: a sub-reaper would take over the orphans of other tests,
// and the children that the testing library waits for.

import Glibc
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(2)))
struct ChildReaperTests {
    /// A child that leaves an orphan in a session of its own, which ends soon.
    private static let orphanMaker = shell("setsid sh -c 'sleep 0.05; exit 7' >/dev/null & exit 0")

    @Test func `a sub-reaper reaps what its children left behind`() async {
        await #expect(processExitsWith: .success) {
            try ChildReaper.becomeSubreaper()
            let loop = try EventLoop()
            _ = try loop.outcome(of: Self.orphanMaker)
            var reaped = 0
            let isDone = loop.run(
                until: {
                    reaped += ChildReaper.reapStrays().reaped
                    return reaped == 1
                }, polling: .milliseconds(5), limit: .seconds(20))
            try #require(isDone)
            var status: Int32 = 0
            try #require(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD)
        }
    }

    @Test func `strays are reaped on SIGCHLD`() async {
        await #expect(processExitsWith: .success) {
            ProcessSignals.block([.child])
            try ChildReaper.becomeSubreaper()
            let loop = try EventLoop()
            var command = shell("setsid sh -c 'echo $$; exec sleep 100 >/dev/null' & exit 0")
            command.lingerTime = .seconds(20)
            let record = try loop.outcome(of: command)
            let stray = try #require(record.lines.first.flatMap { Int32($0) })
            let reaper = try ChildReaper(on: loop, listening: true)
            kill(stray, SIGKILL)
            var info = siginfo_t()
            try #require(waitid(P_PID, id_t(stray), &info, WEXITED | WNOWAIT) == 0)
            // The main thread is the testing library's and may not have blocked the signal; the
            // kernel drops it then. Sent to this thread it arrives.
            pthread_kill(pthread_self(), SIGCHLD)
            loop.step()
            try #require(waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == -1 && errno == ECHILD)
            try #require(loop.timerCount == 0)
            reaper.stop()
            try #require(loop.watchCount == 0)
        }
    }

    @Test func `a stray behind a child of ours is found a little later`() async {
        await #expect(processExitsWith: .success) {
            ProcessSignals.block([.child])
            try ChildReaper.becomeSubreaper()
            let loop = try EventLoop()
            _ = try loop.outcome(of: Self.orphanMaker)
            var info = siginfo_t()
            let child = try Child.spawn(
                ChildCommand(["true"], input: .null, output: .null, error: .null), on: loop)
            try #require(waitid(P_PID, id_t(child.pid), &info, WEXITED | WNOWAIT) == 0)
            let reaper = try ChildReaper(on: loop, listening: true)
            let isDone = loop.run(
                until: { waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 },
                polling: .milliseconds(5), limit: .seconds(20))
            try #require(isDone && child.exit == .exited(0))
            reaper.stop()
        }
    }

    @Test func `without SIGCHLD strays are reaped by a timer`() async {
        await #expect(processExitsWith: .success) {
            try ChildReaper.becomeSubreaper()
            let loop = try EventLoop()
            let reaper = try ChildReaper(on: loop)
            _ = try loop.outcome(of: Self.orphanMaker)
            let isDone = loop.run(
                until: {
                    var info = siginfo_t()
                    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1
                }, polling: .milliseconds(20), limit: .seconds(20))
            try #require(isDone)
            reaper.stop()
            try #require(loop.timerCount == 0)
        }
    }

    @Test func `the reaper never takes an exit from its owner`() async {
        await #expect(processExitsWith: .success) {
            try ChildReaper.becomeSubreaper()
            let isOver = Shared(false)
            // A thread that looks for strays all the time, while children start and end.
            let hunter = try LoopThread(name: "hunter") { loop in
                loop.addTimer(every: .microseconds(50)) {
                    ChildReaper.reapStrays()
                    return isOver.value ? .stop : .keep
                }
            }
            let loop = try EventLoop()
            for number in 0..<150 {
                let record = try loop.outcome(of: shell("exit \(number % 100)", output: .null))
                try #require(record.exits == [.exited(Int32(number % 100))])
            }
            isOver.change { $0 = true }
            hunter.stop()
            hunter.join()
        }
    }

    @Test func `a child its owner has yet to reap is reported to be in the way`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let child = try Child.spawn(
                ChildCommand(["true"], input: .null, output: .null, error: .null), on: loop)
            var info = siginfo_t()
            try #require(waitid(P_PID, id_t(child.pid), &info, WEXITED | WNOWAIT) == 0)
            let found = ChildReaper.reapStrays()
            try #require(found.reaped == 0 && found.isIncomplete)
            try #require(loop.run(until: { child.exit == .exited(0) }, limit: .seconds(20)))
        }
    }
}
