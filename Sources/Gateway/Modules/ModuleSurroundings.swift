// ModuleSurroundings: what a back end may do to the gateway around it.

internal import Bytes
internal import Notifier

/// The ways out of a back end.
///
/// Loop-confined.
struct ModuleSurroundings {
    /// The loop it lives on.
    let loop: EventLoop

    /// Makes what is known of the module known to all loops.
    var publish: (ModuleFacts) -> Void

    /// Emits a signal.
    let emit: (_ name: Payload, _ data: Payload) -> Void

    /// Writes a line to the log.
    let log: (_ level: LogLevel, _ message: String) -> Void

    /// How bad a log line is.
    enum LogLevel: Sendable {
        /// For those who look closely.
        case debug
        /// Ordinary life.
        case info
        /// Something to look at.
        case warning
        /// Something is broken.
        case error
    }
}
