// A process that has no descriptor left: everything that opens one is tried with none to spare, with
// one, with two and so on, until it succeeds. Each failure is an EMFILE in words and leaves nothing
// open. In processes of their own, because the limit belongs to the process.

import Glibc
import Testing

@testable import Notifier

/// Sets how many descriptors this process may have.
private func setDescriptorLimit(_ limit: rlim_t) {
    var present = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &present)
    present.rlim_cur = limit
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &present)
}

/// How many descriptors this process has open.
private func openDescriptorCount() -> Int {
    (0..<512 as Range<Int32>).count { fcntl($0, F_GETFD) >= 0 }
}

/// Calls `open` with ever more descriptors to spare until it succeeds, several times over; returns
/// how often it failed each time.
private func failures(_ open: () throws -> Void) throws -> Int {
    try open()
    let before = openDescriptorCount()
    let counts = try (0..<5).map { _ in try failuresOnce(open) }
    // The runtime may open one or two of its own when it likes; a leak would show five times.
    try #require(openDescriptorCount() <= before + 2)
    return counts.min() ?? 0
}

private func failuresOnce(_ open: () throws -> Void) throws -> Int {
    defer { setDescriptorLimit(1024) }
    for spare in 0..<64 {
        setDescriptorLimit(512)
        var fillers: [Int32] = []
        while true {
            let filler = dup(0)
            guard filler >= 0 else { break }
            fillers.append(filler)
        }
        for _ in 0..<spare { if let filler = fillers.popLast() { close(filler) } }
        var failure: SystemError?
        do {
            try open()
        } catch let error as SystemError {
            failure = error
        }
        for filler in fillers { close(filler) }
        guard let failure else { return spare }
        try #require(failure.code == EMFILE)
        try #require(failure.description.contains("Too many open files"))
    }
    return 64
}

@Suite(.timeLimit(.minutes(2)))
struct DescriptorLimitTests {
    @Test func `a loop without descriptors is an error and leaks nothing`() async {
        await #expect(processExitsWith: .success) {
            // Its mailbox and its epoll instance.
            try #require(try failures { _ = try EventLoop() } == 2)
        }
    }

    @Test func `a loop thread without descriptors is an error and leaks nothing`() async {
        await #expect(processExitsWith: .success) {
            let count = try failures {
                let thread = try LoopThread(name: "starved") { _ in }
                thread.stop()
                thread.join()
            }
            try #require(count >= 3)
        }
    }

    @Test func `a group of loops without descriptors ends those it had started`() async {
        await #expect(processExitsWith: .success) {
            let count = try failures {
                let group = try LoopGroup(others: 3) { _, _ in }
                group.stop()
                group.join()
            }
            try #require(count >= 6)
        }
    }

    @Test func `a pool without descriptors is an error and leaks nothing`() async {
        await #expect(processExitsWith: .success) {
            try #require(try failures { _ = try WorkerPool(threads: 1) } == 2)
        }
    }

    @Test func `a pipe without descriptors is an error and leaks nothing`() async {
        await #expect(processExitsWith: .success) {
            try #require(try failures { _ = try Pipe() } == 2)
        }
    }

    @Test func `a receiver of signals without descriptors is an error and leaks nothing`() async {
        await #expect(processExitsWith: .success) {
            ProcessSignals.block([.user1, .child])
            let loop = try EventLoop()
            let count = try failures {
                let signals = try ProcessSignals([.user1], on: loop) { _ in }
                signals.close()
            }
            try #require(count == 1)
            try #require(loop.watchCount == 0)
            let reapers = try failures {
                let reaper = try ChildReaper(on: loop, listening: true)
                reaper.stop()
            }
            try #require(reapers == 1)
            try #require(loop.watchCount == 0)
            try #require(loop.timerCount == 0)
        }
    }

    @Test func `a child without descriptors is an error and leaves neither pipe nor process`() async
    {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let count = try failures {
                let record = ChildRecord()
                _ = try Child.spawn(
                    shell("exit 0", input: .pipe, error: .bytes), on: loop, record.events)
                loop.run(until: { record.exit != nil }, limit: .seconds(20))
                try #require(record.exits == [.exited(0)])
            }
            // Three pipes of two ends and the pidfd.
            try #require(count == 7)
            try #require(loop.watchCount == 0)
            try #require(loop.children.count == 0)
            var status: Int32 = 0
            try #require(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD)
        }
    }

    @Test func `a starved loop goes on with what it has and recovers`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let left = try SocketPair()
            let other = try SocketPair()
            var calls = 0
            let number = dup(left.near.number)
            let token = try loop.watch(number, .read) { _ in .keep }
            _ = try loop.watch(other.near.number, .read) { _ in
                calls += 1
                receive(from: other.near.number)
                return .keep
            }
            close(number)
            loop.unwatch(token)
            send("x", to: left.far.number)
            // The loop needs a descriptor to get rid of the one left behind, and has none.
            setDescriptorLimit(512)
            var fillers: [Int32] = []
            while true {
                let filler = dup(0)
                guard filler >= 0 else { break }
                fillers.append(filler)
            }
            for round in 1...3 {
                send("x", to: other.far.number)
                loop.spin(2)
                try #require(calls == round)
            }
            for filler in fillers { close(filler) }
            setDescriptorLimit(1024)
            loop.spin(2)
            try #require(loop.turns(within: .milliseconds(30)) <= 4)
            send("x", to: other.far.number)
            loop.spin(2)
            try #require(calls == 4)
        }
    }
}
