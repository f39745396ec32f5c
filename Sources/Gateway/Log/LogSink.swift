// LogSink: gathers the log lines of one loop and writes them together at the end of its turn. Behind
// it is LogTarget, in front of it swift-log (LogSinkHandler). How lines look is in LogRecord and
// AccessLog.

import Bytes
package import Logging
import Synchronization

/// Log lines of one loop.
///
/// Any thread. A sink belongs to a loop, which flushes it; but swift-log's loggers are Sendable, and a module
/// may log from a worker thread or a task with the logger that its loop gave it. So the lines are
/// behind a lock. It is uncontended but for those strangers (20 ns), held for a copy of one line,
/// and never while foreign code runs: values are turned to text before it is taken.
package final class LogSink: Sendable {
    private struct State {
        var lines: [UInt8] = []
        var droppedLineCount = 0
        var reportedDropCount = 0
    }

    /// Bytes after which lines are written before the turn has ended.
    private static let flushThreshold = 32 << 10

    /// Bytes after which lines are dropped, because the reader does not keep up.
    static let byteLimit = 256 << 10

    private let target: LogTarget
    private let moment: @Sendable () -> LogMoment
    private let state = Mutex(State())
    /// Whether lines, or the news that some were dropped, may wait: most turns log nothing.
    private let isPending = Atomic<Bool>(false)
    private let levelIndex: Atomic<Int>
    private let writesJSON: Atomic<Bool>
    private let usesColours: Atomic<Bool>

    /// Makes a sink that writes to `target` as `settings` say; `environment` may forbid colours.
    package init(
        target: LogTarget, settings: Settings.Log, environment: [String: String],
        moment: @escaping @Sendable () -> LogMoment = LogMoment.now
    ) {
        self.target = target
        self.moment = moment
        levelIndex = Atomic(Self.index(of: settings.level))
        writesJSON = Atomic(settings.format == .json)
        usesColours = Atomic(target.takesColours(environment: environment))
    }

    deinit { flush() }

    /// Takes over level and format of new settings.
    ///
    /// The file is the target's.
    package func configure(_ settings: Settings.Log, environment: [String: String]) {
        levelIndex.store(Self.index(of: settings.level), ordering: .relaxed)
        writesJSON.store(settings.format == .json, ordering: .relaxed)
        usesColours.store(target.takesColours(environment: environment), ordering: .relaxed)
    }

    /// A logger whose lines come here.
    package func logger(label: String) -> Logger {
        Logger(label: label) { LogSinkHandler(label: $0, sink: self) }
    }

    /// Bytes that wait to be written.
    package var pendingByteCount: Int { state.withLock { $0.lines.count } }

    /// Number of lines dropped because the reader did not keep up, here and for all sinks of the
    /// target because nobody could take them.
    package var droppedLineCount: Int {
        state.withLock { $0.droppedLineCount } + target.droppedLineCount
    }

    /// Writes what was gathered, as far as the reader takes it.
    ///
    /// For the end of each turn.
    ///
    /// - Returns: whether nothing is left; what is left is for the next flush.
    @discardableResult
    package func flush() -> Bool {
        guard isPending.load(ordering: .relaxed) else { return true }
        let moment = moment
        return state.withLock { state in
            if state.lines.isEmpty, state.droppedLineCount == state.reportedDropCount {
                isPending.store(false, ordering: .relaxed)
                return true
            }
            guard target.write(&state.lines) == .done else { return false }
            report(&state, moment())
            return target.write(&state.lines) == .done
        }
    }

    /// Writes what was gathered and waits for the reader, `milliseconds` at most.
    ///
    /// For the end of the process.
    package func flush(waiting milliseconds: Int) {
        // Ten steps are fine enough for a wait that hardly ever happens.
        let step = Int32(clamping: max(milliseconds / 10, 1))
        for _ in 0..<10 {
            if flush() { return }
            target.waitUntilWritable(milliseconds: step)
        }
        flush()
    }

    /// The least grave level that is written.
    var level: Logger.Level {
        Logger.Level.allCases[levelIndex.load(ordering: .relaxed)]
    }

    private static func index(of level: Settings.Log.Level) -> Int {
        Logger.Level.allCases.firstIndex(of: Logger.Level(level)) ?? 0
    }

    private var format: Settings.Log.Format { writesJSON.load(ordering: .relaxed) ? .json : .text }
}

// MARK: - Appending

extension LogSink {
    /// Appends the line of one request.
    package func append(_ record: AccessRecord) {
        var line = ByteBuffer()
        AccessLog.append(record, at: moment(), format: format, to: &line)
        append(line)
    }

    /// Appends the line of one record, for `LogSinkHandler`.
    func append(
        level: Logger.Level, label: String, message: String, metadata: Logger.Metadata
    ) {
        let record = LogRecord(
            moment: moment(), level: level, label: label, message: message, metadata: metadata)
        var line = ByteBuffer()
        record.append(to: &line, format: format, colours: usesColours.load(ordering: .relaxed))
        append(line)
        // The process may not live to see the end of the turn.
        if level == .critical { flush() }
    }

    private func append(_ line: borrowing ByteBuffer) {
        let bytes = line.readable
        state.withLock { state in
            isPending.store(true, ordering: .relaxed)
            guard hasRoom(&state) else { return }
            state.lines.append(contentsOf: bytes)
        }
    }

    private func hasRoom(_ state: inout State) -> Bool {
        if state.lines.count >= Self.flushThreshold { _ = target.write(&state.lines) }
        if state.lines.count < Self.byteLimit { return true }
        state.droppedLineCount += 1
        return false
    }

    /// Appends a line that says how many are missing, once the reader takes lines again.
    private func report(_ state: inout State, _ now: LogMoment) {
        let count = state.droppedLineCount - state.reportedDropCount
        guard count > 0 else { return }
        state.reportedDropCount = state.droppedLineCount
        let record = LogRecord(
            moment: now, level: .warning, label: "signalbox",
            message: "log lines dropped: the reader was too slow",
            metadata: ["count": .stringConvertible(count)])
        var line = ByteBuffer()
        record.append(to: &line, format: format, colours: usesColours.load(ordering: .relaxed))
        state.lines.append(contentsOf: line.readable)
    }
}
