// LoopExecutor: a loop as the place where Swift tasks and actors run. What they can wait for there is
// in the files whose names begin with Async.
//
// The loop itself is not asynchronous; this is the door for code that is. A task that never
// suspends costs half a microsecond, a suspension about two.

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
        handle.post(name: "Swift task") { [self] _ in
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
    public func sleep(
        for duration: Duration, name: StaticString = #fileID, line: UInt32 = #line
    ) async throws(CancellationError) {
        try await handle.sleep(for: duration, name: name, line: line)
    }
}
