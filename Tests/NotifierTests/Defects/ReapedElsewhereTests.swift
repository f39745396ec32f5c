// Children whose exit status somebody else takes: the kernel, because the program that started this
// one ignored SIGCHLD (the disposition is inherited), or code that waits for any child. In the
// original such a child never ended, and the loop span (row 4 of section 9).

import Glibc
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(2)))
struct ReapedElsewhereTests {
    @Test func `a program that was started with SIGCHLD ignored still learns how children end`()
        async
    {
        await #expect(processExitsWith: .success) {
            _ = signal(SIGCHLD, SIG_IGN)
            let loop = try EventLoop()
            let record = try loop.outcome(of: shell("echo here; exit 7"), limit: .seconds(10))
            try #require(record.lines == ["here"])
            try #require(record.exits == [.exited(7)])
        }
    }

    @Test func `a child that somebody else reaped ends once and the loop does not spin`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let record = ChildRecord()
            let child = try Child.spawn(
                shell("echo here; exit 7"), on: loop, record.events)
            let pid = child.pid
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            loop.run(until: { record.exit != nil }, limit: .seconds(10))
            try #require(record.lines == ["here"])
            try #require(record.exits == [.unknown])
            try #require(loop.children.count == 0)
            try #require(loop.watchCount == 0)
            try #require(loop.turns(within: .milliseconds(50)) <= 5)
        }
    }

    @Test func `an end that is not known is described as that`() {
        #expect(ChildExit.unknown.description == "ended, but its status was taken by others")
    }
}
