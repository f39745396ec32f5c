// Control: what exists once in the gateway and therefore on one loop: the order of signals, and the
// timers.

internal import Notifier

/// The rooms of the control loop.
///
/// Loop-confined.
final class Control {
    /// Signals.
    let hub: SignalHub

    /// Timers.
    let timers: TimerBook

    init(loop: EventLoop, facts: GatewayFacts) {
        let settings = facts.settings.signals.history
        var bounds = SignalHistory.Bounds()
        bounds.events = settings.events
        bounds.bytes = settings.size
        bounds.ageNanos = settings.age?.nanoseconds
        bounds.rules = facts.settings.signals.rules.compactMap(SignalRule.init)
        hub = SignalHub(epoch: facts.epoch, history: bounds)
        timers = TimerBook(loop: loop)
    }
}

extension SignalRule {
    /// The rule of the configuration; nil if its pattern is none.
    fileprivate init?(_ rule: Settings.Signals.Rule) {
        guard let pattern = SignalPattern(rule.pattern) else { return nil }
        self.init(pattern)
        isLatest = rule.latest
        events = rule.events
        bytes = rule.size
        ageNanos = rule.age?.nanoseconds
    }
}
