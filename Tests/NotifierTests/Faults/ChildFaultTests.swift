// Children that misbehave, beyond what the other files show (ignoring TERM: ChildTerminationTests;
// grandchildren that hold a pipe: ChildTests; overlong lines and floods: ChildOutputTests).

import Glibc
import Testing

@testable import Notifier

@Suite(.serialized, .timeLimit(.minutes(2)))
struct ChildFaultTests {
    @Test func `a child that ends before it reads its input is an exit and one error`() throws {
        let loop = try EventLoop()
        let record = ChildRecord()
        let child = try Child.spawn(shell("exit 3", input: .pipe), on: loop, record.events)
        var broken: [Int32] = []
        child.input.onBroken = { broken.append($0.code) }
        child.input.append(String(repeating: "x", count: 4 << 20))
        loop.run(until: { record.exit != nil }, limit: .seconds(20))
        #expect(record.exits == [.exited(3)])
        #expect(broken == [] || broken == [EPIPE])
        #expect(child.input.pendingByteCount == 0)
        #expect(!child.input.append("late"))
        #expect(loop.watchCount == 0)
        #expect(loop.turns(within: .milliseconds(30)) <= 2)
    }

    @Test func `a child that closes its outputs and lives on costs no turns`() throws {
        let loop = try EventLoop()
        let record = ChildRecord()
        let child = try Child.spawn(
            shell("echo last; exec >&- 2>&-; exec sleep 100", error: .lines(maxLength: 99)),
            on: loop, record.events)
        loop.run(
            until: {
                record.entries.contains(.end(.output)) && record.entries.contains(.end(.error))
            },
            limit: .seconds(20))
        #expect(record.lines == ["last"])
        #expect(child.isRunning)
        #expect(loop.turns(within: .milliseconds(50)) <= 4)
        child.terminate(.immediate)
        loop.run(until: { record.exit != nil }, limit: .seconds(20))
        #expect(record.exits == [.signalled(number: SIGKILL, coreDumped: false)])
    }

    @Test func `a stopped child is brought to its end by the table`() throws {
        let loop = try EventLoop()
        let record = ChildRecord()
        let child = try Child.spawn(
            shell("kill -STOP $$; exit 0"), on: loop, record.events)
        _ = loop.run(
            until: { self.isStopped(child.pid) }, polling: .milliseconds(2), limit: .seconds(20))
        child.terminate(
            ChildTermination(grace: .milliseconds(5), killAfter: .milliseconds(20)))
        loop.run(until: { record.exit != nil }, limit: .seconds(20))
        #expect(record.exits == [.signalled(number: SIGKILL, coreDumped: false)])
    }

    @Test func `32 MiB of output arrive whole and in bounded memory`() throws {
        let loop = try EventLoop()
        let record = ChildRecord()
        var count = 0
        var largest = 0
        var events = record.events
        events.onBytes = { _, bytes in
            count += bytes.count
            largest = max(largest, bytes.count)
        }
        let command = ChildCommand(
            ["/usr/bin/head", "-c", "33554432", "/dev/zero"], input: .null, output: .bytes,
            error: .inherit)
        _ = try Child.spawn(command, on: loop, events)
        loop.run(until: { record.exit != nil }, limit: .seconds(60))
        #expect(count == 33_554_432)
        #expect(largest <= Scratch.byteCount)
        #expect(record.exits == [.exited(0)])
    }

    @Test func `the process id stays the child's own until its exit was told`() throws {
        let loop = try EventLoop()
        let record = ChildRecord()
        // The grandchild holds the pipe, so the exit is told later than it happens.
        var command = shell("sleep 100 & exit 0")
        command.lingerTime = .milliseconds(60)
        let child = try Child.spawn(command, on: loop, record.events)
        loop.run(until: { !child.isRunning }, limit: .seconds(20))
        #expect(record.exit == nil)
        var info = siginfo_t()
        #expect(waitid(P_PID, id_t(child.pid), &info, WEXITED | WNOWAIT | WNOHANG) == 0)
        loop.run(until: { record.exit != nil }, limit: .seconds(20))
        #expect(waitid(P_PID, id_t(child.pid), &info, WEXITED | WNOWAIT | WNOHANG) == -1)
        #expect(errno == ECHILD)
    }

    /// Whether this process may say which process id comes next.
    static let canChoosePids: Bool = {
        let number = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC)
        if number >= 0 { close(number) }
        return number >= 0
    }()

    @Test(.enabled(if: canChoosePids, "needs CAP_CHECKPOINT_RESTORE"))
    func `a finished child cannot harm the next process of its id`() throws {
        let loop = try EventLoop()
        let record = ChildRecord()
        let former = try Child.spawn(shell("exit 0"), on: loop, record.events)
        loop.run(until: { record.exit != nil }, limit: .seconds(20))
        var next = ChildRecord()
        var present: Child?
        // Another process of the machine may be quicker.
        for _ in 0..<50 where present == nil {
            try chooseNextPid(former.pid)
            next = ChildRecord()
            let child = try Child.spawn(shell("exec sleep 100"), on: loop, next.events)
            if child.pid == former.pid {
                present = child
            } else {
                child.terminate(.immediate)
                loop.run(until: { next.exit != nil }, limit: .seconds(20))
            }
        }
        guard let present else { return }
        former.send(.terminate)
        former.terminate(.immediate)
        loop.spin(3)
        #expect(loop.turns(within: .milliseconds(30)) <= 2)
        #expect(present.isRunning)
        present.terminate(.immediate)
        loop.run(until: { next.exit != nil }, limit: .seconds(20))
        #expect(next.exits == [.signalled(number: SIGKILL, coreDumped: false)])
        #expect(record.exits.count == 1)
    }

    private func chooseNextPid(_ pid: Int32) throws {
        let number = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC)
        try #require(number >= 0)
        let digits = Array("\(pid - 1)".utf8)
        _ = write(number, digits, digits.count)
        close(number)
    }

    private func isStopped(_ pid: Int32) -> Bool {
        var info = siginfo_t()
        return waitid(P_PID, id_t(pid), &info, WSTOPPED | WNOWAIT | WNOHANG) == 0
            && info.si_signo == SIGCHLD
    }
}
