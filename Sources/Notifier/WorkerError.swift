// WorkerError: why a worker pool did not do what it was asked to.

/// Why work was not done.
public enum WorkerError: Error, Equatable, CustomStringConvertible {
    /// As much work waits as the pool accepts.
    case overloaded
    /// The work was cancelled before it began.
    case cancelled
    /// The pool was stopped before the work began.
    case stopped
    /// There is no thread for it, and none could be started.
    case noThread(SystemError)

    /// Says why.
    public var description: String {
        switch self {
        case .overloaded: "the worker pool is overloaded"
        case .cancelled: "the work was cancelled before it began"
        case .stopped: "the worker pool was stopped"
        case .noThread(let error): "no worker thread: \(error)"
        }
    }
}
