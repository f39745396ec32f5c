// LoopValues: values that come into being on a loop, for a task that takes them one by one. Between
// the two lies a bounded buffer with a lock.
//
//     callback on the loop → push → buffer → next → task
//     registration ←── removed ←── the sequence is let go, or its task cancelled

/// What happens to a value for which the buffer has no room.
public enum BufferOverflow: Sendable {
    /// The oldest value in the buffer makes room.
    case dropOldest
    /// The new value is dropped.
    case dropNewest
}

/// Values that come into being on a loop.
///
/// Any thread; for one task to iterate. Values that come while it is busy wait in a buffer of a
/// stated size. When the task is cancelled, or the sequence and its iterators are let go, read or
/// unread, what feeds them is removed from the loop. It ends with what feeds it, and with the loop,
/// after what is in the buffer.
public struct LoopValues<Element: Sendable>: AsyncSequence, Sendable {
    fileprivate let anchor: StreamAnchor<Element>

    /// Number of values that were dropped for want of room.
    public var droppedCount: Int { anchor.stream.droppedCount }

    /// Takes values from the buffer; several iterators share it.
    public func makeAsyncIterator() -> Iterator { Iterator(anchor: anchor) }

    /// Takes values from the buffer.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let anchor: StreamAnchor<Element>

        /// Waits for the next value; nil when there will be no more, or the task was cancelled.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(Never) -> Element? {
            let anchor = anchor
            return await withTaskCancellationHandler {
                await withCheckedContinuation { anchor.stream.next($0) }
            } onCancel: {
                anchor.stream.finish(keepingValues: false)
                anchor.release()
            }
        }
    }
}

/// The end of a sequence's life: the removal of what feeds it.
///
/// Any thread.
private final class StreamAnchor<Element: Sendable>: Sendable {
    let stream: LoopStream<Element>
    let handle: LoopHandle
    let name: CallbackName

    init(_ stream: LoopStream<Element>, _ handle: LoopHandle, _ name: CallbackName) {
        self.stream = stream
        self.handle = handle
        self.name = name
    }

    deinit { release() }

    /// Removes what feeds the stream from the loop; a second call does nothing.
    func release() {
        let number = stream.number
        handle.perform(name) { loop in loop.local(StreamTable.self).remove(number) }
    }
}

/// The buffer between a loop and a task.
///
/// Any thread.
final class LoopStream<Element: Sendable>: Sendable {
    private struct State {
        // Taken from the front; `first` says where that is, and the array is cut now and then.
        var values: ContiguousArray<Element> = []
        var first = 0
        var waiting: ContiguousArray<CheckedContinuation<Element?, Never>> = []
        var droppedCount = 0
        var isFinished = false
        var wasFull = false

        var count: Int { values.count - first }

        mutating func takeFirst() -> Element? {
            guard first < values.count else { return nil }
            let value = values[first]
            first += 1
            if first == values.count || (first >= 64 && first * 2 >= values.count) {
                values.removeFirst(first)
                first = 0
            }
            return value
        }
    }

    /// What became of a value.
    enum Push {
        case taken
        /// Taken, or dropped by the policy; the buffer is full.
        case full
        /// Nobody listens any more.
        case finished
    }

    /// Names the stream within its loop.
    let number: UInt64
    private let limit: Int
    private let overflow: BufferOverflow?
    private let onRoom: @Sendable () -> Void
    private let state = Guarded(State())

    /// - Parameters:
    ///   - limit: how many values wait at most.
    ///   - overflow: nil if whoever pushes heeds `full`, and is told by `onRoom` when to go on.
    init(
        number: UInt64, limit: Int, overflow: BufferOverflow?,
        onRoom: @escaping @Sendable () -> Void = {}
    ) {
        self.number = number
        self.limit = max(limit, 1)
        self.overflow = overflow
        self.onRoom = onRoom
    }

    var droppedCount: Int { state.withLock { $0.droppedCount } }

    /// Counts a value that was not even pushed.
    func noteDropped() { state.withLock { $0.droppedCount += 1 } }

    /// Whether a value would find the buffer full.
    var isFull: Bool { state.withLock { $0.count >= limit } }

