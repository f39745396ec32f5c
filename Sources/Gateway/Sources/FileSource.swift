// FileSource: the tail of a file: each line that is added is one signal.
//
// A regular file is always "ready", and reading it may wait for the disk: it is looked at and read
// by a worker, every quarter of a second. That also works on file systems that tell nobody of
// changes (NFS), which inotify does not.
//
//     same file, longer   → what was added
//     same file, shorter  → it was cut: from its beginning
//     another file        → it was rotated: the rest of the old one, then the new one from its start

internal import Bytes
internal import Glibc
internal import Notifier

/// A file whose new lines become signals.
///
/// Loop-confined, on the control loop.
final class FileSource {
    /// Time between two looks.
    static let interval = Duration.milliseconds(250)

    private let intake: SourceIntake
    private let loop: EventLoop
    private let path: String
    private let pool: WorkerPool
    private let buffers = BufferPool()
    private var framing: LineFraming
    private var tail = FileTail()
    private var isReading = false
    private var isClosed = false
    private var token: TimerToken?

    /// Reads what is added to the file at `path` from now on, on a thread of `pool`.
    init(_ intake: SourceIntake, path: String, loop: EventLoop, pool: WorkerPool) {
        self.intake = intake
        self.loop = loop
        self.path = path
        self.pool = pool
        framing = LineFraming(maxLength: intake.settings.lineSize)
        look()
        token = loop.addTimer(every: Self.interval) { [unowned self] in
            look()
            return .keep
        }
    }

    /// Whether the file is open.
    var state: SourceState {
        if isClosed { return .closed }
        return tail.isOpen ? .reading : .waiting
    }

    /// Reads no more.
    func close() {
        if let token { loop.removeTimer(token) }
        token = nil
        isClosed = true
        if !isReading { tail.close() }
    }

    private func look() {
        guard !isReading, !isClosed else { return }
        isReading = true
        let tail = tail
        let path = path
        do throws(WorkerError) {
            try pool.run(on: loop) { _ in
                tail.read(path)
            } then: { [weak self] result in
                self?.take(result)
            }
        } catch {
            isReading = false
        }
    }

    private func take(_ result: Result<FileTail.Reading, any Error>) {
        isReading = false
        guard case .success(let reading) = result else { return }
        tail = reading.tail
        guard !isClosed else {
            tail.close()
            return
        }
        reading.bytes.withUnsafeBytes { bytes in
            _ = framing.feed(bytes, buffers) { take($0) }
        }
        if reading.isBroken { framing.finish(buffers) { take($0) } }
        if reading.hasMore { loop.addTimer(after: .zero) { [weak self] in self?.look() } }
    }

    private func take(_ found: LineFraming.Found) -> Bool {
        switch found {
        case .line(let line), .partial(let line): intake.take(line, from: nil)
        case .overlong: intake.leaveOutOverlong()
        case .skipped: break
        }
        return true
    }
}

/// Where reading a file stands.
///
/// The descriptor belongs to whoever has the newest value.
///
/// Any thread.
struct FileTail: Sendable {
    /// Bytes read at once.
    static let readSize = 64 << 10

    /// What one look has found.
    struct Reading: Sendable {
        /// Where reading stands now.
        var tail: FileTail
        /// What was added.
        var bytes: [UInt8] = []
        /// The last line will not be finished: the file was cut or replaced.
        var isBroken = false
        /// There is more to read at once.
        var hasMore = false
    }

    private var descriptor: Int32 = -1
    private var device: UInt64 = 0
    private var inode: UInt64 = 0
    private var offset: Int64 = 0
    private var hasLooked = false

    /// Nothing read yet.
    init() {}

    /// Whether there is a file to read.
    var isOpen: Bool { descriptor >= 0 }

    /// Looks at the file at `path` and reads what was added; blocks.
    func read(_ path: String) -> Reading {
        var next = self
        next.hasLooked = true
        if descriptor < 0 {
            next.open(path, atEnd: !hasLooked)
            guard next.descriptor >= 0 else { return Reading(tail: next) }
        }
        var facts = stat()
        guard fstat(next.descriptor, &facts) == 0 else { return next.lost() }
        if facts.st_size < next.offset {
            next.offset = 0
            return Reading(tail: next, isBroken: true, hasMore: facts.st_size > 0)
        }
        let bytes = next.readOn()
        if !bytes.isEmpty {
            return Reading(tail: next, bytes: bytes, hasMore: bytes.count == Self.readSize)
        }
        guard next.isReplaced(path) else { return Reading(tail: next) }
        // Whoever wrote it may have done so once more before it was replaced.
        let last = next.readOn()
        return last.isEmpty ? next.lost() : Reading(tail: next, bytes: last, hasMore: true)
    }

    /// Closes the file.
    func close() {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    private mutating func open(_ path: String, atEnd: Bool) {
        let number = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { return }
        var facts = stat()
        guard fstat(number, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            _ = Glibc.close(number)
            return
        }
        descriptor = number
        device = UInt64(facts.st_dev)
        inode = UInt64(facts.st_ino)
        offset = atEnd ? Int64(facts.st_size) : 0
    }

    private mutating func readOn() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: Self.readSize)
        let count = buffer.withUnsafeMutableBytes {
            pread(descriptor, $0.baseAddress, $0.count, Int(offset))
        }
        guard count > 0 else { return [] }
        offset += Int64(count)
        buffer.removeLast(buffer.count - count)
        return buffer
    }

    private func isReplaced(_ path: String) -> Bool {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return false }  // moved away; the new one will come
        return UInt64(facts.st_dev) != device || UInt64(facts.st_ino) != inode
    }

    /// Lets go of the file; the next look opens the new one from its beginning.
    private func lost() -> Reading {
        close()
        var next = FileTail()
        next.hasLooked = true
        return Reading(tail: next, isBroken: true, hasMore: true)
    }
}
