// Backoff: when a child that ended unexpectedly is started again. Sans-IO.
//
// The pause doubles with each failure in a row, up to a limit, and is drawn from its upper half, so
// that many children that fell together do not rise together. After too many failures the breaker
// opens: calls are refused until the pause is over.

/// Counts failures in a row and says how long to wait.
struct Backoff {
    private let first: Duration
    private let limit: Duration
    private let breakerFailures: Int

    /// Failures since the last success.
    private(set) var failures = 0

    init(first: Duration, limit: Duration, breakerFailures: Int) {
        self.first = first
        self.limit = limit
        self.breakerFailures = breakerFailures
    }

    /// Whether calls are refused rather than kept waiting.
    var isOpen: Bool { failures >= breakerFailures }

    /// Notes a failure; returns how long to wait.
    ///
    /// `random` is from 0 up to 1.
    mutating func failed(random: Double) -> Duration {
        failures += 1
        var pause = first
        var doublings = failures - 1
        while doublings > 0, pause < limit {
            pause = pause * 2
            doublings -= 1
        }
        return min(pause, limit) * (0.5 + random / 2)
    }

    /// Notes that the child works.
    mutating func succeeded() { failures = 0 }
}

/// The last lines that a child wrote to its stderr.
struct StderrTail {
    /// Lines kept: enough for the end of a traceback.
    static let lineLimit = 8

    /// Bytes kept of each.
    static let byteLimit = 512

    /// The lines, oldest first.
    private(set) var lines: [String] = []

    /// Keeps the beginning of `line` and lets the oldest go.
    mutating func append(_ line: UnsafeRawBufferPointer) {
        if lines.count == Self.lineLimit { lines.removeFirst() }
        lines.append(String(decoding: line.prefix(Self.byteLimit), as: UTF8.self))
    }

    /// Forgets all lines.
    mutating func removeAll() { lines = [] }
}
