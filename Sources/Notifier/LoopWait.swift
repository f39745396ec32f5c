// LoopWait: how a task waits for one thing that happens on a loop: registered there, settled there,
// removed there, whatever comes first: the event, the task's cancellation, or the end of the loop.

internal import Synchronization

/// One wait, known to the task and to the loop.
///
/// Any thread.
private final class LoopWait: Sendable {
    /// Set before the cancellation is posted, which may be before the wait is.
    let isCancelled = Atomic<Bool>(false)
}

/// Resumes a task once, at the latest when nobody can do so any more.
///
/// Any thread.
final class Awakening<Value: Sendable>: Sendable {
    private let continuation: CheckedContinuation<Value?, Never>
    private let spent = Atomic<Bool>(false)

    init(_ continuation: CheckedContinuation<Value?, Never>) {
        self.continuation = continuation
    }

    deinit { wake(nil) }

    /// Whether the task goes on already.
    var isSpent: Bool { spent.load(ordering: .relaxed) }

    /// Lets the task go on with `value`; nil if there is none to come.
    func wake(_ value: Value?) {
        if !spent.exchange(true, ordering: .relaxed) { continuation.resume(returning: value) }
    }
}

/// The waits of one loop.
///
/// Loop-confined.
private final class WaitTable: LoopLocal {
    private struct Entry {
        let wait: LoopWait
        let remove: () -> Void
        let wake: () -> Void
    }

    private var entries: [ObjectIdentifier: Entry] = [:]

    init(loop: EventLoop) {}

    /// Begins a wait, unless it was cancelled before it came here.
    func begin<Value: Sendable>(
        _ wait: LoopWait, _ awakening: Awakening<Value>, _ loop: EventLoop,
        _ register: LoopHandle.Register<Value>
    ) {
        if wait.isCancelled.load(ordering: .relaxed) {
            awakening.wake(nil)
            return
        }
        let key = ObjectIdentifier(wait)
        let remove = register(loop) { [weak self] value in
            self?.entries[key] = nil
            awakening.wake(value)
        }
        if awakening.isSpent { return }
        entries[key] = Entry(wait: wait, remove: remove, wake: { awakening.wake(nil) })
    }

    /// Ends a wait early, if it has not ended.
    func cancel(_ wait: LoopWait) {
        guard let entry = entries.removeValue(forKey: ObjectIdentifier(wait)) else { return }
        entry.remove()
        entry.wake()
    }
}

extension LoopHandle {
    /// Registers on the loop something that calls its second argument once, and returns what
    /// removes that again if it has not been called.
    typealias Register<Value> = @Sendable (EventLoop, @escaping (Value) -> Void) -> () -> Void

    /// Suspends the calling task until what `register` registers has happened.
    ///
    /// - Returns: nil if the task was cancelled, when nothing is registered any more, or if the loop
    ///   has ended.
    func wait<Value: Sendable>(
        _ name: CallbackName, _ register: @escaping Register<Value>
    ) async -> Value? {
        let wait = LoopWait()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let awakening = Awakening<Value>(continuation)
                // If the loop has ended, or ends before it reads this, the closure is let go, and
                // the awakening with it.
                perform(name) { loop in
                    loop.local(WaitTable.self).begin(wait, awakening, loop, register)
                }
            }
        } onCancel: {
            wait.isCancelled.store(true, ordering: .relaxed)
            perform(name) { loop in loop.local(WaitTable.self).cancel(wait) }
        }
    }

    /// Runs `body` on the loop and returns what it returns: how a task reaches what lives there.
    ///
    ///     let lines = try await handle.run { loop in
    ///         try Child.spawn(ChildCommand(["ls"]), on: loop).lines()
    ///     }
    ///
    /// - Throws: what `body` throws, or `CancellationError` if the loop has ended.
    public func run<Value: Sendable>(
        name: StaticString = #fileID, line: UInt32 = #line,
        _ body: @escaping @Sendable (EventLoop) throws -> Value
    ) async throws -> Value {
        let result: Result<Value, any Error>? = await withCheckedContinuation { continuation in
            let awakening = Awakening<Result<Value, any Error>>(continuation)
            post(CallbackName(.job, name, line: line)) { loop in
                awakening.wake(Result { try body(loop) })
            }
        }
        guard let result else { throw CancellationError() }
        return try result.get()
    }
}
