// Who is whose child, from /proc: so that a test can name the processes that must be gone.

import Foundation

/// A process that stays itself: a process id alone may be given out again.
struct ProcessIdentity: Hashable, CustomStringConvertible {
    let pid: pid_t
    /// Clock ticks from the start of the machine to the start of the process.
    let startTicks: UInt64

    var description: String { "process \(pid)" }

    /// Whether it still runs; a zombie does not.
    var isRunning: Bool {
        guard let found = ProcessTable.entry(pid) else { return false }
        return found.identity == self && found.state != "Z"
    }
}

/// A look at /proc.
enum ProcessTable {
    /// The fields of `/proc/PID/stat` that tests ask for.
    struct Entry {
        let identity: ProcessIdentity
        let state: Substring
        let parent: pid_t
    }

    /// The processes whose parent is `pid`.
    static func children(of pid: pid_t) -> [ProcessIdentity] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.compactMap(entry)
            .filter { $0.parent == pid && $0.state != "Z" }
            .map(\.identity)
    }

    /// Bytes of memory of its own that a process has in use, or `nil` when there is none.
    static func memory(of pid: pid_t) -> Int? {
        let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = text?.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        return line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }
            .map { $0 * 1024 }
    }

    /// The entry of one process, or `nil` when there is none.
    static func entry(_ pid: pid_t) -> Entry? {
        // The name in parentheses may itself hold blanks and parentheses.
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let name = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 19, let parent = pid_t(fields[1]), let start = UInt64(fields[19])
        else { return nil }
        return Entry(
            identity: ProcessIdentity(pid: pid, startTicks: start), state: fields[0],
            parent: parent)
    }
}
