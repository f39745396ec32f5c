// LoopGroup: several loops, each on a thread of its own, started and ended together.

internal import CLinux

/// A number of loop threads.
///
/// Confined to the thread that started it, its handles excepted.
///
/// The calling thread often runs a loop too, number 0; then the group holds the others:
///
///     let first = try EventLoop()
///     let group = try LoopGroup(others: LoopGroup.usableCPUs - 1) { loop, number in … }
///     first.run()
///     group.stop()
///     group.join()
public final class LoopGroup {
    /// How many CPUs this process may use, at least 1.
    public static var usableCPUs: Int { Int(max(clinux_usable_cpus(), 1)) }

    /// The faces of the loops for other threads; the first is that of loop number 1.
    public let handles: [LoopHandle]

    private let threads: [LoopThread]

    /// Starts `count` loops, numbered from 1; `setup` runs on the thread of each.
    ///
    /// - Parameters:
    ///   - count: how many loops, besides the caller's own number 0.
    ///   - name: of the threads, before their number.
    ///   - pinned: whether loop n stays on the n-th CPU this process may use.
    ///   - setup: gets the loop and its number; runs for one loop after the other.
    /// - Throws: what `setup` threw, or `SystemError`; no thread is left then.
    public init(
        others count: Int, name: String = "loop", pinned: Bool = false,
        setup: @escaping @Sendable (EventLoop, Int) throws -> Void
    ) throws {
        var threads: [LoopThread] = []
        let cpus = Self.usableCPUs
        do {
            for number in stride(from: 1, through: count, by: 1) {
                let cpu = pinned ? number % cpus : nil
                threads.append(
                    try LoopThread(name: "\(name) \(number)", cpu: cpu) { try setup($0, number) })
            }
        } catch {
            for thread in threads { thread.stop() }
            for thread in threads { thread.join() }
            throw error
        }
        self.threads = threads
        handles = threads.map(\.handle)
    }

    /// Pins the calling thread, which runs loop 0, to the first CPU this process may use.
    ///
    /// - Throws: `SystemError` if the kernel refuses.
    public static func pinCallingThread() throws(SystemError) {
        let code = clinux_pin_thread(0)
        guard code == 0 else { throw SystemError("sched_setaffinity", code, subject: "CPU 0") }
    }

    /// Ends every loop after its present turn.
    public func stop() {
        for thread in threads { thread.stop() }
    }

    /// Waits until every loop has ended; to be called after `stop`.
    public func join() {
        for thread in threads { thread.join() }
    }
}
