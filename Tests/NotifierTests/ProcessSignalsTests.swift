import Glibc
import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ProcessSignalsTests {
    /// Blocks `signals` in this thread for the time of `body`; signals are sent to this thread only.
    private func blocking(_ signals: [ProcessSignal], _ body: () throws -> Void) rethrows {
        var old = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &old)
        ProcessSignals.block(signals)
        defer { pthread_sigmask(SIG_SETMASK, &old, nil) }
        try body()
    }

    private func raise(_ signal: ProcessSignal) { pthread_kill(pthread_self(), signal.rawValue) }

    @Test func `a signal arrives as an event of the loop`() throws {
        try blocking([.user1, .user2]) {
            let loop = try EventLoop()
            var seen: [ProcessSignal] = []
            let signals = try ProcessSignals([.user1, .user2], on: loop) { seen.append($0) }
            raise(.user2)
            loop.step()
            #expect(seen == [.user2])
            raise(.user1)
            raise(.user1)
            loop.step()
            loop.spin(2)
            // Signals of one kind that wait are one.
            #expect(seen == [.user2, .user1])
            signals.close()
            #expect(loop.watchCount == 0)
        }
    }

    @Test func `a signal ends the loop's sleep at once`() throws {
        try blocking([.hangUp]) {
            let loop = try EventLoop()
            var isSeen = false
            let signals = try ProcessSignals([.hangUp], on: loop) { _ in isSeen = true }
            raise(.hangUp)
            let time = elapsed { loop.run(until: { isSeen }, limit: .seconds(20)) }
            #expect(time < .seconds(10))
            signals.close()
        }
    }

    @Test func `a receiver may close itself, and needs no one to hold it`() throws {
        try blocking([.user1]) {
            let loop = try EventLoop()
            var calls = 0
            var receiver: ProcessSignals?
            receiver = try ProcessSignals([.user1], on: loop) { _ in
                calls += 1
                receiver?.close()
                receiver = nil
            }
            raise(.user1)
            loop.spin(2)
            #expect(calls == 1)
            #expect(loop.watchCount == 0)
            // Taken so that it does not hit the thread when the mask is restored.
            raise(.user1)
            var set = sigset_t()
            sigemptyset(&set)
            sigaddset(&set, SIGUSR1)
            var number: Int32 = 0
            #expect(sigwait(&set, &number) == 0)
        }
    }

    @Test func `a write to a broken pipe is an error afterwards, not a death`() throws {
        ProcessSignals.ignoreBrokenPipes()
        let pipe = try SharedPipe()
        defer { withExtendedLifetime(pipe) {} }
        dup2(open("/dev/null", O_RDONLY), pipe.read)
        #expect(write(pipe.write, "x", 1) == -1)
        #expect(errno == EPIPE)
    }

    @Test func `signals to the process reach a loop that is not on the main thread`() async {
        await #expect(processExitsWith: .exitCode(42)) {
            ProcessSignals.block([.terminate])
            let thread = try LoopThread(name: "signals") { loop in
                _ = try ProcessSignals([.terminate], on: loop) { _ in exit(42) }
                loop.addTimer(after: .zero) {
                    // To this thread: the testing library's own have not blocked it.
                    pthread_kill(pthread_self(), SIGTERM)
                }
            }
            thread.join()
        }
    }
}
