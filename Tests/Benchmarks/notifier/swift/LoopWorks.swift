// The works that measure turns, descriptors and timers.

import Glibc
import Notifier

private func addIdle(_ count: Int, timers: Bool, to loop: EventLoop) throws {
    for number in 0..<count {
        _ = try loop.watch(try openEventDescriptor(), .read) { _ in .keep }
        if timers { loop.addTimer(after: .seconds(3600 + number)) {} }
    }
}

/// A turn in which nothing happens.
func turn(idle count: Int) throws -> Double {
    let loop = try EventLoop()
    try addIdle(count, timers: true, to: loop)
    return measure(200_000) { loop.step(sleep: false) }
}

/// A turn in which one descriptor is ready and one timer due.
func busyTurn(idle count: Int) throws -> Double {
    let loop = try EventLoop()
    try addIdle(count, timers: true, to: loop)
    var calls = 0
    _ = try loop.watch(try openEventDescriptor(readable: true), .read) { _ in
        calls += 1
        loop.addTimer(after: .zero) { calls += 1 }
        return .keep
    }
    let nanos = measure(200_000) { loop.step(sleep: false) }
    // The last timer is still to fire.
    precondition(calls == 439_999, "\(calls) callbacks")
    return nanos
}

private final class Game {
    @exclusivity(unchecked) var left = 0
}

/// A byte there and back between two ends of a socket pair, both watched by the loop.
func ping(idle count: Int) throws -> Double {
    let loop = try EventLoop()
    try addIdle(count, timers: false, to: loop)
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
        throw SystemError("socketpair")
    }
    let (near, far) = (ends[0], ends[1])
    let game = Game()
    _ = try loop.watch(far, .read) { _ in
        pass(far)
        return .keep
    }
    _ = try loop.watch(near, .read) { _ in
        game.left -= 1
        if game.left > 0 {
            pass(near)
        } else {
            take(near)
            loop.stop()
        }
        return .keep
    }
    func play(_ rounds: Int) {
        game.left = rounds
        give(near)
        loop.run()
    }
    let rounds = 100_000
    play(rounds / 10)
    let begun = processorNanos()
    play(rounds)
    return Double(processorNanos() - begun) / Double(rounds)
}

private func give(_ end: Int32) {
    var byte: UInt8 = 1
    precondition(write(end, &byte, 1) == 1)
}

private func take(_ end: Int32) {
    var byte: UInt8 = 0
    precondition(read(end, &byte, 1) == 1)
}

private func pass(_ end: Int32) {
    take(end)
    give(end)
}

private let million = 1_000_000

/// What a timer belongs to; made beforehand, as the C programs make theirs.
private final class Owner {
    var fired = 0
}

/// Timers with scattered deadlines, cancelled in another order.
func cancelledTimers() throws -> Double {
    let loop = try EventLoop()
    let owners = (0..<million).map { _ in Owner() }
    var scatter = Scatter()
    let delays = (0..<million).map { _ in scatter.next(below: 60_000) + 1000 }
    var tokens: [TimerToken] = []
    tokens.reserveCapacity(million)
    let begun = processorNanos()
    for number in 0..<million {
        let owner = owners[number]
        tokens.append(
            loop.addTimer(after: .milliseconds(delays[number])) { owner.fired += 1 })
    }
    for number in 0..<million {
        // 7,919 is prime: every timer gets its turn.
        loop.removeTimer(tokens[number * 7919 % million])
    }
    let nanos = processorNanos() - begun
    precondition(loop.timerCount == 0)
    return Double(nanos) / Double(million)
}

/// Timers of one length, cancelled in the order they were added, as timeouts of requests are.
func timeouts() throws -> Double {
    let loop = try EventLoop()
    let owners = (0..<million).map { _ in Owner() }
    var tokens: [TimerToken] = []
    tokens.reserveCapacity(million)
    let begun = processorNanos()
    for owner in owners {
        tokens.append(loop.addTimer(after: .seconds(30)) { owner.fired += 1 })
    }
    for token in tokens { loop.removeTimer(token) }
    let nanos = processorNanos() - begun
    precondition(loop.timerCount == 0)
    return Double(nanos) / Double(million)
}
