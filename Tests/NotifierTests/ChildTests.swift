import Glibc
import Notifier
import Testing

@Suite(.serialized, .timeLimit(.minutes(2)))
struct ChildTests {
    // MARK: Exit

    @Test(arguments: [0, 1, 7, 255] as [Int32])
    func `an exit status arrives as it is`(status: Int32) throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: shell("exit \(status)"))
        #expect(record.exits == [.exited(status)])
    }

    @Test(arguments: [SIGTERM, SIGKILL, SIGINT, SIGUSR1])
    func `a child killed by a signal has not exited with status 0`(number: Int32) throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: shell("kill -\(number) $$; sleep 10"))
        #expect(record.exits == [.signalled(number: number, coreDumped: false)])
    }

    @Test func `an exit is described in words`() {
        #expect("\(ChildExit.exited(3))" == "exited with status 3")
        #expect(
            "\(ChildExit.signalled(number: 6, coreDumped: true))"
                == "killed by signal 6 (core dumped)")
    }

    @Test func `kill -9 from outside is reported like any other end`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: shell("echo up; exec sleep 100")) { child, record in
            record.onLine = { _ in kill(child.pid, SIGKILL) }
        }
        #expect(record.lines == ["up"])
        #expect(record.exits == [.signalled(number: SIGKILL, coreDumped: false)])
    }

    @Test func `of 200 quick children nothing of which is captured each ends exactly once`() throws
    {
        let loop = try EventLoop()
        var exits: [Int32: Int] = [:]
        for _ in 0..<200 {
            var events = ChildEvents()
            var pid: Int32 = 0
            events.onExit = { exit in
                #expect(exit == .exited(0))
                exits[pid, default: 0] += 1
            }
            pid = try Child.spawn(
                ChildCommand(["true"], input: .null, output: .null, error: .null), on: loop, events
            ).pid
        }
        #expect(loop.run(until: { loop.children.count == 0 }, limit: .seconds(60)))
        loop.spin(3)
        #expect(exits.count == 200)
        #expect(exits.values.allSatisfy { $0 == 1 })
        #expect(loop.watchCount == 0)
        #expect(loop.timerCount == 0)
    }

    @Test func `an exit is found by an event, not by looking now and then`() throws {
        let loop = try EventLoop()
        // The best of many, for this machine may be busy; polling would add up to 100 ms to all.
        let best = try (0..<20).map { _ in
            try elapsed { _ = try loop.outcome(of: shell("exit 0", output: .null)) }
        }.min()
        #expect(try #require(best) < .milliseconds(30))
    }

    @Test func `the end of the output is seen at once, also together with its last bytes`() throws {
        let loop = try EventLoop()
        var command = shell("printf 'a\nb'; exit 2")
        command.lingerTime = .seconds(60)
        for _ in 0..<30 {
            let record = try loop.outcome(of: command)
            #expect(record.exits == [.exited(2)])
            #expect(record.entries.first == .line(.output, "a"))
        }
    }

    @Test func `children that live cost no turns and no callbacks`() throws {
        let loop = try EventLoop()
        for _ in 0..<10 {
            _ = try Child.spawn(ChildCommand(["sleep", "100"], output: .null), on: loop)
        }
        loop.spin(3)
        let before = loop.statistics.callbacks
        #expect(loop.turns(within: .milliseconds(50)) <= 2)
        // The limit of `turns` is a timer, which is the one callback.
        #expect(loop.statistics.callbacks - before <= 1)
        var isOver = false
        loop.children.terminateAll(.immediate) { isOver = true }
        #expect(loop.run(until: { isOver }, limit: .seconds(20)))
    }

    @Test func `the same command starts again as a child of its own`() throws {
        let loop = try EventLoop()
        let command = shell("echo $$; exit 4")
        let first = try loop.outcome(of: command)
        let second = try loop.outcome(of: command)
        #expect(first.exits == [.exited(4)] && second.exits == [.exited(4)])
        #expect(first.lines.count == 1 && second.lines.count == 1)
        #expect(first.lines != second.lines)
    }

    @Test func `a child may be started again from its own exit`() throws {
        let loop = try EventLoop()
        var rounds = 0
        func start() throws {
            var events = ChildEvents()
            events.onExit = { _ in
                rounds += 1
                if rounds < 5 { #expect(throws: Never.self) { try start() } }
            }
            let child = try Child.spawn(ChildCommand(["sleep", "100"]), on: loop, events)
            child.terminate(ChildTermination(grace: .zero))
        }
        try start()
        #expect(loop.run(until: { rounds == 5 }, limit: .seconds(20)))
        #expect(loop.children.count == 0)
    }

    @Test func `a finished child may be signalled and terminated without effect`() throws {
        let loop = try EventLoop()
        let record = ChildRecord()
        let child = try Child.spawn(shell("exit 0"), on: loop, record.events)
        loop.run(until: { record.exit != nil }, limit: .seconds(20))
        child.send(.terminate)
        child.terminate()
        child.pauseOutput()
        child.resumeOutput()
        #expect(!child.input.append("x"))
        #expect(loop.timerCount == 0)
        #expect(loop.watchCount == 0)
        #expect(loop.turns(within: .milliseconds(30)) <= 2)
        #expect(record.exits == [.exited(0)])
    }

    @Test func `a signal can be sent to the child alone`() throws {
        let loop = try EventLoop()
        let script = "trap 'echo got it; exit 0' USR1; echo up; while :; do sleep 0.01; done"
        let record = try loop.outcome(of: shell(script)) { child, record in
            record.onLine = { if $0 == "up" { child.send(.user1, toGroup: false) } }
        }
        #expect(record.lines == ["up", "got it"])
        #expect(record.exits == [.exited(0)])
    }

    // MARK: What is left behind

    @Test func `a grandchild that holds the pipe delays the exit by the linger time only`() throws {
        let loop = try EventLoop()
        var record: ChildRecord?
        let time = try elapsed {
            record = try loop.outcome(of: shell("sleep 100 & echo $!; exit 3"))
        }
        let entries = try #require(record?.entries)
        #expect(entries.dropFirst() == [.end(.output), .exit(.exited(3))])
        #expect(time >= .milliseconds(100) && time < .seconds(10))
        let grandchild = try #require(record?.lines.first.flatMap { Int32($0) })
        #expect(
            loop.run(
                until: { !isAlive(grandchild) }, polling: .milliseconds(2), limit: .seconds(10)))
    }

    @Test func `a grandchild that has left the group does not delay the exit for ever`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: shell("setsid sleep 100 & echo $!; exit 3"))
        #expect(record.exits == [.exited(3)])
        if let stray = record.lines.first.flatMap({ Int32($0) }) { kill(stray, SIGKILL) }
    }

    @Test func `what a grandchild writes within the linger time is delivered before the exit`()
        throws
    {
        let loop = try EventLoop()
        var command = shell("(sleep 0.05; echo late) & exit 0")
        command.lingerTime = .seconds(10)
        let record = try loop.outcome(of: command)
        #expect(record.entries == [.line(.output, "late"), .end(.output), .exit(.exited(0))])
    }

    @Test func `a grandchild that floods the pipe cannot hold back the exit`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(
            of: shell(
                "setsid yes & echo $! >&2; exit 0", output: .bytes, error: .lines(maxLength: 20)))
        #expect(record.exits == [.exited(0)])
        for case .line(.error, let pid) in record.entries {
            if let stray = Int32(pid) { kill(stray, SIGKILL) }
        }
    }

    @Test func `a group may be left alone`() throws {
        let loop = try EventLoop()
        var command = shell("sleep 100 >/dev/null & echo $!; exit 0")
        command.leavesGroup = true
        let record = try loop.outcome(of: command)
        let grandchild = try #require(record.lines.first.flatMap { Int32($0) })
        #expect(isAlive(grandchild))
        kill(grandchild, SIGKILL)
    }

    @Test func `everything the child wrote comes before its exit`() throws {
        let loop = try EventLoop()
        // More than one read, less than the pipe holds: all of it is there when the child is gone.
        let record = try loop.outcome(
            of: shell(
                "head -c 65000 /dev/zero; head -c 60000 /dev/zero >&2", output: .bytes,
                error: .bytes))
        #expect(record.bytes.count == 125_000)
        #expect(record.entries.last == .exit(.exited(0)))
        #expect(record.entries.count == 3)
    }
}

/// Whether a process exists and has not ended.
func isAlive(_ pid: Int32) -> Bool {
    let number = open("/proc/\(pid)/stat", O_RDONLY)
    guard number >= 0 else { return false }
    defer { close(number) }
    let text = receive(from: number)
    // The state follows the name, which is in brackets.
    guard let bracket = text.lastIndex(of: ")") else { return false }
    return !["Z", "X"].contains(text[bracket...].dropFirst(2).first)
}
