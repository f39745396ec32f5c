// FileSource: the tail of a file: each line that is added is one signal. What a look at the file finds
// is FileTail's.
//
// A regular file is always "ready", and reading it may wait for the disk: it is looked at and read
// by a worker, every quarter of a second. That also works on file systems that tell nobody of
// changes (NFS), which inotify does not.

internal import Bytes
internal import Logging
internal import Notifier

/// A file whose new lines become signals.
///
/// Loop-confined, on the control loop.
final class FileSource {
    /// Time between two looks.
    static let interval = Duration.milliseconds(250)

    /// Looks for which a trouble must last, or its absence, before the log hears of it: a second.
    static let patience = 4

    private let intake: SourceIntake
    private let loop: EventLoop
    private let path: String
    private let pool: WorkerPool
    private let buffers = BufferPool()
    private var framing: LineFraming
    private var tail: FileTail
    private var trouble: FileTrouble?
    /// Looks in a row that have found the same trouble, or none.
    private var sameLooks = 0
    private var toldTrouble: FileTrouble?
    private var cuts: PacedNotice?
    private var hasLooked = false
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
        tail = FileTail(lineSize: intake.settings.lineSize)
        cuts = PacedNotice(loop: loop) { [unowned self] count, isFirst in tellCuts(count, isFirst) }
        look()
        token = loop.addTimer(every: Self.interval) { [unowned self] in
            look()
            return .keep
        }
    }

    /// Whether the file can be read.
    var state: SourceState {
        if isClosed { return .closed }
        return trouble == nil && hasLooked ? .reading : .waiting
    }

    /// Why it cannot, and what ends that.
    var reason: String? { isClosed ? nil : trouble?.sentence(path) }

    /// Reads no more.
    func close() {
        if let token { loop.removeTimer(token) }
        token = nil
        isClosed = true
        cuts?.finish()
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
        switch reading.change {
        case .none: break
        case .ended: framing.finish(buffers) { take($0) }
        case .cut:
            // Nobody will ever read the rest of the line that has begun.
            framing.finish(buffers) { _ in true }
            cuts?.note()
        }
        note(reading.trouble)
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

    // MARK: The log

    private func note(_ found: FileTrouble?) {
        let isFirst = !hasLooked
        hasLooked = true
        sameLooks = found == trouble ? min(sameLooks + 1, Self.patience) : 0
        trouble = found
        // While a file is rotated it may be away for a moment.
        guard found != toldTrouble, isFirst || sameLooks >= Self.patience else { return }
        toldTrouble = found
        let name = intake.settings.name
        if let found {
            intake.log(
                found.isGrave ? .warning : .notice,
                "source \(name) waits: \(found.sentence(path)) (sources.\(name).file)")
        } else {
            intake.log(.notice, "source \(name) reads \(path) now")
        }
    }

    private func tellCuts(_ count: Int, _ isFirst: Bool) {
        let times = isFirst ? "" : count == 1 ? " once more" : " \(count) more times"
        intake.log(
            .notice,
            "source \(intake.settings.name): \(path) was cut\(times) and is read from its beginning; "
                + "a line that had only begun is left out")
    }
}
