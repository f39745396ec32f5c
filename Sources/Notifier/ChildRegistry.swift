// ChildRegistry: the children of one loop, the memory they share, and the flusher that writes to
// those with something queued.

internal import Bytes

/// The children of one loop.
///
/// Loop-confined.
public final class ChildRegistry: LoopLocal {
    unowned let loop: EventLoop
    let scratch: Scratch
    let pool = BufferPool()

    private var flusher: Flusher?
    private var children: [Int32: Child] = [:]
    private var waiting: [() throws -> Void] = []
    @exclusivity(unchecked) private var touched: ContiguousArray<ChildInput> = []
    @exclusivity(unchecked) private var flushing: ContiguousArray<ChildInput> = []

    /// Makes the registry of `loop`, which is `EventLoop.children`; from then on the process ignores
    /// SIGPIPE, unless it has arranged something for it itself, and does not ignore SIGCHLD.
    public init(loop: EventLoop) {
        self.loop = loop
        scratch = loop.local(Scratch.self)
        ProcessSignals.ignoreBrokenPipes()
        ProcessSignals.keepChildExits()
        flusher = loop.addFlusher(onDemand: true) { [unowned self] in flush() }
    }

    /// Number of children that have not ended.
    public var count: Int { children.count }

    /// The children that have not ended, in no particular order.
    public var all: [Child] { Array(children.values) }

    /// The child with process id `pid`, unless it has ended.
    public subscript(pid: Int32) -> Child? { children[pid] }

    /// Terminates every child and calls `action` when the last has ended; at once if there is none.
    public func terminateAll(
        _ table: ChildTermination = .standard, then action: @escaping () throws -> Void = {}
    ) {
        if children.isEmpty {
            finish(action)
            return
        }
        waiting.append(action)
        for child in all { child.terminate(table) }
    }

    // MARK: For children

    func add(_ child: Child) {
        children[child.pid] = child
    }

    func remove(_ child: Child) {
        children[child.pid] = nil
    }

    /// Calls those who wait for the last child's end; after that child's own `onExit`.
    func noteExit() {
        guard children.isEmpty, !waiting.isEmpty else { return }
        let actions = waiting
        waiting = []
        for action in actions { finish(action) }
    }

    private func finish(_ action: () throws -> Void) {
        do { try action() } catch {
            _ = loop.noteFailure(error, CallbackName(.child, "terminateAll"))
        }
    }

    @inline(__always)
    func touch(_ input: ChildInput) {
        touched.append(input)
        if let flusher { loop.flushSoon(flusher) }
    }

    private func flush() {
        guard !touched.isEmpty else { return }
        swap(&touched, &flushing)
        for input in flushing { input.flush() }
        flushing.removeAll(keepingCapacity: true)
    }
}

extension EventLoop {
    /// The children of this loop.
    public var children: ChildRegistry { local(ChildRegistry.self) }
}
