// LoopThread: a thread that makes an event loop and runs it.

internal import CLinux
internal import Glibc

/// A loop on a thread of its own.
///
/// Confined to the thread that started it, its handle excepted.
public final class LoopThread {
    /// The face of the loop for other threads.
    public let handle: LoopHandle

    private var thread: Thread?

    /// Starts a thread that makes a loop, calls `setup` with it and then runs it until `stop`.
    ///
    /// Returns when `setup` has. What shall live on the loop is made in there; the loop's
    /// registrations keep it alive.
    ///
    /// - Parameters:
    ///   - name: of the thread, of which the kernel keeps 15 bytes, and of the loop in reports.
    ///   - cpu: which of the CPUs this process may use the thread is pinned to, counted from 0.
    ///   - setup: runs on the new thread.
    /// - Throws: `SystemError`, or what `setup` threw; the thread has ended then.
    public init(
        name: String, cpu: Int? = nil, setup: @escaping @Sendable (EventLoop) throws -> Void
    ) throws {
        let outcome = LoopStart()
        let isReady = try Semaphore()
        thread = try Thread(name: name) {
            runLoop(name, cpu, outcome, isReady, setup)
        }
        isReady.wait()
        switch outcome.result {
        case .success(let handle):
            self.handle = handle
        case .failure(let error):
            thread.take()?.join()
            throw error
        case nil:
            preconditionFailure("a loop thread started without a result")
        }
    }

    deinit {
        // Without `join` the thread is left to end by itself.
        if thread != nil { handle.post { $0.stop() } }
    }

    /// Ends the loop after its present turn.
    public func stop() {
        handle.post { $0.stop() }
    }

    /// Waits until the loop has ended; to be called after `stop`, from another thread.
    public func join() {
        thread.take()?.join()
    }
}

/// How the start of a loop went, written once by its thread.
///
/// Any thread.
private final class LoopStart: Sendable {
    private let state = Guarded<Result<LoopHandle, any Error>?>(nil)

    var result: Result<LoopHandle, any Error>? { state.withLock { $0 } }

    func settle(_ result: Result<LoopHandle, any Error>) {
        state.withLock { $0 = result }
    }
}

/// What the thread of a loop does.
private func runLoop(
    _ name: String, _ cpu: Int?, _ outcome: LoopStart, _ isReady: Semaphore,
    _ setup: @Sendable (EventLoop) throws -> Void
) {
    do {
        let loop = try makeLoop(name, cpu)
        defer { loop.close() }
        try setup(loop)
        outcome.settle(.success(loop.handle))
        isReady.signal()
        loop.run()
    } catch {
        outcome.settle(.failure(error))
        isReady.signal()
    }
}

private func makeLoop(_ name: String, _ cpu: Int?) throws(SystemError) -> EventLoop {
    if let cpu {
        let code = clinux_pin_thread(Int32(clamping: cpu))
        guard code == 0 else {
            throw SystemError("sched_setaffinity", code, subject: "CPU \(cpu)")
        }
    }
    return try EventLoop(name: name)
}
