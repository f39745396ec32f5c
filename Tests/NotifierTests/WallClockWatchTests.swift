// WallClockWatch: what the kernel is asked for, and that being told is heard again and again.
//
// The clock of the machine itself is not set here: there is no namespace for CLOCK_REALTIME, and a
// library such as faketime deceives the program, not the kernel. A timer that ends goes the same way
// as one that a step of the clock cancels: the descriptor is readable, read, and armed anew.

import Glibc
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(1)))
struct WallClockWatchTests {
    private func facts(of watch: WallClockWatch) -> String {
        var text = ""
        guard let file = fopen("/proc/self/fdinfo/\(watch.number)", "r") else { return text }
        defer { fclose(file) }
        while true {
            let byte = getc(file)
            if byte == EOF { return text }
            text.append(Character(UnicodeScalar(UInt8(truncatingIfNeeded: byte))))
        }
    }

    @Test func `the kernel is asked to tell of each step of the wall clock`() throws {
        let loop = try EventLoop()
        let watch = try WallClockWatch(loop) {}
        let facts = facts(of: watch)
        #expect(facts.contains("clockid: 0\n"), "CLOCK_REALTIME")
        #expect(facts.contains("settime flags: 03\n"), "absolute, cancelled by steps")
        watch.close()
        #expect(loop.watchCount == 0)
    }

    @Test func `what the kernel tells is heard once, and the watch goes on`() throws {
        let loop = try EventLoop()
        var calls = 0
        // A moment long past: the timer ends at once.
        let name = CallbackName(.descriptor, #fileID, line: #line)
        let watch = try WallClockWatch(loop, name, until: 1) { calls += 1 }
        #expect(loop.run(until: { calls > 0 }, limit: .seconds(5)))
        loop.spin(5)
        #expect(calls == 1 && loop.watchCount == 1)
        #expect(facts(of: watch).contains("settime flags: 03\n"))
        watch.close()
    }

    @Test func `a clock that is not the system's is not watched`() throws {
        let loop = try EventLoop(clock: ManualClock())
        #expect(throws: SystemError("timerfd_create", ENOTSUP)) {
            _ = try WallClockWatch(loop) {}
        }
    }
}
