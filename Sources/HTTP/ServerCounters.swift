// ServerCounters: what the server side of a loop has done so far; metrics and status read it.

/// Counters of one loop's server side.
package struct ServerCounters: Sendable {
    /// Connections accepted.
    package var accepted: UInt64 = 0
    /// Connections refused because a limit was reached.
    package var refused: UInt64 = 0
    /// Idle connections closed because the process ran out of descriptors.
    package var shed: UInt64 = 0
    /// Requests whose head was complete.
    package var requests: UInt64 = 0
    /// Requests refused by the wire rules.
    package var malformed: UInt64 = 0
    /// Connections ended by a deadline.
    package var timedOut: UInt64 = 0
    /// TLS handshakes that failed.
    package var failedHandshakes: UInt64 = 0
}