    /// Hands a value to the task that waits, or keeps it.
    func push(_ value: Element) -> Push {
        let (task, result) = state.withLock {
            state -> (CheckedContinuation<Element?, Never>?, Push) in
            if state.isFinished { return (nil, .finished) }
            if !state.waiting.isEmpty { return (state.waiting.removeFirst(), .taken) }
            if state.count >= limit, let overflow {
                state.droppedCount += 1
                if overflow == .dropNewest { return (nil, .full) }
                _ = state.takeFirst()
            }
            state.values.append(value)
            state.wasFull = state.count >= limit
            return (nil, state.wasFull ? .full : .taken)
        }
        task?.resume(returning: value)
        return result
    }

    /// Gives the next value to `task`, now or when there is one.
    func next(_ task: CheckedContinuation<Element?, Never>) {
        let (value, isAnswer, hasRoom) = state.withLock { state -> (Element?, Bool, Bool) in
            if let value = state.takeFirst() {
                let hasRoom = state.wasFull && state.count <= limit / 2
                if hasRoom { state.wasFull = false }
                return (value, true, hasRoom)
            }
            if state.isFinished { return (nil, true, false) }
            state.waiting.append(task)
            return (nil, false, false)
        }
        if isAnswer { task.resume(returning: value) }
        if hasRoom { onRoom() }
    }

    /// Ends the stream after what is in the buffer, or at once.
    func finish(keepingValues: Bool) {
        let tasks = state.withLock { state in
            state.isFinished = true
            if !keepingValues {
                state.values = []
                state.first = 0
            }
            let tasks = state.waiting
            state.waiting = []
            return tasks
        }
        for task in tasks { task.resume(returning: nil) }
    }
}

/// What the callback that feeds a stream holds: when that is let go, for whatever reason, the stream
/// ends.
///
/// Loop-confined.
final class StreamSource<Element: Sendable> {
    let stream: LoopStream<Element>

    init(_ stream: LoopStream<Element>) { self.stream = stream }

    deinit { stream.finish(keepingValues: true) }

    /// Pushes a value.
    func push(_ value: Element) -> LoopStream<Element>.Push { stream.push(value) }
}

/// How the streams of one loop are cut off from what feeds them.
///
/// Loop-confined.
final class StreamTable: LoopLocal {
    private struct Entry {
        let remove: () -> Void
        let makeRoom: () -> Void
    }

    private var entries: [UInt64: Entry] = [:]
    private var lastNumber: UInt64 = 0

    init(loop: EventLoop) {}

    /// Number of streams that are fed.
    var count: Int { entries.count }

    /// A number for a new stream.
    func makeNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    /// Keeps the ways to act on what feeds stream `number`.
    func add(
        _ number: UInt64, makeRoom: @escaping () -> Void = {}, remove: @escaping () -> Void
    ) {
        entries[number] = Entry(remove: remove, makeRoom: makeRoom)
    }

    /// Removes what feeds stream `number`.
    func remove(_ number: UInt64) {
        entries.removeValue(forKey: number)?.remove()
    }

    /// Tells what feeds stream `number` that its buffer has room again.
    func makeRoom(_ number: UInt64) { entries[number]?.makeRoom() }
}

extension LoopValues {
    /// Makes a sequence on `loop`, and the source that `feed` hands to a callback; `feed` returns
    /// what removes that callback.
    init<Failure: Error>(
        on loop: EventLoop, _ name: CallbackName, buffer: Int, _ overflow: BufferOverflow?,
        makeRoom: @escaping () -> Void = {},
        _ feed: (StreamSource<Element>) throws(Failure) -> () -> Void
    ) throws(Failure) {
        let table = loop.local(StreamTable.self)
        let (number, handle) = (table.makeNumber(), loop.handle)
        let stream = LoopStream<Element>(number: number, limit: buffer, overflow: overflow) {
            handle.perform(name) { loop in loop.local(StreamTable.self).makeRoom(number) }
        }
        let remove = try feed(StreamSource(stream))
        table.add(number, makeRoom: makeRoom, remove: remove)
        anchor = StreamAnchor(stream, handle, name)
    }
}
