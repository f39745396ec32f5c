// ChildEvents: what a child tells its owner, as closures, and the words they use.

/// One of the two streams a child writes.
public enum ChildStream: Sendable {
    /// Standard output.
    case output
    /// Standard error.
    case error
}

/// How a child ended.
public enum ChildExit: Equatable, Sendable, CustomStringConvertible {
    /// It returned `code`, 0 to 255.
    case exited(Int32)
    /// A signal ended it.
    case signalled(number: Int32, coreDumped: Bool)
    /// It ended, but other code of this process had waited for it and so took its status.
    case unknown

    /// `exited with status 1`, `killed by signal 9`.
    public var description: String {
        switch self {
        case .exited(let code): "exited with status \(code)"
        case .signalled(let number, let coreDumped):
            "killed by signal \(number)" + (coreDumped ? " (core dumped)" : "")
        case .unknown: "ended, but its status was taken by others"
        }
    }
}

/// What becomes of a stream after a line that is too long.
public enum OverlongPolicy: Sendable {
    /// Drop the rest of the line and go on with the next.
    case skip
    /// Read the stream no more and terminate the child.
    case fail
}

/// What a child tells its owner; all closures run on the loop.
///
/// A closure that throws is replaced by one that does nothing, if the loop's `failurePolicy` is not
/// `.keep`; the others go on, and `onExit` comes in any case. A line that is too long is skipped.
///
/// Bytes are valid during the call only. After `onExit` the closures are let go, so they may hold
/// the child or its owner.
public struct ChildEvents {
    /// A complete line without its LF or CRLF; any other byte, NUL included, is passed on.
    public var onLine: (ChildStream, UnsafeRawBufferPointer) throws -> Void = { _, _ in }

    /// What followed the last line end when the stream ended; nil: such a tail counts as a line.
    public var onPartialLine: ((ChildStream, UnsafeRawBufferPointer) throws -> Void)?

    /// A line exceeds the stream's limit; gets its beginning.
    public var onOverlong: (ChildStream, UnsafeRawBufferPointer) throws -> OverlongPolicy = {
        _, _ in
        .skip
    }

    /// More of a line that exceeds the limit, in order and without its line end; whether it ends here.
    public var onSkipped: ((ChildStream, UnsafeRawBufferPointer, _ isLast: Bool) throws -> Void)?

    /// Bytes of a stream that is not read as lines.
    public var onBytes: (ChildStream, UnsafeRawBufferPointer) throws -> Void = { _, _ in }

    /// A stream has ended; nothing comes from it after this.
    public var onEnd: (ChildStream) throws -> Void = { _ in }

    /// The child has ended, its output was delivered and it was reaped; called exactly once, last.
    public var onExit: (ChildExit) throws -> Void = { _ in }

    /// Makes events nobody listens to.
    public init() {}
}
