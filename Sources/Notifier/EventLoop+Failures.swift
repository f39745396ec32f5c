// EventLoop+Failures: what becomes of a callback that throws, and of the loop it ran on. Where the
// errors are caught is where the callbacks are called.

internal import Glibc

/// What a loop does about a callback that throws.
public enum FailurePolicy: Sendable {
    /// Report it, remove the registration, go on.
    case drop
    /// Report it and go on; the registration stays as if the callback had asked for that.
    case keep
    /// Remove the registration, finish the pass, then end `run`; `rethrowFailure` throws the error.
    case stop
}

/// A callback that threw.
public struct CallbackFailure: Error, CustomStringConvertible {
    /// Which callback.
    public let name: CallbackName

    /// What it threw.
    public let error: any Error

    /// The name of its loop; empty for a signal without a loop.
    public let loopName: String

    /// Describes the failure of a callback; for those who write a reporter and want to test it.
    public init(name: CallbackName, error: any Error, loopName: String) {
        self.name = name
        self.error = error
        self.loopName = loopName
    }

    /// `timer Module/File.swift:12 on loop 1 failed: …`.
    public var description: String {
        let place = loopName.isEmpty ? "" : " on \(loopName)"
        return "\(name)\(place) failed: \(error)"
    }

    /// Writes `failure` to standard error as one line: what a loop does unless told otherwise.
    public static func report(_ failure: CallbackFailure) {
        // Never more lines than failures: the description of a foreign error may hold anything.
        let text = failure.description.map { $0.isNewline ? " " : $0 }
        var line = Array(String(text).utf8.prefix(1000))
        line.append(0x0A)
        _ = write(STDERR_FILENO, line, line.count)
    }
}

extension EventLoop {
    /// Throws what a callback threw under the policy `.stop`, once; the loop may then run again.
    ///
    ///     loop.failurePolicy = .stop
    ///     loop.run()
    ///     try loop.rethrowFailure()
    ///
    /// - Throws: `CallbackFailure`, which holds the error and the name of the callback.
    public func rethrowFailure() throws(CallbackFailure) {
        guard let failure else { return }
        self.failure = nil
        if depth == 0 { isStopping = false }
        throw failure
    }

    /// Acts on what the running callback threw; returns what becomes of its registration.
    @inline(never)
    func noteFailure(_ error: any Error) -> Disposition {
        let name = runningCallback ?? CallbackName(.job, "callback")
        return noteFailure(error, name)
    }

    /// Acts on what the callback `name` threw; returns what becomes of its registration.
    @inline(never)
    func noteFailure(_ error: any Error, _ name: CallbackName) -> Disposition {
        failureCount &+= 1
        let fresh = CallbackFailure(name: name, error: error, loopName: handle.name)
        switch failurePolicy {
        case .stop where failure == nil:
            failure = fresh
            isStopping = true
            return .stop
        case .drop, .stop:
            onFailure(fresh)
            return .stop
        case .keep:
            onFailure(fresh)
            return .keep
        }
    }
}
