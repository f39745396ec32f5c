// SubscriptionTable+Rounds: how the streams of one loop get their events.
//
//     event → EventQueue ── end of the turn, or of the rest ──→ one payload a group → one write a stream
//
// A round over a thousand streams costs milliseconds, nearly all of it in the kernel and the same for
// one event or ten. Two things follow from that:
// - Groups take turns, some streams each, and a turn of the loop serves a hundred: who is in small
//   company does not wait for the crowd, nor does anybody else with whom the loop speaks.
// - After its round a group rests as long as it took, four milliseconds at most, and what comes
//   meanwhile goes out together: under load the cost of an event falls by as much as the load rises,
//   and while the loop has time nothing waits.

internal import Bytes
internal import HTTP
internal import Notifier

/// Where the deliveries of a loop stand between two of its turns.
///
/// Loop-confined.
struct DeliveryTurn {
    /// The groups that have something to do: a round, or events that wait for one.
    var ready: ContiguousArray<SubscriptionGroup> = []
    /// The one of them that is served next.
    var next = 0
    /// Groups whose round has ended in this turn, and when it began.
    var ended: ContiguousArray<(group: SubscriptionGroup, start: UInt64)> = []
    /// The timer that ends the first rest after which something is to be delivered, and that time.
    var alarm: TimerToken?
    var alarmTime: UInt64 = .max

    /// Adds a group that has something to do.
    mutating func add(_ group: SubscriptionGroup) {
        guard group.readyPlace < 0 else { return }
        group.readyPlace = Int32(clamping: ready.count)
        ready.append(group)
    }

    /// Takes a group out; the last one moves to its place.
    mutating func remove(_ group: SubscriptionGroup) {
        let place = Int(group.readyPlace)
        guard place >= 0 else { return }
        group.readyPlace = -1
        let last = ready.removeLast()
        guard last !== group else { return }
        ready[place] = last
        last.readyPlace = Int32(clamping: place)
    }
}

extension SubscriptionTable {
    /// Longest rest of a group after a round, in nanoseconds: well below what anybody notices.
    static let restLimitNanos: UInt64 = 4_000_000

    /// A shorter rest is none: the loop's timers would make it longer.
    static let restFloorNanos: UInt64 = 500_000

    /// Streams served in one turn of the loop: a millisecond.
    static let streamsPerTurn = 128

    /// Streams of a group that are served before another group has its turn.
    static let streamsPerVisit = 32

    /// What a stream with a compressor counts as: it costs as much as so many others.
    static let compressedWeight = 8

    /// Takes `event` for every live stream that asks for it.
    func deliver(_ event: SignalEvent) {
        newest = event.sequence
        guard count > 0 else { return }
        let place = queue.end
        var groups = 0
        wishes.forEach(wanting: event.name.bytes) { group in
            guard group.asked != event.sequence else { return }
            group.asked = event.sequence
            guard group.kind.filter.holds(event.data) else { return }
            group.pending.append(place)
            turn.add(group)
            groups += 1
        }
        guard groups > 0 else { return }
        queue.append(event, groups: groups)
        if queue.byteCount >= EventQueue.byteLimit {
            deliverAll()
        } else {
            deliverSoon()
        }
    }

    /// Delivers all that waits.
    func deliverAll() {
        while let group = turn.ready.last { finish(group) }
    }

    /// Delivers all that waits for one group.
    func finish(_ group: SubscriptionGroup) {
        while group.round != nil || beginRound(group, loop.now) { serve(group, .max) }
        turn.remove(group)
    }

    private func deliverSoon() {
        if let deliverer { loop.flushSoon(deliverer) }
    }

    /// Serves as many streams as one turn may, each group in its turn.
    func deliverSome() {
        guard !turn.ready.isEmpty else { return }
        let now = loop.clock.monotonicNanos()
        var left = Self.streamsPerTurn
        var restEnd = UInt64.max
        // Groups in a row that rest.
        var resting = 0
        while left > 0, resting < turn.ready.count {
            if turn.next >= turn.ready.count { turn.next = 0 }
            let place = turn.next
            let group = turn.ready[place]
            if group.round == nil, now < group.restEnd {
                restEnd = min(restEnd, group.restEnd)
                turn.next += 1
                resting += 1
                continue
            }
            guard group.round != nil || beginRound(group, now) else {
                turn.remove(group)
                continue
            }
            resting = 0
            let weight = group.kind.isCompressed ? Self.compressedWeight : 1
            left -= serve(group, max(min(Self.streamsPerVisit, left) / weight, 1)) * weight
            // One that has nothing more to do has left its place to another.
            if Int(group.readyPlace) == place { turn.next += 1 }
        }
        if left <= 0 {
            deliverSoon()
        } else if restEnd < .max {
            wake(at: restEnd)
        }
    }

