// POSIX signals that come faster than they are handled must not keep the loop from its other work.

import Glibc
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(1)))
struct SignalFloodTests {
    @Test func `a signal that its own callback raises again starves nobody`() async {
        await #expect(processExitsWith: .success) {
            ProcessSignals.block([.user1])
            let loop = try EventLoop()
            var calls = 0
            var callsAtFirstTimer = 0
            let signals = try ProcessSignals([.user1], on: loop) { signal in
                calls += 1
                if calls < 100_000 { raise(signal.rawValue) }
            }
            raise(SIGUSR1)
            loop.step()
            loop.addTimer(after: .zero) { callsAtFirstTimer = calls }
            loop.step()
            try #require(callsAtFirstTimer > 0 && callsAtFirstTimer <= 64)
            signals.close()
        }
    }
}
