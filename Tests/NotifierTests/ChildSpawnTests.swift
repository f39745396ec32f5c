import Glibc
import Notifier
import Testing

@Suite(.serialized, .timeLimit(.minutes(2)))
struct ChildSpawnTests {
    // MARK: What the child gets

    @Test func `the environment is what was given, nothing is inherited`() throws {
        let loop = try EventLoop()
        let command = ChildCommand(
            ["env"], environment: [("A", "1"), ("B", "x=y z"), ("C", "")], input: .null)
        #expect(try loop.outcome(of: command).lines.sorted() == ["A=1", "B=x=y z", "C="])
    }

    @Test func `words are passed as they are, no shell sees them`() throws {
        let loop = try EventLoop()
        let words = ["hello world", "$HOME", "*", "'", "", "ü"]
        let record = try loop.outcome(of: ChildCommand(["printf", "%s\\n"] + words, input: .null))
        #expect(record.lines == words)
    }

    @Test func `the directory is the one given`() throws {
        let loop = try EventLoop()
        let command = ChildCommand(["pwd"], directory: "/usr", input: .null)
        #expect(try loop.outcome(of: command).lines == ["/usr"])
    }

    @Test func `the child leads a process group of its own`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: shell("echo up; exec sleep 100")) { child, record in
            record.onLine = { _ in
                #expect(getpgid(child.pid) == child.pid)
                child.terminate(.immediate)
            }
        }
        #expect(record.lines == ["up"])
    }

    @Test func `no descriptor is inherited but the three streams`() throws {
        let loop = try EventLoop()
        // Without close-on-exec, as a careless library would leave it.
        let leaked = dup(openNull())
        defer { close(leaked) }
        let command = shell("ls /proc/$$/fd", error: .lines(maxLength: 100))
        #expect(try loop.outcome(of: command).lines == ["0", "1", "2"])
    }

    @Test func `signals are neither blocked nor ignored in the child`() throws {
        ProcessSignals.ignoreBrokenPipes()
        let loop = try EventLoop()
        var old = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &old)
        ProcessSignals.block([.user1, .terminate])
        defer { pthread_sigmask(SIG_SETMASK, &old, nil) }
        let record = try loop.outcome(
            of: ChildCommand(["grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"], input: .null))
        #expect(record.lines.first == "SigBlk:\t0000000000000000")
        // glibc ignores its two internal signals, 32 and 33, in what posix_spawn starts.
        let ignored = record.lines.last?.split(separator: "\t").last.flatMap {
            UInt64($0, radix: 16)
        }
        #expect(ignored.map { $0 & 0x7FFF_FFFF } == 0)
    }

    @Test func `without a pipe the input is at its end`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: shell("cat; echo over", input: .null))
        #expect(record.lines == ["over"])
    }

    // MARK: What cannot be started

    @Test func `a missing program is an error and leaves nothing behind`() throws {
        let loop = try EventLoop()
        for program in ["/nonexistent/program", "no-such-program-anywhere"] {
            let error = #expect(throws: SystemError.self) {
                _ = try Child.spawn(ChildCommand([program]), on: loop)
            }
            #expect(error?.code == ENOENT)
            #expect(error?.subject == program)
        }
        #expect(loop.children.count == 0)
        #expect(loop.watchCount == 0)
        #expect(loop.timerCount == 0)
    }

    @Test func `a missing directory is not taken for a missing program`() throws {
        let loop = try EventLoop()
        let error = #expect(throws: SystemError.self) {
            _ = try Child.spawn(ChildCommand(["true"], directory: "/nonexistent"), on: loop)
        }
        #expect(error == SystemError("chdir", ENOENT, subject: "/nonexistent"))
    }

    @Test func `a file that is no program is an error`() throws {
        let loop = try EventLoop()
        let error = #expect(throws: SystemError.self) {
            _ = try Child.spawn(ChildCommand(["/etc/passwd"]), on: loop)
        }
        #expect(error?.code == EACCES)
    }

    @Test(arguments: [
        ChildCommand([]), ChildCommand([""]), ChildCommand(["echo", "a\0b"]),
        ChildCommand(["echo"], environment: [("A\0", "b")]),
        ChildCommand(["echo"], environment: [("A=B", "c")]),
        ChildCommand(["echo"], environment: [("", "c")]),
    ])
    func `words that cannot be passed on are refused`(command: ChildCommand) throws {
        let loop = try EventLoop()
        let error = #expect(throws: SystemError.self) { _ = try Child.spawn(command, on: loop) }
        #expect(error?.code == EINVAL)
    }

    // MARK: Descriptors, in a process of their own because they are counted

    @Test func `children leave no descriptor open, whether they start or not`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            _ = try loop.outcome(of: shell("exit 0"))
            let before = openChildDescriptorCount()
            for round in 0..<20 {
                _ = try loop.outcome(of: shell("cat; exit 1", input: .pipe)) { child, _ in
                    child.input.append("hello")
                    if round % 2 == 0 { child.terminate() } else { child.input.close() }
                }
                _ = try? Child.spawn(ChildCommand(["/nonexistent"]), on: loop)
            }
            try #require(openChildDescriptorCount() == before)
        }
    }

    @Test func `without descriptors a spawn fails cleanly, and works again afterwards`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            _ = try loop.outcome(of: shell("exit 0"))
            let before = openChildDescriptorCount()
            var failures = 0
            // A few more each time, so that every place that opens one is the first to fail.
            for spare in 0..<12 {
                var fillers: [Int32] = []
                var limit = rlimit()
                getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                var low = limit
                low.rlim_cur = 256
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &low)
                while true {
                    let filler = dup(0)
                    guard filler >= 0 else { break }
                    fillers.append(filler)
                }
                for _ in 0..<spare { if let filler = fillers.popLast() { close(filler) } }
                let record = ChildRecord()
                do {
                    _ = try Child.spawn(shell("exit 5", input: .pipe), on: loop, record.events)
                    loop.run(until: { record.exit != nil }, limit: .seconds(20))
                    try #require(record.exits == [.exited(5)])
                } catch let error as SystemError {
                    try #require(error.code == EMFILE)
                    failures += 1
                }
                try #require(loop.children.count == 0)
                for filler in fillers { close(filler) }
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                try #require(openChildDescriptorCount() == before)
            }
            // Two pipes and the pidfd: five descriptors are needed, so fewer must have failed.
            try #require(failures >= 5)
            // Nothing unreaped is left of those that had started before the failure.
            var status: Int32 = 0
            try #require(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD)
        }
    }

    @Test func `a program without standard streams can start children`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            // The pipes then get the numbers 0 to 2, which the child's streams are to have.
            for number in 0...2 as ClosedRange<Int32> { close(number) }
            let record = try loop.outcome(
                of: shell(
                    "read line; echo out $line; echo err >&2", input: .pipe,
                    error: .lines(maxLength: 9))
            ) { child, _ in
                child.input.append("in\n")
            }
            try #require(record.entries.contains(.line(.output, "out in")))
            try #require(record.entries.contains(.line(.error, "err")))
        }
    }

    private func openNull() -> Int32 { open("/dev/null", O_RDONLY) }
}
