// ReplayQueue: the streams that wait to hear what they have missed. Looking into the past costs from
// a few microseconds to some hundred; when thousands come back at once they are answered some at a
// time, and what is emitted meanwhile waits for a millisecond at most.

internal import Notifier

/// The streams that wait for a slice of the past, first come, first served.
///
/// Loop-confined, on the control loop.
final class ReplayQueue {
    /// Nanoseconds in one turn of the loop that go into looking back.
    static let turnNanos: UInt64 = 1_000_000

    /// Streams that may wait: twice as many as may be open.
    ///
    /// For each beyond that the first is answered at once.
    static let limit = 20_000

    private struct Wish {
        let point: ResumePoint
        let filter: SignalFilter
        let done: (ReplaySlice) -> Void
    }

    private let hub: SignalHub
    private let loop: EventLoop
    private var waiting: [Wish?] = []
    private var first = 0
    private var flusher: Flusher?

    /// Makes an empty queue in front of `hub`.
    init(_ hub: SignalHub, loop: EventLoop) {
        self.hub = hub
        self.loop = loop
        flusher = loop.addFlusher(onDemand: true) { [unowned self] in answerSome() }
    }

    /// Number of streams that wait.
    var count: Int { waiting.count - first }

    /// Calls `done` with what a stream that had been at `point` gets next, when the turn ends or in
    /// one of the next.
    func add(
        _ point: ResumePoint, _ filter: SignalFilter, _ done: @escaping (ReplaySlice) -> Void
    ) {
        if count >= Self.limit { answerFirst() }
        waiting.append(Wish(point: point, filter: filter, done: done))
        if let flusher { loop.flushSoon(flusher) }
    }

    private func answerSome() {
        let start = loop.clock.monotonicNanos()
        repeat {
            answerFirst()
        } while count > 0
            && loop.clock.monotonicNanos() &- start < Self.turnNanos
        if count > 0, let flusher { loop.flushSoon(flusher) }
    }

    private func answerFirst() {
        guard first < waiting.count, let wish = waiting[first] else { return }
        waiting[first] = nil
        first += 1
        if first == waiting.count || first >= 1024 {
            waiting.removeFirst(first)
            first = 0
        }
        wish.done(hub.replay(wish.point, wish.filter, wallNanos: loop.clock.wallNanos()))
    }
}
