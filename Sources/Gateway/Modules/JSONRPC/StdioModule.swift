// StdioModule: a module whose commands are answered by children that speak JSON-RPC 2.0: one that
// all callers share, or a pool of which each call goes to the least busy. Here: who gets a call, who
// waits, and what is known of the whole. The life of one child is in ChildSeat.swift.

internal import Bytes
internal import JSON
internal import Notifier

/// The back end of a module with children.
///
/// Loop-confined.
final class StdioModule: ModuleBackend {
    let name: String
    let settings: Settings.ProcessModule
    let surroundings: ModuleSurroundings
    let signalFilter: SignalFilter
    let queue: CallQueue

    /// What calls are named to the child, where that is not their own name.
    let aliases: [String: (method: [UInt8], isNotification: Bool)]

    /// The commands are listed by the configuration; otherwise each child is asked.
    let commandsAreListed: Bool

    /// Calls that one child has at a time.
    let callLimit: Int

    /// Whether children are stopped when they are idle, or replaced when they are old.
    private let childrenLeave: Bool

    /// The children's places.
    @exclusivity(unchecked) private(set) var seats: ContiguousArray<ChildSeat> = []

    @exclusivity(unchecked) private(set) var facts: ModuleFacts
    @exclusivity(unchecked) var counters = ModuleCounters()
    @exclusivity(unchecked) private(set) var isStopping = false
    @exclusivity(unchecked) private var onStopped: (() -> Void)?

    var loop: EventLoop { surroundings.loop }

    /// Makes the back end of module `facts.name`.
    init(
        _ facts: ModuleFacts, _ settings: Settings.ProcessModule, signals: [String],
        commands: [Settings.Command] = [], _ surroundings: ModuleSurroundings
    ) {
        name = facts.name
        self.facts = facts
        self.settings = settings
        self.surroundings = surroundings
        commandsAreListed = !facts.commands.isEmpty
        childrenLeave = settings.idleTimeout != nil || settings.maxLife != nil
        callLimit = min(settings.child.callsInFlight, PendingCalls.slotLimit)
        signalFilter = SignalFilter(signals.compactMap { SignalPattern($0) })
        queue = CallQueue(module: facts.name, settings.child, loop: surroundings.loop)
        aliases = Dictionary(
            commands.filter { $0.method != nil || $0.isNotification }
                .map { ($0.name, (Array(($0.method ?? $0.name).utf8), $0.isNotification)) },
            uniquingKeysWith: { first, _ in first })
        var count = 1
        if case .pool(let wanted) = settings.sharing { count = max(wanted, 1) }
        for index in 0..<count { seats.append(ChildSeat(self, index: index)) }
        self.facts.children = seats.map(\.facts)
    }

    // MARK: Calls

    func call(_ call: ModuleCall, _ ticket: CallTicket) {
        guard !isStopping else {
            ticket.fail(.draining)
            return
        }
        counters.calls &+= 1
        if queue.isEmpty, let seat = leastBusySeat {
            let isBusy = seat.pending.count > 0
            seat.send(call, ticket)
            // A pool grows while its children have work: the next call finds a child at leisure.
            if isBusy, seats.count > 1 { wakeOne() }
            return
        }
        if facts.state == .failing {
            ticket.fail(failure)
            return
        }
        queue.add(call, ticket)
        wakeOne()
    }

    /// The child with the fewest calls among those that may have another.
    private var leastBusySeat: ChildSeat? {
        if seats.count == 1 { return seats[0].hasRoom ? seats[0] : nil }
        var best: ChildSeat?
        for seat in seats where seat.hasRoom {
            // One that answers nothing loses its calls to their deadlines, and would look idle.
            let isBetter =
                best.map {
                    seat.isUnresponsive != $0.isUnresponsive
                        ? $0.isUnresponsive : seat.pending.count < $0.pending.count
                } ?? true
            if isBetter { best = seat }
        }
        return best
    }

    /// Why calls are refused while all children keep failing.
    private var failure: ModuleError {
        let soonest = seats.min { $0.secondsToRestart < $1.secondsToRestart }
        return .failing(
            module: name, soonest?.lastEnd ?? .init(), retryAfter: soonest?.secondsToRestart ?? 1)
    }

    /// Gives waiting calls to children as far as these may have more.
    func sendWaiting() {
        while !queue.isEmpty, let seat = leastBusySeat, let next = queue.takeFirst() {
            if next.ticket.isOpen { seat.send(next.call, next.ticket) }
        }
        guard childrenLeave else { return }
        for seat in seats where seat.pending.count == 0 { seat.becameIdle() }
    }

    /// Fails all waiting calls, unless some child may still take them.
    func failWaiting(_ error: ModuleError) {
        guard !seats.contains(where: { $0.state == .ready }) else { return }
        queue.failAll(error)
    }

    // MARK: Life

    func start() {
        guard settings.start == .eager else { return }
        for seat in seats { seat.wake() }
    }

    func wake() {
        if !seats.contains(where: { $0.state != .stopped }) { wakeOne() }
    }

    private func wakeOne() {
        seats.first { $0.state == .stopped }?.wake()
    }

    func stop(_ done: @escaping () -> Void) {
        isStopping = true
        queue.failAll(.draining)
        for seat in seats { seat.stop() }
        onStopped = done
        seatHasEnded()
    }

    func kill() {
        for seat in seats { seat.kill() }
    }

    /// Called when a child is gone for good.
    func seatHasEnded() {
        guard isStopping, !seats.contains(where: { $0.child != nil }), let done = onStopped else {
            return
        }
        onStopped = nil
        done()
    }

    // MARK: Facts

    /// Called when something about a child has changed: tells everybody.
    func seatHasChanged() {
        facts.adopt(seats.map(\.facts))
        if facts.state == .ready || facts.state == .unresponsive
            || facts.children.contains(where: { $0.failures > 0 })
        {
            facts.hasSettled = true
        }
        surroundings.publish(facts)
    }

    /// Takes over what a child says of its commands.
    func describe(_ reading: OpenRPC.Reading) {
        facts.commands = reading.commands
        facts.acceptsAnyCommand = reading.commands.isEmpty
        guard reading.warnings != facts.warnings else { return }
        facts.warnings = reading.warnings
        for warning in reading.warnings { surroundings.log(.warning, warning) }
    }
}
