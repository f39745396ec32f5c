// Control: what exists once in the gateway and therefore on one loop: the order of signals, the
// timers, the jobs, the sources, and the way to the disk.

internal import Notifier

/// The rooms of the control loop.
///
/// Loop-confined.
final class Control {
    /// Signals.
    let hub: SignalHub

    /// Streams that wait to hear what they have missed.
    let replays: ReplayQueue

    /// Timers.
    let timers: TimerBook

    /// Calls without waiting callers.
    let jobs: JobTable

    /// What happens when signals come.
    let reactions: ReactionTable

    /// Sockets and files whose lines become signals.
    let sources = SourceTable()

    /// What brings both to the disk, if anything does.
    private(set) var journal: StateJournal?

    /// Why nothing is stored although it should be, since the start; nil if that went well.
    var startTrouble: (sinceWallNanos: Int64, reason: String)?

    /// Since when the state cannot be stored, and why; nil while it can, or need not.
    var stateTrouble: (sinceWallNanos: Int64, reason: String)? { journal?.trouble ?? startTrouble }

    private var waiting: [UInt64: [Waiter]] = [:]

    private typealias Waiter = (subscribers: Int, isRepeated: Bool, done: (Emission) -> Void)

    init(loop: EventLoop, facts: GatewayFacts) {
        let settings = facts.settings.signals
        var bounds = SignalHistory.Bounds()
        bounds.passing = EventRing.Bounds(settings.history)
        bounds.durable = EventRing.Bounds(settings.durableHistory)
        bounds.latestBytes = settings.history.size
        bounds.rules = settings.rules.compactMap(SignalRule.init)
        hub = SignalHub(epoch: facts.epoch, history: bounds)
        replays = ReplayQueue(hub, loop: loop)
        timers = TimerBook(loop: loop)
        jobs = JobTable(loop: loop, facts.settings.jobs)
        reactions = ReactionTable(facts.settings.reactions, loop: loop)
    }

    /// Calls `done` with what became of an emission: at once, or when it is stored.
    func settle(_ emission: Emission, _ done: @escaping (Emission) -> Void) {
        switch emission {
        case .held(let ticket, let subscribers, let isRepeated):
            waiting[ticket, default: []].append((subscribers, isRepeated, done))
        case .emitted, .repeated, .keyIsTaken, .tooLarge, .notStored: done(emission)
        }
    }

    /// Goes on where an earlier run has ended, and stores from now on what is to be stored.
    func keep(_ stored: StoredState, in journal: StateJournal) {
        self.journal = journal
        hub.whenDropped { journal.drop($0) }
        hub.refusal = { journal.refusal($0) }
        hub.onHold = { journal.add($0) }
        hub.onNumber = { journal.reserve($0) }
        journal.numberBatch = { [unowned self] in hub.numberBatch() }
        journal.onStored = { [unowned self] batch in
            hub.publish(batch)
            for (held, event) in batch { conclude(held.ticket, event.sequence) }
        }
        journal.onLost = { [unowned self] batch, error in
            hub.discard(batch)
            for held in batch {
                for waiter in waiting.removeValue(forKey: held.ticket) ?? [] {
                    waiter.done(.notStored(error.description))
                }
            }
        }
        // What is no longer durable by the configuration is forgotten.
        var events: [SignalEvent] = []
        for event in stored.events {
            if hub.isDurable(event.name) { events.append(event) } else { journal.drop(event) }
        }
        hub.restore(
            events, losses: stored.losses, newest: stored.reserved, lostUpTo: stored.reserved,
            forgottenUpTo: stored.forgotten)
    }

    private func conclude(_ ticket: UInt64, _ sequence: UInt64) {
        for (subscribers, isRepeated, done) in waiting.removeValue(forKey: ticket) ?? [] {
            done(
                isRepeated
                    ? .repeated(sequence, subscribers: subscribers)
                    : .emitted(sequence, subscribers: subscribers))
        }
    }
}

extension EventRing.Bounds {
    /// The bounds of the configuration.
    fileprivate init(_ history: Settings.Signals.History) {
        self.init(
            events: history.events, bytes: history.size, ageNanos: history.age?.nanoseconds)
    }
}

extension SignalRule {
    /// The rule of the configuration; nil if its pattern is none.
    fileprivate init?(_ rule: Settings.Signals.Rule) {
        guard let pattern = SignalPattern(rule.pattern) else { return nil }
        self.init(pattern)
        isLatest = rule.latest
        isDurable = rule.durable
        events = rule.events
        bytes = rule.size
        ageNanos = rule.age?.nanoseconds
    }
}
