// ChildOutput: the reading end of one of a child's output streams. One read per turn, into the
// loop's scratch memory; a child that floods its pipe gets its share of the turn and no more.

internal import Bytes
internal import Glibc

/// One output stream of a child.
///
/// Loop-confined.
final class ChildOutput {
    /// What the last reads at exit take at most: the largest pipe an unprivileged process can make
    /// (/proc/sys/fs/pipe-max-size, 1 MiB), so everything the child itself had written is read.
    static let drainByteCount = 1 << 20

    private enum Reading {
        case bytes
        case wouldBlock
        case end
    }

    private unowned let child: Child
    private let stream: ChildStream
    private let isFramed: Bool
    private var framing: LineFraming
    private var descriptor: Descriptor?
    private let number: Int32
    private var watch: WatchToken?
    private var isPaused = false

    /// The owner's callbacks are on the stack with bytes of this stream.
    @exclusivity(unchecked) private(set) var isDelivering = false

    /// The stream has ended and its descriptor is closed.
    @exclusivity(unchecked) private(set) var isEnded = false

    /// Takes over the reading end of the pipe; `maxLength` is nil for a stream of plain bytes.
    init(_ child: Child, _ stream: ChildStream, _ end: consuming Descriptor, maxLength: Int?) {
        self.child = child
        self.stream = stream
        number = end.number
        descriptor = consume end
        isFramed = maxLength != nil
        framing = LineFraming(maxLength: maxLength ?? 0)
    }

    /// Begins to read.
    ///
    /// - Throws: `SystemError` if the loop cannot watch the pipe.
    func start() throws(SystemError) {
        watch = try child.loop.watch(number, .read, child.name) { [self] ready in
            if ready.isDisjoint(with: .ended) {
                _ = readOnce()
            } else {
                // Nobody can write any more, and the loop tells this once: what is left is at most
                // what a pipe holds, and then comes its end.
                drain()
            }
            return .keep
        }
    }

    /// Stops reading; what was read already is still delivered.
    func pause() {
        isPaused = true
        // Not merely an empty interest: the loop would give up a silent pipe whose writer is gone.
        stopWatching()
    }

    /// Reads again after a pause.
    func resume() {
        guard isPaused else { return }
        isPaused = false
        guard !isEnded else { return }
        do throws(SystemError) {
            try start()
        } catch {
            // Not at once: this may be called by a callback that holds bytes of this stream.
            child.loop.addTimer(after: .zero, child.name) { [self] in end() }
        }
    }

    /// Reads until the pipe is empty, has ended, or the bound is reached.
    func drain() {
        var rest = Self.drainByteCount
        while !isEnded, rest > 0, readOnce() { rest -= Scratch.byteCount }
    }

    /// Delivers an unfinished line, closes the pipe and tells the child.
    func end() {
        guard !isEnded else { return }
        isEnded = true
        stopWatching()
        descriptor = nil
        if isFramed {
            isDelivering = true
            framing.finish(child.registry.pool) { deliver($0) }
            isDelivering = false
        }
        do { try child.events.onEnd(stream) } catch {
            _ = child.loop.noteFailure(error, child.name)
        }
        child.streamEnded()
    }

    private func stopWatching() {
        if let watch { child.loop.unwatch(watch) }
        watch = nil
    }

    /// Reads once; returns whether bytes came.
    private func readOnce() -> Bool {
        guard !isEnded, !isDelivering else { return false }
        // The owner may let the child go in a callback, and the child this object.
        let child = child
        var result = Reading.wouldBlock
        child.registry.scratch.withMemory { memory in
            var count = read(number, memory.baseAddress, memory.count)
            // Not to be mistaken for an empty pipe: the last read at its end is not repeated.
            while count < 0, errno == EINTR {
                count = read(number, memory.baseAddress, memory.count)
            }
            if count > 0 {
                result = .bytes
                let chunk = UnsafeRawBufferPointer(rebasing: memory[..<count])
                if !hand(chunk) { result = .end }
            } else if count == 0 || errno != EAGAIN {
                result = .end
            }
        }
        // The callbacks may have ended the child's life meanwhile.
        if result == .end { end() }
        child.deliveryEnded()
        return result == .bytes
    }

    /// Hands bytes to the owner; returns false if the stream shall be read no more.
    private func hand(_ chunk: UnsafeRawBufferPointer) -> Bool {
        isDelivering = true
        defer { isDelivering = false }
        guard isFramed else {
            do {
                try child.events.onBytes(stream, chunk)
            } catch {
                if isDropped(error) { child.events.onBytes = { _, _ in } }
            }
            return true
        }
        return framing.feed(chunk, child.registry.pool) { deliver($0) }
    }

    @inline(__always)
    private func deliver(_ found: LineFraming.Found) -> Bool {
        switch found {
        case .line(let bytes):
            do {
                try child.events.onLine(stream, bytes)
            } catch {
                if isDropped(error) { child.events.onLine = { _, _ in } }
            }
        case .partial(let bytes):
            deliverPartial(bytes)
        case .overlong(let bytes):
            return deliverOverlong(bytes)
        case .skipped(let bytes, let isLast):
            deliverSkipped(bytes, isLast)
        }
        return true
    }

    private func deliverSkipped(_ bytes: UnsafeRawBufferPointer, _ isLast: Bool) {
        do {
            try child.events.onSkipped?(stream, bytes, isLast)
        } catch {
            if isDropped(error) { child.events.onSkipped = nil }
        }
    }

    private func deliverPartial(_ bytes: UnsafeRawBufferPointer) {
        guard let onPartialLine = child.events.onPartialLine else {
            _ = deliver(.line(bytes))
            return
        }
        do {
            try onPartialLine(stream, bytes)
        } catch {
            if isDropped(error) { child.events.onPartialLine = { _, _ in } }
        }
    }

    private func deliverOverlong(_ bytes: UnsafeRawBufferPointer) -> Bool {
        do {
            guard try child.events.onOverlong(stream, bytes) == .fail else { return true }
        } catch {
            if isDropped(error) { child.events.onOverlong = { _, _ in .skip } }
            return true
        }
        child.terminate()
        return false
    }

    /// Whether a closure of the owner that threw is called no more.
    private func isDropped(_ error: any Error) -> Bool {
        child.loop.noteFailure(error, child.name) == .stop
    }
}
