import Glibc
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(1)))
struct WatchdogTests {
    /// Waits in the middle of a callback, as one does that should not.
    private func hold(until condition: () -> Bool) {
        let start = ContinuousClock.now
        while !condition(), ContinuousClock.now - start < .seconds(20) { usleep(1000) }
    }

    @Test func `a callback that holds the loop is reported while it does and when it lets go`()
        throws
    {
        let holds = Shared<[LoopHold]>([])
        let watchdog = try Watchdog(limit: .milliseconds(20)) { hold in
            holds.change { $0.append(hold) }
        }
        let loop = try EventLoop(name: "held")
        defer { loop.close() }
        try watchdog.watch(loop)
        loop.addTimer(after: .zero, name: "slow") {
            hold { !holds.value.isEmpty }
        }
        let start = ContinuousClock.now
        #expect(
            loop.run(
                until: { holds.value.count == 2 }, polling: .milliseconds(5), limit: .seconds(20)))
        let total = ContinuousClock.now - start
        let seen = holds.value
        #expect(seen.map(\.phase) == [.holding, .released])
        #expect(seen.allSatisfy { $0.name.description == "timer slow" && $0.loop === loop.handle })
        #expect(seen[0].duration >= .milliseconds(20))
        #expect(seen[1].duration >= seen[0].duration && seen[1].duration <= total)
        #expect(loop.statistics.longestHold == seen[1].duration)
        #expect("\(seen[0])".hasPrefix("timer slow has been holding held for 0.0"))
    }

    @Test func `a long hold is one report, not many`() throws {
        let holds = Shared<[LoopHold]>([])
        let watchdog = try Watchdog(limit: .milliseconds(4)) { hold in
            holds.change { $0.append(hold) }
        }
        let loop = try EventLoop()
        defer { loop.close() }
        try watchdog.watch(loop)
        loop.addTimer(after: .zero) {
            hold { !holds.value.isEmpty }
            // Twenty more looks, all of which see it.
            usleep(20_000)
            #expect(holds.value.count == 1)
        }
        _ = loop.run(
            until: { holds.value.count == 2 }, polling: .milliseconds(5), limit: .seconds(20))
        #expect(holds.value.map(\.phase) == [.holding, .released])
    }

    @Test func `a nested step counts as letting go`() throws {
        let holds = Shared<[LoopHold]>([])
        let watchdog = try Watchdog(limit: .milliseconds(10)) { hold in
            holds.change { $0.append(hold) }
        }
        let loop = try EventLoop()
        defer { loop.close() }
        try watchdog.watch(loop)
        loop.addTimer(after: .zero, name: "outer") {
            hold { holds.value.count == 1 }
            _ = loop.run(
                until: { holds.value.count == 2 }, polling: .milliseconds(1), limit: .seconds(20))
            // Back in the outer callback, which may hold the loop anew.
            hold { holds.value.count == 3 }
        }
        loop.step()
        #expect(holds.value.count == 3)
        #expect(holds.value.allSatisfy { $0.name.text == "outer" })
    }

    @Test func `a sleeping loop is not held, and wakes nobody`() throws {
        let watchdog = try Watchdog(limit: .milliseconds(4)) { _ in }
        let thread = try LoopThread(name: "sleeper") { loop in try watchdog.watch(loop) }
        // Asleep in the kernel, both of them: then neither is ever scheduled.
        func switches() -> [String: Int] { contextSwitches(ofThreads: ["sleeper", "watchdog"]) }
        let start = ContinuousClock.now
        var before = switches()
        var unchangedSince = ContinuousClock.now
        while ContinuousClock.now - unchangedSince < .milliseconds(100),
            ContinuousClock.now - start < .seconds(20)
        {
            usleep(5_000)
            let now = switches()
            if now != before {
                before = now
                unchangedSince = ContinuousClock.now
            }
        }
        #expect(before.count == 2)
        #expect(ContinuousClock.now - unchangedSince >= .milliseconds(100))
        // And yet it watches: the loop rings when it wakes up.
        thread.stop()
        thread.join()
    }

    @Test func `the watchdog's thread ends with the last loop`() throws {
        let name = "watchdog"
        let before = contextSwitches(ofThreads: [name], counting: true)[name] ?? 0
        let watchdog = try Watchdog { _ in }
        let loop = try EventLoop()
        try watchdog.watch(loop)
        loop.close()
        let start = ContinuousClock.now
        while (contextSwitches(ofThreads: [name], counting: true)[name] ?? 0) > before,
            ContinuousClock.now - start < .seconds(20)
        { usleep(1000) }
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test func `a crash note names the callback`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            var none = rlimit()
            setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
            try CrashNote.install()
            let loop = try EventLoop()
            loop.addTimer(after: .zero, name: "fragile") {
                abort()
            }
            loop.step()
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("crash: signal 6 in timer callback fragile, thread "))
    }

    @Test func `a trap in a callback is noted and still ends the process`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            var none = rlimit()
            setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
            try CrashNote.install()
            let loop = try EventLoop()
            loop.handle.post { _ in
                let empty: [Int] = []
                _ = empty[Int(getpid())]
            }
            loop.step()
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains(" in job callback NotifierTests/WatchdogTests.swift:"))
    }
}

/// How often the threads of these names were scheduled out so far, by name; with `counting`, how
/// many there are.
private func contextSwitches(ofThreads names: [String], counting: Bool = false) -> [String: Int] {
    var found: [String: Int] = [:]
    guard let directory = opendir("/proc/self/task") else { return [:] }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
        let thread = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard let text = contents(of: "/proc/self/task/\(thread)/status") else { continue }
        var fields: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":\t", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
        }
        guard let name = fields["Name"], names.contains(name) else { continue }
        let voluntary = Int(fields["voluntary_ctxt_switches"] ?? "") ?? 0
        found[name, default: 0] += counting ? 1 : voluntary
    }
    return found
}

private func contents(of path: String) -> String? {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return nil }
    defer { close(number) }
    return receive(from: number)
}
