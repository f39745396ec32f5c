// ReactionTable: signals that make something happen: which reactions an event concerns, how many of
// them may run, wait and come in a second, and where a loop is cut.
//
//     event → matches? → deep? → rate? → overlap? → perform → result is a signal, one deeper
//
// A reaction's own signals carry how many reactions lie behind them. A loop through a module, whose
// signals are its own affair, is not seen by that; the rate bounds it.

internal import Bytes
internal import Notifier

/// What one reaction has done so far.
///
/// Any thread.
struct ReactionCounts: Sendable, Equatable {
    /// Times it was begun.
    var runs: UInt64 = 0
    /// Times it failed.
    var failures: UInt64 = 0
    /// Events left out because there were more than the rate allows.
    var overRate: UInt64 = 0
    /// Events left out because the one before was not done, or too many waited.
    var overlapped: UInt64 = 0
    /// Events left out because too many reactions lay behind them.
    var cut: UInt64 = 0
    /// How its program has ended: by exit code, or by the negative number of a signal.
    ///
    /// Bounded: there are 256 codes and 64 signals.
    var exits: [Int: UInt64] = [:]

    /// An end as people read it: `3`, `SIGKILL (9)`.
    static func name(ofExit status: Int) -> String {
        status < 0 ? SignalNumber.name(-status) : "\(status)"
    }
}

/// Why events are left out that should have been reacted to.
enum ReactionLoss {
    /// There were more than the rate allows.
    case overRate
    /// As many ran or waited as may.
    case overlapped
}

/// One reaction of the configuration.
///
/// Loop-confined, on the control loop.
final class ReactionEntry {
    /// What the configuration says.
    let settings: Settings.Reaction
    /// What it has done.
    fileprivate(set) var counts = ReactionCounts()

    /// What runs its program, if it has one.
    var program: ExecModule?
    /// Wall time at which it was last begun, in nanoseconds since 1970.
    fileprivate(set) var lastWallNanos: Int64?
    /// Wall time at which it last failed, and why.
    fileprivate(set) var lastFailure: (wallNanos: Int64, reason: String)?
    /// How many run now.
    fileprivate(set) var running = 0

    fileprivate let pattern: SignalPattern
    fileprivate var waiting: [SignalEvent] = []
    fileprivate var rateLimit: RateLimit
    fileprivate var hasToldCut = false
    fileprivate var notices: [ReactionLoss: PacedNotice] = [:]

    fileprivate init(_ settings: Settings.Reaction, _ pattern: SignalPattern, now: UInt64) {
        self.settings = settings
        self.pattern = pattern
        rateLimit = RateLimit(perSecond: settings.rate, now: now)
    }

    /// How many events wait for the one that runs.
    var waitingCount: Int { waiting.count }

    /// Counts how its program has ended.
    func countExit(_ status: Int) { counts.exits[status, default: 0] &+= 1 }
}

/// The reactions of the gateway.
///
/// Loop-confined, on the control loop.
final class ReactionTable {
    /// Reactions that may lie behind an event that is still reacted to.
    static let depthLimit = 8

    /// Events that may wait for one reaction.
    static let waitLimit = 256

    /// Does what a reaction is for; calls back once, with why that failed, or nil.
    var perform: (ReactionEntry, SignalEvent, _ done: @escaping (String?) -> Void) -> Void = {
        _, _, done in done(nil)
    }

    /// Hears, now and then, that so many events were left out.
    var onLoss: (ReactionEntry, ReactionLoss, _ count: Int, _ isFirst: Bool) -> Void = {
        _, _, _, _ in
    }

    /// Hears, once for each reaction, that a loop was cut.
    var onCut: (ReactionEntry, SignalEvent) -> Void = { _, _ in }

    /// The reactions in the order of the configuration.
    let entries: [ReactionEntry]

    private let loop: EventLoop

    /// Makes the table of `reactions`.
    init(_ reactions: [Settings.Reaction], loop: EventLoop) {
        self.loop = loop
        entries = reactions.compactMap { settings in
            SignalPattern(settings.signal).map {
                ReactionEntry(settings, $0, now: loop.clock.monotonicNanos())
            }
        }
    }

    /// Reacts to `event`, from the next turn on: whoever emits is not to wait for it.
    func hear(_ event: SignalEvent) {
        for entry in entries where entry.pattern.matches(event.name.bytes) {
            guard event.depth < Self.depthLimit else {
                entry.counts.cut &+= 1
                if !entry.hasToldCut {
                    entry.hasToldCut = true
                    onCut(entry, event)
                }
                continue
            }
            guard entry.rateLimit.spend(loop.clock.monotonicNanos()) else {
                entry.counts.overRate &+= 1
                tell(entry, .overRate)
                continue
            }
            take(entry, event)
        }
    }

    private func take(_ entry: ReactionEntry, _ event: SignalEvent) {
        let isFree =
            entry.running == 0 && entry.waiting.isEmpty
            || (entry.settings.overlap == .parallel && entry.running < entry.settings.inFlight)
        if isFree {
            entry.running += 1
            loop.addTimer(after: .zero) { [weak self] in self?.begin(entry, event) }
        } else if entry.settings.overlap == .queue, entry.waiting.count < Self.waitLimit {
            entry.waiting.append(event)
        } else {
            entry.counts.overlapped &+= 1
            // Who has it skip events knows that it does.
            if entry.settings.overlap != .skip { tell(entry, .overlapped) }
        }
    }

    /// Tells what was left out and has not been told yet, because there will be no more.
    func finish() {
        for entry in entries {
            for notice in entry.notices.values { notice.finish() }
        }
    }

    private func tell(_ entry: ReactionEntry, _ loss: ReactionLoss) {
        if let notice = entry.notices[loss] {
            notice.note()
            return
        }
        let notice = PacedNotice(loop: loop) { [weak self, unowned entry] count, isFirst in
            self?.onLoss(entry, loss, count, isFirst)
        }
        entry.notices[loss] = notice
        notice.note()
    }

    private func begin(_ entry: ReactionEntry, _ event: SignalEvent) {
        entry.counts.runs &+= 1
        entry.lastWallNanos = loop.clock.wallNanos()
        perform(entry, event) { [weak self] failure in
            entry.running -= 1
            guard let self else { return }
            if let failure {
                entry.counts.failures &+= 1
                entry.lastFailure = (loop.clock.wallNanos(), failure)
            }
            guard !entry.waiting.isEmpty, entry.running == 0 else { return }
            let next = entry.waiting.removeFirst()
            entry.running += 1
            loop.addTimer(after: .zero) { [weak self] in self?.begin(entry, next) }
        }
    }
}
