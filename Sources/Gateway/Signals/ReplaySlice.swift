// ReplaySlice: what a stream that comes back is given of the past, some at a time, and what it cannot
// have any more.

/// What a resuming stream gets next.
struct ReplaySlice: Sendable {
    /// What the stream missed before the first of `events`.
    var gap: SignalGap?
    /// Events in order.
    var events: [SignalEvent] = []
    /// The events are latest values, not what came after the stream's id.
    var isSnapshot = false
    /// Everything up to here has been looked at.
    var position: UInt64
    /// Where the next slice begins; nil if there is nothing more: the stream is live from here.
    var next: ResumePoint?
}

/// Events that a stream asked for and can no longer get.
struct SignalGap: Sendable, Equatable {
    /// Why they are gone.
    enum Reason: String, Sendable {
        /// The history no longer reaches back.
        case evicted
        /// The id is from another run of the gateway.
        case epoch
    }

    /// Events of one signal that are gone.
    struct Loss: Sendable, Equatable {
        /// The signal; a pattern where it is not known which signals there were.
        var signal: String
        /// The sequence number of the last one.
        var upTo: UInt64
    }

    /// The last id that the stream had.
    var from: String
    /// What is gone, by signal.
    var losses: [Loss]
    /// The sequence number from which the stream can resume without loss.
    var position: UInt64
    /// Why.
    var reason: Reason

    /// The sequence number of the last event that is gone.
    var upTo: UInt64 { losses.map(\.upTo).max() ?? position }
}
