// CallbackName: what a callback is called in reports: where in the source it was registered, or a
// name of its own. Made without allocation, and small enough to be stored at every call.

/// What a callback is registered for.
public enum CallbackKind: UInt8, Sendable, CustomStringConvertible {
    /// `EventLoop.watch`.
    case descriptor = 1
    /// A timer.
    case timer
    /// A dispatcher.
    case dispatcher
    /// A job that was posted to the loop.
    case job
    /// A handler of a `Signal`, or of signals of the operating system.
    case signal
    /// An event of a child process.
    case child
    /// News of a worker.
    case worker
    /// An idle sweep.
    case sweep
    /// A flusher.
    case flusher

    /// `timer`.
    public var description: String {
        switch self {
        case .descriptor: "descriptor"
        case .timer: "timer"
        case .dispatcher: "dispatcher"
        case .job: "job"
        case .signal: "signal"
        case .child: "child"
        case .worker: "worker"
        case .sweep: "sweep"
        case .flusher: "flusher"
        }
    }
}

/// What a callback is called in reports.
///
/// Any thread.
public struct CallbackName: Hashable, Sendable, CustomStringConvertible {
    /// Where the text begins, which ends with NUL and is part of the program.
    let address: UInt
    /// The line (upper 28 bits) and the kind (lower four).
    let mark: UInt32

    /// Names a callback by `text`: a `#fileID`, or words of its own.
    public init(_ kind: CallbackKind, _ text: StaticString, line: UInt32 = 0) {
        // A literal of one character may have no address.
        let kept: StaticString = text.hasPointerRepresentation ? text : "callback"
        address = UInt(bitPattern: kept.utf8Start)
        mark = min(line, UInt32.max >> 4) << 4 | UInt32(kind.rawValue)
    }

    /// Reads what a loop has stored; nil if no callback is running.
    init?(address: UInt, mark: UInt32) {
        guard address != 0, mark & 15 != 0 else { return nil }
        self.address = address
        self.mark = mark
    }

    /// What it is registered for.
    public var kind: CallbackKind { CallbackKind(rawValue: UInt8(mark & 15)) ?? .job }

    /// The file (`Module/File.swift`), or the name that was given.
    public var text: String {
        // SAFETY: the address is that of a StaticString, which ends with NUL and is never freed.
        guard let start = UnsafePointer<CChar>(bitPattern: address) else { return "" }
        return String(cString: start)
    }

    /// The line of the registration, 0 if unknown.
    public var line: Int { Int(mark >> 4) }

    /// `timer Module/File.swift:12`, or `timer heartbeat` if it was given a name.
    public var description: String {
        let text = text
        return text.hasSuffix(".swift") ? "\(kind) \(text):\(line)" : "\(kind) \(text)"
    }
}
