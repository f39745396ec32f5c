// ServicePulse: feeds the watchdog of the service manager as long as every loop turns. A loop that
// hangs stops the feeding, and the manager restarts us.

internal import Notifier

/// The heartbeat of the gateway.
///
/// Loop-confined, to the control loop.
final class ServicePulse {
    private let notice: ServiceNotice
    private let loops: [LoopAddress]
    private let control: EventLoop
    private var unanswered = 0

    /// Beats in one interval of the manager: three may be late before the fourth is missed.
    private static let beatsPerInterval = 4

    /// Begins to beat, if the manager behind `notice` asks for it; `loops` begin with the control
    /// loop.
    init?(_ notice: ServiceNotice, loops: [LoopAddress], control: EventLoop) {
        guard let interval = notice.watchdogInterval else { return nil }
        self.notice = notice
        self.loops = loops
        self.control = control
        beat()
        control.addTimer(every: interval / Self.beatsPerInterval) { [unowned self] in
            beat()
            return .keep
        }
    }

    /// Feeds the watchdog if all loops have answered the last round, and asks them again.
    private func beat() {
        guard unanswered == 0 else { return }
        notice.alive()
        unanswered = loops.count
        let me = LoopBound(self, control.handle)
        let home = loops[0]
        for loop in loops {
            loop.post { _ in
                home.post { _ in me.value.unanswered -= 1 }
            }
        }
    }
}
