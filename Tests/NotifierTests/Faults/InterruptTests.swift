// EINTR storms: a thread sends a signal to the loop's thread every few microseconds while it works.
// No wait may end early, fail or lose anything for that. Each test is a process of its own, because
// a signal's handler belongs to the process.

import Glibc
import Synchronization
import Testing

@testable import Notifier

/// How many interrupts were handled so far.
private let interruptCount = Atomic<Int>(0)

/// Calls `body` again and again while the calling thread is interrupted all the time, until it was
/// often enough.
private func withInterrupts(_ body: () throws -> Void) throws {
    var action = sigaction()
    // Without SA_RESTART: system calls end with EINTR.
    action.__sigaction_handler.sa_handler = { _ in interruptCount.add(1, ordering: .relaxed) }
    sigaction(SIGUSR2, &action, nil)
    // The testing library's threads may block it.
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGUSR2)
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
    let target = pthread_self()
    let isDone = Shared(false)
    let storm = try Thread(name: "storm") {
        while !isDone.value {
            pthread_kill(target, SIGUSR2)
            usleep(20)
        }
    }
    let outcome = Result {
        for _ in 0..<1000 where interruptCount.load(ordering: .relaxed) < 50 { try body() }
    }
    isDone.change { $0 = true }
    storm.join()
    try outcome.get()
    try #require(interruptCount.load(ordering: .relaxed) >= 50)
}

@Suite(.timeLimit(.minutes(2)))
struct InterruptTests {
    @Test func `interrupted waits are as long as asked and timers stay on their grid`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            var isEarly = false
            try withInterrupts {
                var ticks = 0
                let start = loop.clock.monotonicNanos()
                let timer = loop.addTimer(every: .milliseconds(5)) {
                    ticks += 1
                    if loop.clock.monotonicNanos() < start + UInt64(ticks) * 5_000_000 {
                        isEarly = true
                    }
                    return .keep
                }
                let time = elapsed { loop.run(until: { false }, limit: .milliseconds(40)) }
                try #require(time >= .milliseconds(40))
                try #require(ticks >= 1)
                loop.removeTimer(timer)
            }
            try #require(!isEarly)
        }
    }

    @Test func `interrupts lose nothing of what children read and write`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let size = 1 << 20
            try withInterrupts {
                let record = ChildRecord()
                var received = 0
                var isSame = true
                var events = record.events
                events.onBytes = { _, bytes in
                    received += bytes.count
                    if bytes.contains(where: { $0 != 0x61 }) { isSame = false }
                }
                let child = try Child.spawn(
                    shell("cat; exit 9", input: .pipe, output: .bytes), on: loop, events)
                child.input.append(String(repeating: "a", count: size))
                child.input.close()
                loop.run(until: { record.exit != nil }, limit: .seconds(60))
                try #require(received == size && isSame)
                try #require(record.exits == [.exited(9)])
            }
        }
    }

    @Test func `interrupts disturb neither threads, workers nor mail`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let heard = Shared<[Int]>([])
            var results = 0
            var rounds = 0
            try withInterrupts {
                for round in rounds..<(rounds + 10) {
                    let home = loop.handle
                    let thread = try LoopThread(name: "mail") { inner in
                        inner.addTimer(after: .zero) {
                            home.post { _ in heard.change { $0.append(round) } }
                        }
                    }
                    let pool = try WorkerPool(threads: 2)
                    try pool.run(on: loop, { _ in usleep(500) }, then: { _ in results += 1 })
                    let isDone = loop.run(
                        until: { heard.value.count == round + 1 && results == round + 1 },
                        limit: .seconds(20))
                    try #require(isDone)
                    thread.stop()
                    thread.join()
                    pool.stop()
                    pool.join()
                }
                rounds += 10
            }
            try #require(heard.value == Array(0..<rounds))
        }
    }
}
