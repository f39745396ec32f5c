// WorkQueue: work that waits for a thread, and the threads that wait for work. It has a lock, as it
// must, because several threads take from it; no loop ever waits for one of them.

/// The queue of a worker pool.
///
/// Any thread.
final class WorkQueue: Sendable {
    /// Does its work, or with an error only says why not.
    typealias Job = @Sendable (WorkerError?) -> Void

    private struct State {
        var jobs: [Job] = []
        var threadCount = 0
        var idleCount = 0
        var isStopped = false
    }

    private let state = Guarded(State())
    private let threadLimit: Int
    private let limit: Int
    private let hasWork: Semaphore
    private let hasEnded: Semaphore

    init(threadLimit: Int, limit: Int) throws(SystemError) {
        self.threadLimit = threadLimit
        self.limit = limit
        hasWork = try Semaphore()
        hasEnded = try Semaphore()
    }

    /// Queues `job`; starts a thread for it if all are busy and there may be more.
    func add(threadName: String, _ job: @escaping Job) throws(WorkerError) {
        let needsThread = try state.withLock { state throws(WorkerError) in
            if state.isStopped { throw .stopped }
            if state.jobs.count >= limit { throw .overloaded }
            guard state.jobs.count >= state.idleCount, state.threadCount < threadLimit else {
                return false
            }
            state.threadCount += 1
            return true
        }
        if needsThread { try startThread(threadName) }
        try state.withLock { state throws(WorkerError) in
            if state.isStopped { throw .stopped }
            state.jobs.append(job)
        }
        hasWork.signal()
    }

    private func startThread(_ name: String) throws(WorkerError) {
        do throws(SystemError) {
            _ = try Thread(name: name) { [self] in serve() }
        } catch {
            let remaining = state.withLock { state in
                state.threadCount -= 1
                return state.threadCount
            }
            hasEnded.signal()
            // Else those there are will get to it.
            if remaining <= 0 { throw .noThread(error) }
        }
    }

    /// What each thread does.
    private func serve() {
        while let job = take() { job(nil) }
        state.withLock { $0.threadCount -= 1 }
        hasEnded.signal()
    }

    private func take() -> Job? {
        state.withLock { $0.idleCount += 1 }
        hasWork.wait()
        return state.withLock { state in
            state.idleCount -= 1
            return state.jobs.isEmpty ? nil : state.jobs.removeFirst()
        }
    }

    /// Refuses what waits and what is added from now on, and lets the threads end.
    func stop() {
        let (refused, threadCount) = state.withLock { state in
            if state.isStopped { return ([Job](), 0) }
            state.isStopped = true
            let jobs = state.jobs
            state.jobs = []
            return (jobs, state.threadCount)
        }
        for job in refused { job(.stopped) }
        // Each permit without a job ends one thread.
        hasWork.signal(threadCount)
    }

    /// Waits until every thread has ended.
    func join() {
        while state.withLock({ $0.threadCount > 0 }) { hasEnded.wait() }
    }
}
