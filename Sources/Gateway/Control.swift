// Control: what exists once in the gateway and therefore on one loop: the order of signals, the
// timers and the jobs.

internal import Notifier

/// The rooms of the control loop.
///
/// Loop-confined.
final class Control {
    /// Signals.
    let hub: SignalHub

    /// Timers.
    let timers: TimerBook

    /// Calls without waiting callers.
    let jobs: JobTable

    init(loop: EventLoop, facts: GatewayFacts) {
        let settings = facts.settings.signals.history
        var bounds = SignalHistory.Bounds()
        bounds.events = settings.events
        bounds.bytes = settings.size
        bounds.ageNanos = settings.age?.nanoseconds
        hub = SignalHub(epoch: facts.epoch, history: bounds)
        timers = TimerBook(loop: loop)
        jobs = JobTable(loop: loop, facts.settings.jobs)
    }
}
