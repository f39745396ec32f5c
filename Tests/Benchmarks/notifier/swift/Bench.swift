// bench-notifier: the work of this folder on our own loop. One work a run; prints one number,
// nanoseconds for each operation. The C programs beside it do the same work on libuv and libevent.
//
//     bench-notifier turn|busy IDLE     one turn with IDLE idle timers and IDLE idle descriptors
//     bench-notifier ping IDLE          one round trip over a socket pair beside IDLE descriptors
//     bench-notifier timers|timeouts    adding and cancelling one of a million timers
//     bench-notifier emit               one emission to 100 handlers
//     bench-notifier child|worker       from the start to its report, median, time on the clock
//     bench-notifier idle SECONDS       sleeps with an unfinished child and worker (idle.sh)

import CLinux
import Glibc
import Notifier

@main
enum Bench {
    static func main() throws {
        let words = CommandLine.arguments.dropFirst()
        let count = words.dropFirst().first.flatMap { Int($0) } ?? 0
        switch words.first {
        case "turn": print(try turn(idle: count))
        case "busy": print(try busyTurn(idle: count))
        case "ping": print(try ping(idle: count))
        case "timers": print(try cancelledTimers())
        case "timeouts": print(try timeouts())
        case "emit": print(emission())
        case "child": print(try childStart())
        case "worker": print(try workerTurn())
        case "idle": try idle(seconds: count)
        default:
            print("usage: bench-notifier WORK [COUNT]; the works are in run.sh")
            exit(2)
        }
    }
}

/// Processor time of this process in nanoseconds.
func processorNanos() -> UInt64 { nanos(CLOCK_PROCESS_CPUTIME_ID) }

/// Time on the clock in nanoseconds.
func clockNanos() -> UInt64 { nanos(CLOCK_MONOTONIC) }

private func nanos(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Processor time of one call of `body`, from the mean of `count` after a tenth as many to warm up.
func measure(_ count: Int, _ body: () -> Void) -> Double {
    for _ in 0..<count / 10 { body() }
    let begun = processorNanos()
    for _ in 0..<count { body() }
    return Double(processorNanos() - begun) / Double(count)
}

/// The middle one of `values`.
func median(_ values: [UInt64]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? .nan : Double(sorted[sorted.count / 2])
}

/// A descriptor on which nothing ever happens, or which is always readable.
func openEventDescriptor(readable: Bool = false) throws -> Int32 {
    let number = eventfd(readable ? 1 : 0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    guard number >= 0 else { throw SystemError("eventfd") }
    return number
}

/// The same pseudo-random numbers as in bench.h.
struct Scatter {
    private var state: UInt32 = 2_463_534_242

    mutating func next(below limit: UInt32) -> UInt32 {
        state ^= state << 13
        state ^= state >> 17
        state ^= state << 5
        return state % limit
    }
}
