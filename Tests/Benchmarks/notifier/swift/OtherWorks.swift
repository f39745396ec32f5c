// The works that measure signals, children and workers, and the loop that shall sleep.

import Glibc
import Notifier

private final class Counter {
    var count = 0
}

/// An emission to 100 handlers.
func emission() -> Double {
    let signal = Signal<Int>()
    let counter = Counter()
    for _ in 0..<100 {
        signal.connect { number in
            counter.count &+= number
            return .keep
        }
    }
    let nanos = measure(100_000) { signal.emit(1) }
    precondition(counter.count == 11_000_000, "\(counter.count) calls")
    return nanos
}

/// From the start of `true` to its exit on the loop.
func childStart() throws -> Double {
    let loop = try EventLoop()
    let command = ChildCommand(["/bin/true"], input: .null, output: .null, error: .null)
    var times: [UInt64] = []
    for _ in 0..<300 {
        let begun = clockNanos()
        var events = ChildEvents()
        events.onExit = { exit in
            precondition(exit == .exited(0))
            times.append(clockNanos() - begun)
            loop.stop()
        }
        _ = try Child.spawn(command, on: loop, events)
        loop.run()
    }
    return median(times)
}

/// From handing out work that does nothing to its result on the loop.
func workerTurn() throws -> Double {
    let loop = try EventLoop()
    let pool = try WorkerPool(threads: 4)
    var times: [UInt64] = []
    for _ in 0..<5000 {
        let begun = clockNanos()
        try pool.run(
            on: loop, { _ in 1 },
            then: { _ in
                times.append(clockNanos() - begun)
                loop.stop()
            })
        loop.run()
    }
    pool.stop()
    pool.join()
    return median(times)
}

/// Sleeps for `seconds` with a child and a worker that do not finish, and says how many turns the
/// loop made and how often its threads were woken.
///
/// What it writes before and after is what idle.sh looks for in the list of system calls.
func idle(seconds: Int) throws {
    let loop = try EventLoop()
    let pool = try WorkerPool(threads: 2)
    let blocker = try Pipe()
    let end = blocker.read.number
    try pool.run(
        on: loop,
        { _ in
            var byte: UInt8 = 0
            return read(end, &byte, 1)
        }, then: { _ in })
    let child = try Child.spawn(ChildCommand(["sleep", "1000"]), on: loop)
    // The start settles: the worker's thread is in its read, the child in its sleep.
    loop.addTimer(after: .seconds(1)) { loop.stop() }
    loop.run()
    let (turns, wakes) = (loop.statistics.turns, switches())
    write("idle begins\n")
    loop.addTimer(after: .seconds(seconds)) { loop.stop() }
    loop.run()
    write("idle ends\n")
    // The turn that slept, and the one wake-up at its end.
    print("turns:", loop.statistics.turns - turns, "wake-ups:", switches() - wakes)
    child.terminate(.immediate)
    var byte: UInt8 = 1
    _ = Glibc.write(blocker.write.number, &byte, 1)
    loop.run(until: { loop.children.count == 0 }, limit: .seconds(5))
    pool.stop()
    pool.join()
}

private func write(_ text: String) {
    var text = text
    text.withUTF8 { _ = Glibc.write(1, $0.baseAddress, $0.count) }
}

/// How often the threads of this process have gone to sleep so far.
private func switches() -> Int {
    guard let folder = opendir("/proc/self/task") else { return -1 }
    defer { closedir(folder) }
    var sum = 0
    while let entry = readdir(folder) {
        let name = withUnsafePointer(to: entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard Int(name) != nil, let file = fopen("/proc/self/task/\(name)/status", "r") else {
            continue
        }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, 256, file) != nil {
            let text = String(
                decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if text.hasPrefix("voluntary_ctxt_switches:") {
                sum += Int(text.split(whereSeparator: \.isWhitespace).last ?? "") ?? 0
            }
        }
    }
    return sum
}
