// Worker: work that blocks, done by a bounded number of threads; its news arrive on the loop.
//
//     run ──→ WorkQueue ──→ thread: work ──→ LoopHandle.post ──→ progress…, then, on the loop
//
// Only Sendable values travel. The callbacks stay on their loop, in its WorkerDesk, so whatever
// they hold is let go there, never on a thread of the pool.

internal import Synchronization

/// Threads for work that blocks.
///
/// Any thread. Threads start when there is work for them and stay until `stop`; waiting costs no
/// wake-ups. A pool that is let go stops.
public final class WorkerPool: Sendable {
    private let queue: WorkQueue
    private let name: String

    /// Makes a pool.
    ///
    /// - Parameters:
    ///   - threads: how many may work at once, at least 1.
    ///   - queueLimit: how much work may wait for a thread, at least 1.
    ///   - name: of the threads.
    /// - Throws: `SystemError` if no descriptor is left.
    public init(
        threads: Int = 4, queueLimit: Int = 1024, name: String = "worker"
    ) throws(SystemError) {
        queue = try WorkQueue(threadLimit: max(threads, 1), limit: max(queueLimit, 1))
        self.name = name
    }

    deinit { queue.stop() }

    /// Calls `work` on a thread of the pool, and with what it returned or threw, `then` on `loop`.
    ///
    /// To be called on `loop`. `then` is called exactly once, unless the loop ends first. `name` is
    /// what the callbacks are called in reports; by default where the work was ordered.
    ///
    /// - Throws: `WorkerError`: `.overloaded`, `.stopped` or `.noThread`; neither is called then.
    @discardableResult
    public func run<Value: Sendable>(
        on loop: EventLoop, name: StaticString = #fileID, line: UInt32 = #line,
        _ work: @escaping @Sendable (WorkerContext<Never>) throws -> Value,
        then: @escaping (Result<Value, any Error>) throws -> Void
    ) throws(WorkerError) -> WorkerToken {
        try run(on: loop, name: name, line: line, work, progress: { _ in }, then: then)
    }

    /// As `run`, for work that reports progress; `progress` is called on `loop` with each message
    /// in the order of their reporting, and `then` after the last.
    ///
    /// - Throws: `WorkerError`: `.overloaded`, `.stopped` or `.noThread`; nothing is called then.
    @discardableResult
    public func run<Value: Sendable, Message: Sendable>(
        on loop: EventLoop, name: StaticString = #fileID, line: UInt32 = #line,
        _ work: @escaping @Sendable (WorkerContext<Message>) throws -> Value,
        progress: @escaping (Message) throws -> Void,
        then: @escaping (Result<Value, any Error>) throws -> Void
    ) throws(WorkerError) -> WorkerToken {
        let desk = loop.local(WorkerDesk.self)
        let number = desk.add(WorkerCallbacks(progress: progress, then: then))
        let token = WorkerToken()
        let home = loop.handle
        let callback = CallbackName(.worker, name, line: line)
        let context = WorkerContext<Message>(
            number: number, home: home, token: token, name: callback)
        do throws(WorkerError) {
            try queue.add(threadName: self.name) { refusal in
                let result: Result<Value, any Error>
                if let refusal = token.isCancelled ? .cancelled : refusal {
                    result = .failure(refusal)
                } else {
                    result = Result { try work(context) }
                }
                home.post(callback) { loop in
                    try loop.local(WorkerDesk.self)
                        .take(number, as: WorkerCallbacks<Value, Message>.self)?.then(result)
                }
            }
        } catch {
            desk.remove(number)
            throw error
        }
        return token
    }

    /// Queues a job that needs no loop.
    func submit(_ job: @escaping WorkQueue.Job) throws(WorkerError) {
        try queue.add(threadName: name, job)
    }

    /// Accepts no more work; what waits for a thread fails with `WorkerError.stopped`, what has
    /// begun goes on.
    public func stop() { queue.stop() }

    /// Waits until the work that had begun is done; to be called after `stop`.
    public func join() { queue.join() }
}

/// What work may use while it runs.
///
/// Any thread. `Message` is the type of its progress reports, `Never` if it makes none.
public struct WorkerContext<Message: Sendable>: Sendable {
    let number: UInt64
    let home: LoopHandle
    let token: WorkerToken
    let name: CallbackName

    /// Whether the owner is no longer interested; long work looks at it now and then.
    public var isCancelled: Bool { token.isCancelled }

    /// Sends `message` to the owner.
    public func report(_ message: Message) {
        let number = number
        home.post(name) { loop in
            loop.local(WorkerDesk.self)
                .find(number, as: (any WorkerListener<Message>).self)?.hear(message, on: loop)
        }
    }
}

/// Names one piece of work.
///
/// Any thread.
public final class WorkerToken: Sendable {
    private let flag = Atomic<Bool>(false)

    /// Whether `cancel` was called.
    public var isCancelled: Bool { flag.load(ordering: .relaxed) }

    /// Asks the work to end early.
    ///
    /// Work that has not begun fails with `WorkerError.cancelled`; work that has begun ends when it
    /// looks at its context.
    public func cancel() { flag.store(true, ordering: .relaxed) }
}
