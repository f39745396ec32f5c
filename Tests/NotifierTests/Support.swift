// What several test files use: shells as children, and a record of what a child told.

import Bytes
import Glibc
import Testing

@testable import Notifier

/// Everything a child told its owner, in order.
final class ChildRecord {
    enum Entry: Equatable {
        case line(ChildStream, String)
        case partial(ChildStream, String)
        case overlong(ChildStream, String)
        case end(ChildStream)
        case exit(ChildExit)
    }

    var entries: [Entry] = []
    var bytes: [UInt8] = []
    var policy = OverlongPolicy.skip
    var onLine: (String) -> Void = { _ in }

    var exits: [ChildExit] {
        entries.compactMap { if case .exit(let exit) = $0 { exit } else { nil } }
    }
    var exit: ChildExit? { exits.first }
    var lines: [String] {
        entries.compactMap { if case .line(.output, let line) = $0 { line } else { nil } }
    }

    var events: ChildEvents {
        var events = ChildEvents()
        events.onLine = { [self] stream, line in
            let text = String(decoding: line, as: UTF8.self)
            entries.append(.line(stream, text))
            onLine(text)
        }
        events.onPartialLine = { [self] stream, line in
            entries.append(.partial(stream, String(decoding: line, as: UTF8.self)))
        }
        events.onOverlong = { [self] stream, line in
            entries.append(.overlong(stream, String(decoding: line, as: UTF8.self)))
            return policy
        }
        events.onBytes = { [self] _, chunk in bytes.append(contentsOf: chunk) }
        events.onEnd = { [self] stream in entries.append(.end(stream)) }
        events.onExit = { [self] exit in entries.append(.exit(exit)) }
        return events
    }
}

/// A shell that runs `script`; standard error is this process's, so that surprises are seen.
func shell(
    _ script: String, input: ChildCommand.Input = .null,
    output: ChildCommand.Output = .lines(maxLength: 1 << 20), error: ChildCommand.Output = .inherit
) -> ChildCommand {
    ChildCommand(
        ["/bin/sh", "-c", script], environment: [("PATH", "/usr/bin:/bin")], input: input,
        output: output, error: error)
}

extension EventLoop {
    /// Runs `command` to its end and returns what it told.
    func outcome(
        of command: ChildCommand, limit: Duration = .seconds(20),
        _ started: (Child, ChildRecord) -> Void = { _, _ in }
    ) throws -> ChildRecord {
        let record = ChildRecord()
        let child = try Child.spawn(command, on: self, record.events)
        started(child, record)
        run(until: { record.exit != nil }, limit: limit)
        return record
    }
}

extension ChildInput {
    @discardableResult
    func append(_ text: String) -> Bool {
        var copy = text
        return copy.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }
}

/// Number of pipes and pidfds this process has open.
///
/// Others are not counted: the runtime opens some of its own when it likes.
func openChildDescriptorCount() -> Int {
    (0..<1024).count { number in
        var name = [CChar](repeating: 0, count: 64)
        let length = readlink("/proc/self/fd/\(number)", &name, name.count)
        let bytes = name.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasPrefix("pipe:") || text.hasSuffix("[pidfd]")
    }
}

/// Monotonic time, for measuring how long something took.
func elapsed(_ body: () throws -> Void) rethrows -> Duration {
    let start = ContinuousClock.now
    try body()
    return ContinuousClock.now - start
}

/// Two connected stream sockets that do not block; closed with their owner.
struct SocketPair: ~Copyable {
    let near: Descriptor
    let far: Descriptor

    init() throws {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw SystemError("socketpair") }
        near = Descriptor(owning: ends[0])
        far = Descriptor(owning: ends[1])
    }
}

/// Writes `text` to `descriptor`.
func send(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    #expect(write(descriptor, bytes, bytes.count) == bytes.count)
}

/// Reads what `descriptor` has to give, at most 64 KiB at once.
@discardableResult
func receive(from descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
}

extension EventLoop {
    /// Makes `count` turns that do not wait.
    func spin(_ count: Int) {
        for _ in 0..<count { step(sleep: false) }
    }

    /// How many turns the loop makes by itself within `time`.
    func turns(within time: Duration) -> UInt64 {
        let before = statistics.turns
        run(until: { false }, limit: time)
        return statistics.turns - before
    }
}

/// A place for a thread to leave a value for another one.
final class Shared<Value: Sendable>: Sendable {
    private let content: Guarded<Value>

    init(_ value: Value) { content = Guarded(value) }

    var value: Value { content.withLock { $0 } }

    func change(_ body: (inout Value) -> Void) { content.withLock { body(&$0) } }
}

extension EventLoop {
    /// As `run(until:limit:)`, for a condition that no event of the loop announces.
    func run(until condition: () -> Bool, polling interval: Duration, limit: Duration) -> Bool {
        let timer = addTimer(every: interval) { .keep }
        defer { removeTimer(timer) }
        return run(until: condition, limit: limit)
    }
}