    /// Begins a round of `group` with all that waits for it; false if nothing does.
    private func beginRound(_ group: SubscriptionGroup, _ now: UInt64) -> Bool {
        let places = group.pending
        group.pending = []
        guard let first = places.first, let last = places.last,
            let (payload, events) = queue.payload(for: group.kind, places, encoder)
        else { return false }
        roundCount &+= 1
        let start = queue.sequence(first)
        group.round = GroupRound(
            payload: payload, events: events, places: places,
            sequences: start...max(queue.sequence(last), start), start: now,
            left: group.members.count)
        return true
    }

    /// Serves some members of a group in its round; returns how many.
    @discardableResult
    private func serve(_ group: SubscriptionGroup, _ limit: Int) -> Int {
        guard let round = group.round else { return 0 }
        var served = 0
        // Backwards: a stream that is cut leaves its place to the last one, already served.
        var place = min(round.left, group.members.count)
        while place > 0, served < limit {
            place -= 1
            served += 1
            guard place < group.members.count else { continue }
            let subscription = group.members[place]
            guard subscription.isLive else { continue }
            if subscription.position < round.sequences.lowerBound {
                send(round.payload, round.events, round, to: subscription)
            } else if subscription.position < round.sequences.upperBound {
                sendRest(round, to: subscription)
            }
        }
        guard group.round != nil else { return served }
        group.round?.left = place
        if place == 0 { endRound(group, round) }
        return served
    }

    private func endRound(_ group: SubscriptionGroup, _ round: GroupRound) {
        group.round = nil
        queue.passed(round.places)
        if group.pending.isEmpty { turn.remove(group) }
        guard let observer else { return }
        turn.ended.append((group, round.start))
        loop.flushSoon(observer)
    }

    /// Forgets what waits for a group that nobody is left in.
    func abandon(_ group: SubscriptionGroup) {
        if let round = group.round { queue.passed(round.places) }
        group.round = nil
        queue.passed(group.pending)
        group.pending = []
        turn.remove(group)
    }

    /// The server has written what was queued in this turn: who had its round rests as long as it took.
    func turnHasLeft() {
        let now = loop.clock.monotonicNanos()
        for (group, start) in turn.ended {
            let rest = min(now &- start, Self.restLimitNanos)
            group.restEnd = rest < Self.restFloorNanos ? 0 : now &+ rest
        }
        turn.ended.removeAll(keepingCapacity: turn.ended.count <= 256)
    }

    /// Goes on at `time`, when a rest is over.
    private func wake(at time: UInt64) {
        guard time < turn.alarmTime else { return }
        if let alarm = turn.alarm { loop.removeTimer(alarm) }
        turn.alarmTime = time
        turn.alarm = loop.addTimer(at: time) { [unowned self] in
            turn.alarm = nil
            turn.alarmTime = .max
            deliverSoon()
        }
    }

    /// Sends what of the round comes after the stream's replay, which had some of it already.
    private func sendRest(_ round: GroupRound, to subscription: Subscription) {
        let kind = subscription.group.kind
        guard
            let (payload, events) = queue.payload(
                for: kind, round.places, after: subscription.position, encoder)
        else { return }
        send(payload, events, round, to: subscription)
    }

    @inline(__always)
    private func send(
        _ payload: Payload, _ events: Int, _ round: GroupRound, to subscription: Subscription
    ) {
        deliveredCount &+= UInt64(events)
        subscription.position = round.sequences.upperBound
        if subscription.group.kind.format == .array {
            answer(subscription, payload.bytes)
            return
        }
        // A single event may be larger than the limit: only who owes something is slow.
        let backlog = subscription.exchange.backlog
        if backlog > 0, backlog + payload.count > bufferLimit {
            cutCount &+= 1
            subscription.exchange.breakOff()
            return
        }
        if subscription.group.kind.isCompressed {
            subscription.send(payload.bytes)
        } else {
            subscription.exchange.send(framed: payload)
        }
        heartbeats.arm(Int(subscription.slot), ticks: subscription.ticks)
    }
}
