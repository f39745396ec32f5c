// AsyncWorker: work that blocks, awaited by a task. No loop is involved but the one the task runs
// on, if it runs on one.

/// One call of a worker pool, known to the task and to the thread that serves it.
///
/// Any thread.
private final class WorkerCall<Value: Sendable>: Sendable {
    private enum State {
        case new
        case waiting(Awakening<Result<Value, any Error>>)
        case begun(Awakening<Result<Value, any Error>>)
        case over
    }

    private let state = Guarded(State.new)
    let token = WorkerToken()

    /// Keeps the task to wake; returns false if the call was cancelled before.
    func wait(_ awakening: Awakening<Result<Value, any Error>>) -> Bool {
        state.withLock { state in
            guard case .new = state else { return false }
            state = .waiting(awakening)
            return true
        }
    }

    /// Whether the work shall be done.
    func begin() -> Bool {
        state.withLock { state in
            guard case .waiting(let awakening) = state else { return false }
            state = .begun(awakening)
            return true
        }
    }

    /// Wakes the task, if it was not.
    func settle(_ result: Result<Value, any Error>) {
        let awakening = state.withLock { state in
            defer { state = .over }
            switch state {
            case .waiting(let awakening), .begun(let awakening):
                return Optional(awakening)
            case .new, .over: return nil
            }
        }
        awakening?.wake(result)
    }

    /// Wakes the task at once if the work has not begun; else it is asked to end early.
    func cancel() {
        token.cancel()
        let hasBegun = state.withLock { state in
            if case .begun = state { true } else { false }
        }
        if !hasBegun { settle(.failure(WorkerError.cancelled)) }
    }
}

extension WorkerPool {
    /// Calls `work` on a thread of the pool while the calling task is suspended, and returns what it
    /// returned.
    ///
    /// When the task is cancelled, work that has not begun fails at once with
    /// `WorkerError.cancelled`; work that has begun is asked to end through its token, and awaited.
    ///
    /// - Throws: what `work` threw, or a `WorkerError`.
    public func run<Value: Sendable>(
        _ work: @escaping @Sendable (WorkerToken) throws -> Value
    ) async throws -> Value {
        let call = WorkerCall<Value>()
        let result: Result<Value, any Error>? = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let awakening = Awakening<Result<Value, any Error>>(continuation)
                guard call.wait(awakening) else {
                    awakening.wake(.failure(WorkerError.cancelled))
                    return
                }
                submit(call, work)
            }
        } onCancel: {
            call.cancel()
        }
        guard let result else { throw WorkerError.stopped }
        return try result.get()
    }

    private func submit<Value>(
        _ call: WorkerCall<Value>, _ work: @escaping @Sendable (WorkerToken) throws -> Value
    ) {
        do throws(WorkerError) {
            try submit { refusal in
                if let refusal {
                    call.settle(.failure(refusal))
                } else if call.begin() {
                    call.settle(Result { try work(call.token) })
                }
            }
        } catch {
            call.settle(.failure(error))
        }
    }
}
