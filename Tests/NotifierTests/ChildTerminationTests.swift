import Glibc
import Notifier
import Testing

@Suite(.serialized, .timeLimit(.minutes(2)))
struct ChildTerminationTests {
    private let quick = ChildTermination(grace: .milliseconds(50), killAfter: .milliseconds(100))

    @Test func `the standard table is close, TERM after a second, KILL three seconds later`() {
        #expect(
            ChildTermination.standard.steps == [
                .init(.closeInput, patience: .seconds(1)),
                .init(.signal(SIGTERM), patience: .seconds(3)),
                .init(.signal(SIGKILL), patience: .zero),
            ])
    }

    @Test func `the end of its input suffices for a filter`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: ChildCommand(["cat"])) { child, _ in
            child.input.append("last\n")
            child.terminate()
        }
        #expect(record.lines == ["last"])
        #expect(record.exits == [.exited(0)])
        #expect(loop.timerCount == 0)
    }

    @Test func `a child that ignores the end of its input gets TERM`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: ChildCommand(["sleep", "100"])) { child, _ in
            child.terminate(quick)
        }
        #expect(record.exits == [.signalled(number: SIGTERM, coreDumped: false)])
    }

    @Test func `a child without an input pipe is not given time to see its end`() throws {
        let loop = try EventLoop()
        let time = try elapsed {
            _ = try loop.outcome(of: ChildCommand(["sleep", "100"], input: .null)) { child, _ in
                child.terminate(ChildTermination(grace: .seconds(30)))
            }
        }
        #expect(time < .seconds(15))
    }

    @Test func `a child that ignores TERM gets KILL, and so does its group`() throws {
        let loop = try EventLoop()
        let script = "trap '' TERM; (trap '' TERM; sleep 100) & echo $!; wait; sleep 100"
        let record = try loop.outcome(of: shell(script, input: .pipe)) { child, record in
            record.onLine = { _ in child.terminate(quick) }
        }
        #expect(record.exits == [.signalled(number: SIGKILL, coreDumped: false)])
        let grandchild = try #require(record.lines.first.flatMap { Int32($0) })
        #expect(
            loop.run(
                until: { !isAlive(grandchild) }, polling: .milliseconds(2), limit: .seconds(10)))
    }

    @Test func `a grandchild that ignores TERM does not survive its parent`() throws {
        let loop = try EventLoop()
        let script = "trap 'exit 0' TERM; (trap '' TERM; exec sleep 100) & echo $!; wait"
        let record = try loop.outcome(of: shell(script, input: .pipe)) { child, record in
            record.onLine = { _ in child.terminate(quick) }
        }
        #expect(record.exits == [.exited(0)])
        let grandchild = try #require(record.lines.first.flatMap { Int32($0) })
        #expect(
            loop.run(
                until: { !isAlive(grandchild) }, polling: .milliseconds(2), limit: .seconds(10)))
    }

    @Test func `a second call changes nothing unless it is quicker`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(
            of: shell("trap '' TERM; echo up; while :; do sleep 0.01; done")
        ) { child, record in
            record.onLine = { _ in
                child.terminate(ChildTermination(grace: .seconds(50)))
                let timers = loop.timerCount
                child.terminate(ChildTermination(grace: .seconds(500)))
                child.terminate(ChildTermination(grace: .seconds(50)))
                #expect(loop.timerCount == timers)
                child.terminate(.immediate)
            }
        }
        #expect(record.exits == [.signalled(number: SIGKILL, coreDumped: false)])
        #expect(loop.timerCount == 0)
    }

    @Test func `a table of one's own is followed`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(
            of: shell("trap 'echo interrupted; exit 9' INT; echo up; while :; do sleep 0.01; done")
        ) { child, record in
            record.onLine = { line in
                guard line == "up" else { return }
                child.terminate(
                    ChildTermination(steps: [.init(.signal(SIGINT), patience: .zero)]))
            }
        }
        #expect(record.lines == ["up", "interrupted"])
        #expect(record.exits == [.exited(9)])
    }

    @Test func `a child that ends first leaves no timer and gets no late signal`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: shell("echo up; read line; exit 0", input: .pipe)) {
            child, record in
            record.onLine = { _ in child.terminate(ChildTermination(grace: .seconds(60))) }
        }
        #expect(record.exits == [.exited(0)])
        #expect(loop.timerCount == 0)
    }
}
