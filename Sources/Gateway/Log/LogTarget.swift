// LogTarget: the descriptor that log lines go to: standard error or a file, shared by the sinks of
// all loops. It never blocks a loop: what the reader does not take stays with the sink or is dropped
// and counted.
//
// Standard error is usually a blocking descriptor that belongs to others as well, so it is not made
// non-blocking. Instead each write is preceded by poll(2) and is no longer than PIPE_BUF: a pipe that
// polls writable has room for that much (pipe(7)), and one without a reader polls POLLERR, so that
// the write that would raise SIGPIPE is not made (the program ignores that signal all the same: the
// reader may leave in between). Sockets, as under systemd, have MSG_DONTWAIT.

import Glibc
import Synchronization

/// Why a log file could not be opened.
package struct LogFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file.
    package let file: String
    /// The `errno` of the failed call.
    package let code: Int32

    /// The file and the reason, on one line.
    package var description: String {
        "the log file \(file.debugDescription) cannot be opened: \(String(cString: strerror(code)))"
    }
}

/// Where log lines go.
///
/// Any thread. A lock guards it, the only one besides the mailbox of a loop: all loops end their turns by
/// writing here, and the lines of one must not fall into a half-written line of another. It is held
/// for one write at most that does not block.
package final class LogTarget: Sendable {
    /// What became of a write.
    enum Outcome {
        /// Everything was taken.
        case done
        /// The reader takes no more for now.
        case full
    }

    private enum Kind {
        case file
        case stream
        case socket
    }

    private struct State {
        var descriptor: Int32
        var kind: Kind
        var file: String?
        // INVARIANT: the rest of a line of which the beginning is written; nothing goes before it.
        var unsent: [UInt8] = []
        var droppedLineCount = 0
    }

    /// Most bytes of one write to a stream: `PIPE_BUF` of Linux, see above.
    private static let streamChunk = 4_096

    private static let newline = UInt8(ascii: "\n")

    private let state: Mutex<State>

    /// Writes to `descriptor`, which stays open: standard error by default.
    package init(descriptor: Int32 = 2) {
        state = Mutex(
            State(descriptor: descriptor, kind: Self.kind(of: descriptor), file: nil))
    }

    /// Appends to `file`, which is made if need be.
    package init(file: String) throws(LogFileError) {
        let descriptor = try Self.open(file)
        state = Mutex(State(descriptor: descriptor, kind: Self.kind(of: descriptor), file: file))
    }

    deinit {
        state.withLock { if $0.file != nil { close($0.descriptor) } }
    }

    /// Opens the log file anew, for a program that rotates logs has moved it away.
    ///
    /// Standard error is left alone.
    ///
    /// - Throws: why that failed; then lines go where they went before.
    package func reopen() throws(LogFileError) {
        guard let file = state.withLock({ $0.file }) else { return }
        try redirect(to: file)
    }

    /// Lets lines go to `file` from now on, or to standard error if it is nil.
    ///
    /// - Throws: why that failed; then lines go where they went before.
    package func redirect(to file: String?) throws(LogFileError) {
        let descriptor = if let file { try Self.open(file) } else { Int32(2) }
        let kind = Self.kind(of: descriptor)
        state.withLock { state in
            if state.file != nil { close(state.descriptor) }
            state.descriptor = descriptor
            state.kind = kind
            state.file = file
            // The new file does not begin in the middle of a line.
            if !state.unsent.isEmpty { state.droppedLineCount += 1 }
            state.unsent.removeAll()
        }
    }

    /// Number of lines that were dropped because nobody can take them.
    package var droppedLineCount: Int { state.withLock { $0.droppedLineCount } }

    /// Whether colours make sense: a terminal, and the environment does not say no.
    package func takesColours(environment: [String: String]) -> Bool {
        // https://no-color.org: any value but the empty one.
        if environment["NO_COLOR"]?.isEmpty == false || environment["TERM"] == "dumb" {
            return false
        }
        return state.withLock { isatty($0.descriptor) == 1 }
    }

    /// Writes lines off the front of `lines`, as far as the reader takes them.
    func write(_ lines: inout [UInt8]) -> Outcome {
        state.withLock { state in Self.write(&lines, &state) }
    }

    /// Waits until the reader may take more, at most `milliseconds`.
    func waitUntilWritable(milliseconds: Int32) {
        let descriptor = state.withLock { $0.descriptor }
        var item = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&item, 1, milliseconds)
    }
}

// MARK: - Descriptors

extension LogTarget {
    private static func open(_ file: String) throws(LogFileError) -> Int32 {
        // Non-blocking, so that a FIFO without a reader is an error and no endless wait.
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        let descriptor = Glibc.open(file, flags, 0o640)
        guard descriptor >= 0 else { throw LogFileError(file: file, code: errno) }
        return descriptor
    }

    private static func kind(of descriptor: Int32) -> Kind {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .stream }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFSOCK: return .socket
        default: return .stream
        }
    }

    private enum Attempt {
        case wrote(Int)
        case wouldBlock
        case failed
    }

    private static func write(_ lines: inout [UInt8], _ state: inout State) -> Outcome {
        var start = 0
        defer { lines.removeFirst(start) }
        while true {
            if !state.unsent.isEmpty {
                switch attempt(state.unsent[...], state) {
                case .wrote(let count): state.unsent.removeFirst(count)
                case .wouldBlock: return .full
                case .failed:
                    state.unsent.removeAll()
                    state.droppedLineCount += 1
                }
                continue
            }
            guard start < lines.count else { return .done }
            switch attempt(lines[start...], state) {
            case .wrote(let count):
                start += count
                guard lines[start - 1] != newline else { continue }
                let end = lines[start...].firstIndex(of: newline).map { $0 + 1 } ?? lines.count
                state.unsent = Array(lines[start..<end])
                start = end
            case .wouldBlock:
                return .full
            case .failed:
                // A full disk or a reader that left: holding on to the lines would not help.
                state.droppedLineCount += lines[start...].count { $0 == newline }
                start = lines.count
                return .done
            }
        }
    }

    private static func attempt(_ lines: ArraySlice<UInt8>, _ state: State) -> Attempt {
        let descriptor = state.descriptor
        return lines.withUnsafeBytes { bytes in
            while true {
                let count: Int
                switch state.kind {
                case .file:
                    count = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
                case .socket:
                    count = send(
                        descriptor, bytes.baseAddress, bytes.count,
                        Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
                case .stream:
                    var item = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    guard poll(&item, 1, 0) > 0 else { return .wouldBlock }
                    let events = Int32(item.revents)
                    guard events & (POLLERR | POLLNVAL) == 0 else { return .failed }
                    guard events & POLLOUT != 0 else { return .wouldBlock }
                    count = Glibc.write(descriptor, bytes.baseAddress, chunk(bytes))
                }
                if count > 0 { return .wrote(count) }
                if count < 0, errno == EINTR { continue }
                return count < 0 && errno == EAGAIN ? .wouldBlock : .failed
            }
        }
    }

    /// How many bytes to write at once to a stream: whole lines if possible.
    private static func chunk(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard bytes.count > streamChunk else { return bytes.count }
        return bytes[..<streamChunk].lastIndex(of: newline).map { $0 + 1 } ?? streamChunk
    }
}
