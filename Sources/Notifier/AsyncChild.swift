// AsyncChild: a child process for tasks: its lines as a sequence, its end as something to wait for.

/// A line of a child's output.
public struct ChildLine: Equatable, Sendable {
    /// Which of its streams.
    public let stream: ChildStream

    /// The line without its end.
    public let bytes: [UInt8]

    /// The line as text; bytes that are not UTF-8 are replaced.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// The end of a child, to be waited for.
///
/// Any thread.
public final class ChildEnding: Sendable {
    private struct State {
        var exit: ChildExit?
        var isAbandoned = false
        var waiting: [UInt64: Awakening<ChildExit>] = [:]
        /// Waits that were cancelled before they began.
        var cancelled: Set<UInt64> = []
        var lastNumber: UInt64 = 0
    }

    private let state = Guarded(State())

    init() {}

    /// How the child ended; nil until it has.
    public var exit: ChildExit? { state.withLock { $0.exit } }

    /// Suspends the calling task until the child has ended and its output was delivered.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled, which leaves the child alone,
    ///   or if the loop was let go before the child had ended.
    public func wait() async throws(CancellationError) -> ChildExit {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        let exit: ChildExit? = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                add(number, Awakening(continuation))
            }
        } onCancel: {
            cancel(number)
        }
        guard let exit else { throw CancellationError() }
        return exit
    }

    private func cancel(_ number: UInt64) {
        let awakening = state.withLock { state in
            let awakening = state.waiting.removeValue(forKey: number)
            if awakening == nil, state.exit == nil { state.cancelled.insert(number) }
            return awakening
        }
        awakening?.wake(nil)
    }

    private func add(_ number: UInt64, _ awakening: Awakening<ChildExit>) {
        let (isAnswer, exit) = state.withLock { state -> (Bool, ChildExit?) in
            let isCancelled = state.cancelled.remove(number) != nil
            if state.exit != nil || state.isAbandoned || isCancelled { return (true, state.exit) }
            state.waiting[number] = awakening
            return (false, nil)
        }
        if isAnswer { awakening.wake(exit) }
    }

    /// Wakes those who wait; nil if nobody will learn any more how the child ended.
    func settle(_ exit: ChildExit?) {
        let waiting = state.withLock { state in
            if state.exit == nil { state.exit = exit }
            state.isAbandoned = true
            let waiting = state.waiting
            state.waiting = [:]
            return waiting
        }
        for awakening in waiting.values { awakening.wake(exit) }
    }
}

extension Child {
    /// Suspends the calling task until the child has ended and its output was delivered.
    ///
    /// A task that is not on the child's loop waits for `ending`.
    ///
    /// - Throws: as `ChildEnding.wait`.
    public func waitForExit() async throws(CancellationError) -> ChildExit {
        try await ending.wait()
    }

    /// The lines of the child's outputs, in place of `events.onLine`; a tail without a line end is
    /// a line too.
    ///
    /// Nothing is dropped: while `buffer` lines wait the outputs are not read, so that the child has
    /// to wait, at the price of at most 128 KiB more of lines. The sequence ends when the child has.
    /// When it is let go, or its task cancelled, the outputs are read and forgotten. During a
    /// termination nobody waits for the reader: what exceeds the buffer is dropped and counted.
    ///
    /// - Parameters:
    ///   - buffer: how many lines wait for the task before the child is made to.
    ///   - name: of the callback in reports; by default where the sequence was made.
    ///   - line: goes with the default of `name`.
    public func lines(
        buffer: Int = 256, name: StaticString = #fileID, line: UInt32 = #line
    ) -> LoopValues<ChildLine> {
        LoopValues(
            on: loop, CallbackName(.child, name, line: line), buffer: buffer, nil,
            makeRoom: { [weak self] in self?.resumeOutput() }
        ) { source in
            events.onPartialLine = nil
            events.onLine = { [unowned self] stream, bytes in
                if isTerminating, source.stream.isFull {
                    source.stream.noteDropped()
                    return
                }
                let line = ChildLine(stream: stream, bytes: [UInt8](bytes))
                if source.push(line) == .full, !isTerminating { pauseOutput() }
            }
            return { [weak self] in
                self?.events.onLine = { _, _ in }
                self?.resumeOutput()
            }
        }
    }
}
