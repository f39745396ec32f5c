// The sink and what is behind it: files, pipes that nobody reads, sockets, and swift-log in front.

import Bytes
import Foundation
import Glibc
import Logging
import Testing

@testable import Gateway

/// Two ends of a pipe or of a socket pair; both are closed at the end.
private final class Ends {
    let reader: Int32
    let writer: Int32
    private var isReaderOpen = true

    init(socket: Bool = false) {
        var ends: [Int32] = [0, 0]
        if socket {
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        } else {
            pipe(&ends)
        }
        reader = ends[0]
        writer = ends[1]
    }

    deinit {
        closeReader()
        close(writer)
    }

    func closeReader() {
        if isReaderOpen { close(reader) }
        isReaderOpen = false
    }

    /// Everything that is there to read, without waiting.
    func read() -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            var item = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            guard poll(&item, 1, 0) > 0 else { break }
            let count = Glibc.read(reader, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

struct LogSinkTests {
    private func sink(
        _ target: LogTarget, level: Settings.Log.Level = .info,
        format: Settings.Log.Format = .text
    ) -> LogSink {
        var settings = Settings.Log()
        settings.level = level
        settings.format = format
        return LogSink(target: target, settings: settings, environment: [:]) {
            LogMoment(seconds: 0, nanoseconds: 0)
        }
    }

    private func lines(_ text: String) -> [Substring] { text.split(separator: "\n") }

    @Test func `lines wait for the end of the turn`() {
        let ends = Ends()
        let sink = sink(LogTarget(descriptor: ends.writer))
        let logger = sink.logger(label: "test")
        logger.info("one", metadata: ["a": "b"])
        logger.debug("hidden")
        logger.warning("two")
        #expect(ends.read() == "")
        #expect(sink.pendingByteCount > 0)
        #expect(sink.flush())
        #expect(
            ends.read()
                == "1970-01-01T00:00:00.000Z info  one a=b\n1970-01-01T00:00:00.000Z warn  two\n")
        #expect(sink.flush() && ends.read() == "")
    }

    @Test func `critical lines do not wait`() {
        let ends = Ends()
        let sink = sink(LogTarget(descriptor: ends.writer))
        sink.logger(label: "test").critical("help")
        #expect(ends.read() == "1970-01-01T00:00:00.000Z crit  help\n")
    }

    @Test func `metadata of the call goes before that of the logger and of the provider`() {
        let ends = Ends()
        let sink = sink(LogTarget(descriptor: ends.writer))
        var handler = LogSinkHandler(label: "test", sink: sink)
        handler.metadata = ["a": "logger", "b": "logger", "c": "logger"]
        handler.metadataProvider = .init { ["b": "provider", "c": "provider"] }
        handler.log(
            event: LogEvent(
                level: .info, message: "m",
                error: SettingsError(faults: [.init(source: "f", problem: "p")]),
                metadata: ["c": "call"], source: nil, file: "", function: "", line: 1))
        sink.flush()
        #expect(
            ends.read() == "1970-01-01T00:00:00.000Z info  m a=logger b=provider c=call "
                + "error=\"f: p\"\n")
    }

    @Test func `a reload changes level and form of loggers that exist`() {
        let ends = Ends()
        let sink = sink(LogTarget(descriptor: ends.writer))
        let logger = sink.logger(label: "test")
        var stubborn = logger
        stubborn.logLevel = .error
        var settings = Settings.Log()
        settings.level = .debug
        settings.format = .json
        sink.configure(settings, environment: [:])
        logger.debug("now")
        logger.trace("hidden")
        stubborn.debug("hidden")
        sink.flush()
        #expect(
            ends.read() == #"{"time":"1970-01-01T00:00:00.000Z","level":"debug","#
                + #""logger":"test","message":"now"}"# + "\n")
    }

