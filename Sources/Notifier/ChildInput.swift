// ChildInput: the writing end of a child's standard input. Bytes are queued and leave with one
// write at the end of the turn; the loop watches the pipe only while a write came up short.
//
//     append → touched list → flusher: write ─ all taken → nothing to do
//                                            └ short     → watch → writable: write → drained
//
// A pipe whose reader is gone raises SIGPIPE, for which there is no flag to suppress it as sockets
// have: the process ignores that signal (see ChildRegistry).

public import Bytes
internal import Glibc

/// The standard input of a child.
///
/// Loop-confined.
public final class ChildInput {
    /// Called when bytes that the child had not taken in time have all been written.
    public var onDrained: () throws -> Void = {}

    /// Called once if the child closed its input while there was something to write.
    public var onBroken: (SystemError) throws -> Void = { _ in }

    private unowned let registry: ChildRegistry
    private let name: CallbackName
    private var descriptor: Descriptor?
    @exclusivity(unchecked) private var queue = SendQueue()
    @exclusivity(unchecked) private var watch: WatchToken?
    @exclusivity(unchecked) private var isTouched = false
    @exclusivity(unchecked) private var closesWhenDrained = false

    /// Whether bytes can still be written.
    @exclusivity(unchecked) public private(set) var isOpen: Bool

    init(_ registry: ChildRegistry, _ name: CallbackName, _ end: consuming Descriptor?) {
        self.registry = registry
        self.name = name
        isOpen = end != nil
        descriptor = end
    }

    /// Number of bytes queued and not yet taken by the pipe.
    public var pendingByteCount: Int { queue.byteCount }

    /// Queues a copy of `bytes`.
    ///
    /// - Returns: false if the input is closed; the bytes are dropped then.
    @discardableResult
    public func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard isOpen, !closesWhenDrained else { return false }
        queue.append(bytes, registry.pool)
        touch()
        return true
    }

    /// Queues the UTF-8 bytes of `text`.
    ///
    /// - Returns: false if the input is closed; the text is dropped then.
    @discardableResult
    public func append(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Queues what `write` composes at the end of the queue.
    ///
    /// - Returns: false if the input is closed; `write` is not called then.
    @discardableResult
    public func compose(_ write: (inout ByteBuffer) -> Void) -> Bool {
        guard isOpen, !closesWhenDrained else { return false }
        queue.compose(registry.pool, write)
        touch()
        return true
    }

    /// Closes the input after what is queued; the child then reads the end of its input.
    public func close() {
        closesWhenDrained = true
        if queue.isEmpty { closeNow() }
    }

    // MARK: For the registry and the child

    /// Writes what is queued, once.
    ///
    /// Calls no callback: it runs among the loop's flushers.
    func flush() {
        isTouched = false
        guard isOpen, watch == nil, !queue.isEmpty else { return }
        do throws(SystemError) {
            try writeOnce()
            if !queue.isEmpty { try startWatching() }
        } catch {
            closeNow()
            registry.loop.addTimer(after: .zero, name) { [self] in try onBroken(error) }
        }
        if queue.isEmpty, closesWhenDrained { closeNow() }
    }

    /// Writes once more and closes the pipe; what it did not take is dropped.
    func flushAndClose() {
        flush()
        closeNow()
    }

    /// Closes the pipe and drops what is queued.
    func closeNow() {
        guard isOpen else { return }
        isOpen = false
        if let watch { registry.loop.unwatch(watch) }
        watch = nil
        descriptor = nil
        queue.removeAll(registry.pool)
    }

    // MARK: Writing

    private func touch() {
        guard !isTouched, watch == nil else { return }
        isTouched = true
        registry.touch(self)
    }

    private func startWatching() throws(SystemError) {
        guard let number = descriptor?.number else { return }
        watch = try registry.loop.watch(number, .write, name) { [unowned self] _ in
            becameWritable()
            return .keep
        }
    }

    private func becameWritable() {
        do throws(SystemError) {
            try writeOnce()
        } catch {
            closeNow()
            hear { try onBroken(error) }
            return
        }
        guard queue.isEmpty else { return }
        if let watch { registry.loop.unwatch(watch) }
        watch = nil
        if closesWhenDrained { closeNow() }
        hear(onDrained)
    }

    /// Calls a closure of the owner; the watch that leads here must not be dropped for its failure.
    private func hear(_ action: () throws -> Void) {
        do {
            try action()
        } catch {
            if registry.loop.noteFailure(error, name) == .stop { onDrained = {} }
        }
    }

    private func writeOnce() throws(SystemError) {
        guard let number = descriptor?.number else { return }
        let count: Int
        if queue.isContiguous {
            let bytes = queue.next
            count = write(number, bytes.baseAddress, bytes.count)
        } else {
            count = withUnsafeTemporaryAllocation(of: iovec.self, capacity: 64) { vectors in
                writev(number, vectors.baseAddress, Int32(queue.gather(into: vectors)))
            }
        }
        if count >= 0 {
            queue.advance(count, registry.pool)
        } else if errno != EAGAIN, errno != EINTR {
            throw SystemError("write", subject: "standard input of a child")
        }
    }
}
