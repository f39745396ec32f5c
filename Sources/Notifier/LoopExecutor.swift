// LoopExecutor: a loop as the place where Swift tasks and actors run, and `sleep` on its timers.
//
// The loop itself is not asynchronous; this is the door for code that is. A task that never
// suspends costs half a microsecond, a suspension about two.

internal import Synchronization

/// Runs tasks and actors on the thread of a loop.
///
/// Any thread. Jobs run in the order they were enqueued, with the loop's mail. A job enqueued after
/// the loop has ended never runs.
public final class LoopExecutor: TaskExecutor, SerialExecutor {
    /// The loop.
    public let handle: LoopHandle

    /// Makes an executor of the loop behind `handle`.
    public init(_ handle: LoopHandle) {
        self.handle = handle
    }

    /// Queues `job` to run on the loop.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        handle.post { [self] _ in
            job.runSynchronously(
                isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        }
    }

    /// Whether the caller is on the loop's thread.
    public func isIsolatingCurrentContext() -> Bool? { handle.isOnLoop }

    /// Stops the program if the caller is not on the loop's thread.
    public func checkIsolated() {
        precondition(handle.isOnLoop, "not on the thread of the loop")
    }

    /// Suspends the calling task for at least `duration`, by a timer of the loop.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled, or if the loop has ended.
    public func sleep(for duration: Duration) async throws(CancellationError) {
        let sleeper = Sleeper()
        let isCutShort = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let awakening = Awakening(continuation)
                // If the loop has ended, or ends before it reads this, the closure is let go, and
                // the awakening with it.
                handle.post { loop in
                    loop.local(SleeperTable.self).add(sleeper, duration, awakening)
                }
            }
        } onCancel: {
            sleeper.isCancelled.store(true, ordering: .relaxed)
            handle.post { loop in loop.local(SleeperTable.self).cancel(sleeper) }
        }
        if isCutShort { throw CancellationError() }
    }
}

/// One task that sleeps.
///
/// Any thread.
private final class Sleeper: Sendable {
    /// Set before the cancellation is posted, which may be before the sleep is.
    let isCancelled = Atomic<Bool>(false)
}

/// Resumes a task once, at the latest when nobody can do so any more.
///
/// Any thread.
private final class Awakening: Sendable {
    private let continuation: CheckedContinuation<Bool, Never>
    private let isSpent = Atomic<Bool>(false)

    init(_ continuation: CheckedContinuation<Bool, Never>) {
        self.continuation = continuation
    }

    deinit { wake(isCutShort: true) }

    func wake(isCutShort: Bool) {
        if !isSpent.exchange(true, ordering: .relaxed) {
            continuation.resume(returning: isCutShort)
        }
    }
}

/// The sleeping tasks of one loop.
///
/// Loop-confined.
private final class SleeperTable: LoopLocal {
    private unowned let loop: EventLoop
    private var sleeping: [ObjectIdentifier: (Sleeper, TimerToken, Awakening)] = [:]

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// Puts a task to sleep.
    func add(_ sleeper: Sleeper, _ duration: Duration, _ awakening: Awakening) {
        if sleeper.isCancelled.load(ordering: .relaxed) {
            awakening.wake(isCutShort: true)
            return
        }
        let timer = loop.addTimer(after: duration) { [unowned self] in
            sleeping.removeValue(forKey: ObjectIdentifier(sleeper))?.2.wake(isCutShort: false)
        }
        sleeping[ObjectIdentifier(sleeper)] = (sleeper, timer, awakening)
    }

    /// Wakes a task early, if it still sleeps.
    func cancel(_ sleeper: Sleeper) {
        guard let (_, timer, awakening) = sleeping.removeValue(forKey: ObjectIdentifier(sleeper))
        else { return }
        loop.removeTimer(timer)
        awakening.wake(isCutShort: true)
    }
}