    @Test func `every level of the configuration is one of swift-log`() {
        #expect(
            Settings.Log.Level.allCases.map { Logger.Level($0).rawValue }
                == Settings.Log.Level.allCases.map(\.rawValue))
        #expect(Settings.Log.Level.allCases.count == Logger.Level.allCases.count)
    }

    @Test(arguments: [false, true])
    func `a reader that stalls blocks nobody, and whole lines arrive later`(socket: Bool) {
        let ends = Ends(socket: socket)
        let sink = sink(LogTarget(descriptor: ends.writer))
        let logger = sink.logger(label: "test")
        let count = 8_000
        for index in 0..<count {
            logger.info("line", metadata: ["index": "\(index)", "pad": "xxxxxxxxxxxxxxxxxxxxxxxx"])
        }
        #expect(sink.pendingByteCount <= LogSink.byteLimit + 200)
        let dropped = sink.droppedLineCount
        #expect(dropped > 0)
        var text = ""
        while !sink.flush() { text += ends.read() }
        text += ends.read()
        let arrived = lines(text)
        #expect(arrived.count == count - dropped + 1)
        #expect(arrived.allSatisfy { $0.hasPrefix("1970-01-01T00:00:00.000Z ") })
        #expect(
            arrived.last.map(String.init)
                == "1970-01-01T00:00:00.000Z warn  log lines dropped: the reader was too slow "
                + "count=\(dropped)")
    }

    // A pipe has room for sixteen chunks, and these lines have three: the sixth is cut in two.
    @Test(arguments: [false, true])
    func `lines of two loops do not fall into each other`(turnsSwap: Bool) {
        let ends = Ends()
        let target = LogTarget(descriptor: ends.writer)
        let (one, other) = (sink(target), sink(target))
        let long = String(repeating: "y", count: 5_000)
        for index in 0..<15 {
            let metadata: Logger.Metadata = ["n": "\(index)", "p": "\(long)", "q": "\(long)"]
            one.logger(label: "1").info("one", metadata: metadata)
            other.logger(label: "2").info("two", metadata: metadata)
        }
        var text = ""
        var isDone = false
        while !isDone {
            let firstIsDone = (turnsSwap ? other : one).flush()
            isDone = (turnsSwap ? one : other).flush() && firstIsDone
            text += ends.read()
            // The other one is next, while a line of the first is half written.
            let otherIsDone = (turnsSwap ? one : other).flush()
            isDone = isDone && otherIsDone
        }
        text += ends.read()
        let arrived = lines(text)
        #expect(arrived.count == 30)
        #expect(arrived.allSatisfy { $0.hasSuffix(" p=\(long) q=\(long)") })
    }

    @Test(arguments: [false, true])
    func `a reader that left costs lines and nothing else`(socket: Bool) {
        let ends = Ends(socket: socket)
        let sink = sink(LogTarget(descriptor: ends.writer))
        ends.closeReader()
        sink.logger(label: "test").info("one")
        sink.logger(label: "test").info("two")
        #expect(sink.flush())
        #expect(sink.pendingByteCount == 0)
        #expect(sink.droppedLineCount == 2)
    }

    @Test func `a closed descriptor costs lines and nothing else`() {
        let sink = sink(LogTarget(descriptor: 9_999))
        sink.logger(label: "test").info("one")
        #expect(sink.flush())
        #expect(sink.droppedLineCount == 1)
    }

    @Test func `the last flush waits for the reader, but not for ever`() {
        let ends = Ends()
        let sink = sink(LogTarget(descriptor: ends.writer))
        for _ in 0..<2_000 { sink.logger(label: "test").info("0123456789012345678901234567890123") }
        sink.flush(waiting: 10)
        #expect(sink.pendingByteCount > 0)
        _ = ends.read()
        sink.flush(waiting: 10)
        _ = ends.read()
        sink.flush(waiting: 10)
        #expect(sink.pendingByteCount == 0)
    }

    @Test func `what is gathered is written before a sink goes`() {
        let ends = Ends()
        do {
            let sink = sink(LogTarget(descriptor: ends.writer))
            sink.logger(label: "test").info("last words")
        }
        #expect(ends.read().hasSuffix("last words\n"))
    }

    @Test func `many threads may log at once`() async {
        let ends = Ends()
        let sink = sink(LogTarget(descriptor: ends.writer))
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                let logger = sink.logger(label: "test")
                group.addTask {
                    for index in 0..<50 { logger.info("t", metadata: ["n": "\(task).\(index)"]) }
                }
            }
        }
        sink.flush()
        let arrived = lines(ends.read())
        #expect(Set(arrived).count == 400)
    }
}

struct LogFileTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "log-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func contents(_ file: String) -> String {
        String(decoding: FileManager.default.contents(atPath: file) ?? Data(), as: UTF8.self)
    }

    @Test func `a file is appended to, and reopened after it was moved`() throws {
        try withFolder { folder in
            let file = folder + "/box.log"
            try "before\n".write(toFile: file, atomically: true, encoding: .utf8)
            let target = try LogTarget(file: file)
            let sink = LogSink(target: target, settings: Settings.Log(), environment: [:])
            let logger = sink.logger(label: "test")
            logger.info("one")
            sink.flush()
            try FileManager.default.moveItem(atPath: file, toPath: file + ".1")
            logger.info("two")
            sink.flush()
            try target.reopen()
            logger.info("three")
            sink.flush()
            let old = contents(file + ".1")
            #expect(old.hasPrefix("before\n") && old.contains("one\n") && old.hasSuffix("two\n"))
            let new = contents(file)
            #expect(new.hasSuffix("three\n") && !new.contains("two"))
        }
    }

    @Test func `a file that cannot be opened is an error, and the old one stays`() throws {
        try withFolder { folder in
            let file = folder + "/none/box.log"
            #expect(throws: LogFileError(file: file, code: ENOENT)) { try LogTarget(file: file) }
            let target = try LogTarget(file: folder + "/a.log")
            #expect(throws: LogFileError(file: file, code: ENOENT)) {
                try target.redirect(to: file)
            }
            let sink = LogSink(target: target, settings: Settings.Log(), environment: [:])
            sink.logger(label: "test").info("still here")
            sink.flush()
            #expect(contents(folder + "/a.log").hasSuffix("still here\n"))
            #expect(
                LogFileError(file: "a\nb", code: ENOENT).description
                    == #"the log file "a\nb" cannot be opened: No such file or directory"#)
        }
    }

    @Test func `a FIFO without a reader does not stop the program`() throws {
        try withFolder { folder in
            mkfifo(folder + "/fifo", 0o600)
            #expect(throws: LogFileError(file: folder + "/fifo", code: ENXIO)) {
                try LogTarget(file: folder + "/fifo")
            }
        }
    }

    @Test func `a full disk costs lines and nothing else`() throws {
        let target = try LogTarget(file: "/dev/full")
        let sink = LogSink(target: target, settings: Settings.Log(), environment: [:])
        sink.logger(label: "test").info("one")
        #expect(sink.flush())
        #expect(sink.droppedLineCount == 1)
    }

    @Test func `colours are for terminals that want them`() throws {
        let ends = Ends()
        #expect(!LogTarget(descriptor: ends.writer).takesColours(environment: [:]))
        let main = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        defer { close(main) }
        try #require(main >= 0)
        let terminal = LogTarget(descriptor: main)
        #expect(terminal.takesColours(environment: ["NO_COLOR": ""]))
        #expect(!terminal.takesColours(environment: ["NO_COLOR": "1"]))
        #expect(!terminal.takesColours(environment: ["TERM": "dumb"]))
    }
}
