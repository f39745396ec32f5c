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
        #expect(record.lines.last == "SigIgn:\t0000000000000000")
    }

    @Test func `without a pipe the input is at its end`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: shell("cat; echo over", input: .null))
        #expect(record.lines == ["over"])
    }

    @Test func `a child outlives a process that is killed only if it may`() async throws {
        let dead = await #expect(
            processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
        ) {
            let loop = try EventLoop()
            for outlives in [false, true] {
                var command = shell(
                    "trap '' HUP INT TERM; echo up; while :; do sleep 1; done", input: .pipe,
                    error: .null)
                command.outlivesStarter = outlives
                let record = ChildRecord()
                let child = try Child.spawn(command, on: loop, record.events)
                loop.run(until: { record.lines == ["up"] }, limit: .seconds(20))
                var line = Array("\(child.pid)\n".utf8)
                write(STDOUT_FILENO, &line, line.count)
            }
            kill(getpid(), SIGKILL)
        }
        let text = String(decoding: try #require(dead).standardOutputContent, as: UTF8.self)
        let pids = text.split(separator: "\n").compactMap { Int32($0) }
        try #require(pids.count == 2, "\(text)")
        defer { kill(-pids[1], SIGKILL) }
        let limit = ContinuousClock.now + .seconds(1)
        while isRunning(pids[0]), ContinuousClock.now < limit { _ = poll(nil, 0, 5) }
        #expect(!isRunning(pids[0]))
        #expect(isRunning(pids[1]))
    }

    @Test func `the first program of that name in PATH is the one`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            var template = Array("/tmp/spawn-XXXXXX".utf8CString)
            let folder = String(cString: try #require(mkdtemp(&template)))
            func file(_ name: String, _ text: String, mode: mode_t) throws {
                let number = open("\(folder)/\(name)", O_WRONLY | O_CREAT | O_CLOEXEC, mode)
                try #require(number >= 0)
                var bytes = Array(text.utf8)
                try #require(write(number, &bytes, bytes.count) == bytes.count)
                close(number)
            }
            try file("locked", "", mode: 0o600)
            try file("plain", "echo not for a shell\n", mode: 0o700)
            try file("printf", "#!/bin/sh\necho first\n", mode: 0o700)
            setenv("PATH", "/nonexistent:\(folder)/plain:\(folder):/usr/bin:/bin", 1)
            let first = try loop.outcome(of: ChildCommand(["printf", "second"], input: .null))
            try #require(first.lines == ["first"])
            for (name, code) in [("locked", EACCES), ("plain", ENOEXEC), ("gone", ENOENT)] {
                let error = #expect(throws: SystemError.self) {
                    _ = try Child.spawn(ChildCommand([name]), on: loop)
                }
                try #require(error == SystemError("execve", code, subject: name))
            }
            unsetenv("PATH")
            let usual = try loop.outcome(of: ChildCommand(["printf", "usual"], input: .null))
            try #require(usual.entries.contains(.partial(.output, "usual")))
            for name in ["locked", "plain", "printf"] { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }
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

    /// Whether the process lives; a zombie that nobody has reaped yet does not.
    private func isRunning(_ pid: Int32) -> Bool {
        guard let file = fopen("/proc/\(pid)/stat", "re") else { return false }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 256)
        guard fgets(&text, Int32(text.count), file) != nil else { return false }
        let bytes = text.map { UInt8(bitPattern: $0) }
        guard let end = bytes.lastIndex(of: UInt8(ascii: ")")), end + 2 < bytes.count else {
            return false
        }
        return bytes[end + 2] != UInt8(ascii: "Z") && bytes[end + 2] != UInt8(ascii: "X")
    }

    private func openNull() -> Int32 { open("/dev/null", O_RDONLY) }
}
