// Subscription: one open event stream of one loop, and the table of them.
//
// Streams that ask for the same signals in the same framing form a group: an event is matched once
// and encoded once for each group, however many streams it has.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import Notifier

/// One open event stream.
///
/// Loop-confined.
final class Subscription {
    /// Number of the stream, unique in its loop.
    let number: UInt64

    /// What it asks for.
    let filter: SignalFilter

    /// Where its bytes go.
    let exchange: Exchange

    /// Slot of its connection, for the heartbeat.
    let slot: Int

    /// It has caught up: events go to it as they come.
    @exclusivity(unchecked) var isLive = false

    /// Everything up to here was sent or did not match.
    @exclusivity(unchecked) var position: UInt64 = 0

    @exclusivity(unchecked) fileprivate var place = 0
    @exclusivity(unchecked) fileprivate unowned var group: SubscriptionGroup

    fileprivate init(
        number: UInt64, filter: SignalFilter, exchange: Exchange, group: SubscriptionGroup
    ) {
        self.number = number
        self.filter = filter
        self.exchange = exchange
        self.group = group
        slot = exchange.slot
    }
}

/// Streams with the same wishes.
///
/// Loop-confined.
private final class SubscriptionGroup {
    let filter: SignalFilter
    let isChunked: Bool
    @exclusivity(unchecked) var members: ContiguousArray<Subscription> = []

    init(filter: SignalFilter, isChunked: Bool) {
        self.filter = filter
        self.isChunked = isChunked
    }
}

/// The event streams of one loop.
///
/// Loop-confined.
final class SubscriptionTable {
    /// Streams cut because they read too slowly.
    private(set) var cutCount: UInt64 = 0

    /// Events handed to streams.
    @exclusivity(unchecked) private(set) var deliveredCount: UInt64 = 0

    /// Called when a stream has ended, for whatever reason.
    var onEnded: (Subscription) -> Void = { _ in }

    private let encoder: EventEncoder
    private let bufferLimit: Int
    private let heartbeats = IdleSweep()
    private let heartbeatTicks: UInt32
    private var bySlot: [Int: Subscription] = [:]
    private var groups: [SubscriptionGroup] = []
    private var byNumber: [UInt64: Subscription] = [:]
    private var nextNumber: UInt64 = 0

    /// Makes an empty table; `bufferLimit` is the number of bytes that may wait for one stream.
    init(
        loop: EventLoop, encoder: EventEncoder, bufferLimit: Int, heartbeat: Duration
    ) {
        self.encoder = encoder
        self.bufferLimit = bufferLimit
        heartbeatTicks = IdleSweep.ticks(heartbeat)
        heartbeats.onExpired = { [unowned self] slot in beat(slot) }
        loop.addIdleSweep(heartbeats)
    }

    /// Number of open streams.
    var count: Int { byNumber.count }

    /// Adds a stream that is not live yet.
    func add(_ exchange: Exchange, _ filter: SignalFilter) -> Subscription {
        let isChunked = exchange.streamIsChunked
        let group: SubscriptionGroup
        if let known = groups.first(where: { $0.isChunked == isChunked && $0.filter == filter }) {
            group = known
        } else {
            group = SubscriptionGroup(filter: filter, isChunked: isChunked)
            groups.append(group)
        }
        nextNumber &+= 1
        let subscription = Subscription(
            number: nextNumber, filter: filter, exchange: exchange, group: group)
        subscription.place = group.members.count
        group.members.append(subscription)
        byNumber[nextNumber] = subscription
        bySlot[subscription.slot] = subscription
        heartbeats.arm(subscription.slot, ticks: heartbeatTicks)
        exchange.onAbandoned = { [unowned self, unowned subscription] in remove(subscription) }
        return subscription
    }

    /// The stream with that number, if it is still open.
    func find(_ number: UInt64) -> Subscription? { byNumber[number] }

    /// All open streams.
    var all: [Subscription] { Array(byNumber.values) }

    private func remove(_ subscription: Subscription) {
        guard byNumber.removeValue(forKey: subscription.number) != nil else { return }
        heartbeats.disarm(subscription.slot)
        bySlot[subscription.slot] = nil
        let group = subscription.group
        let last = group.members.removeLast()
        if last !== subscription {
            group.members[subscription.place] = last
            last.place = subscription.place
        }
        if group.members.isEmpty { groups.removeAll { $0 === group } }
        onEnded(subscription)
    }

    /// Ends a stream properly.
    func end(_ subscription: Subscription) {
        remove(subscription)
        subscription.exchange.endStream()
    }

    /// Hands `event` to every live stream that asked for it.
    func deliver(_ event: SignalEvent) {
        for group in groups where group.filter.matches(event.name.bytes) {
            let payload = encoder.encode(event, asChunk: group.isChunked)
            // Backwards: a stream that is cut leaves its place to the last one, already served.
            var place = group.members.count - 1
            while place >= 0 {
                let subscription = group.members[place]
                if subscription.isLive { send(payload, event.sequence, to: subscription) }
                place -= 1
            }
        }
    }

    @inline(__always)
    private func send(_ payload: Payload, _ sequence: UInt64, to subscription: Subscription) {
        // A single event may be larger than the limit: only who owes something is slow.
        let backlog = subscription.exchange.backlog
        if backlog > 0, backlog + payload.count > bufferLimit {
            cutCount &+= 1
            subscription.exchange.breakOff()
            return
        }
        subscription.position = sequence
        subscription.exchange.send(framed: payload)
        deliveredCount &+= 1
        heartbeats.arm(subscription.slot, ticks: heartbeatTicks)
    }

    /// Sends a slice of the past to one stream; it is live afterwards if the slice says so.
    func resume(_ subscription: Subscription, _ slice: ReplaySlice) {
        if let gap = slice.gap {
            var text = ByteBuffer()
            encoder.appendGap(gap, upTo: slice, subscription.filter, to: &text)
            subscription.exchange.send(text.readable)
        }
        for event in slice.events where event.sequence > subscription.position {
            let payload = encoder.encode(event, asChunk: subscription.exchange.streamIsChunked)
            subscription.exchange.send(framed: payload)
            deliveredCount &+= 1
        }
        subscription.position = max(subscription.position, slice.upTo)
        subscription.isLive = slice.isLive
        heartbeats.arm(subscription.slot, ticks: heartbeatTicks)
    }

    private func beat(_ slot: Int) {
        guard let subscription = bySlot[slot] else { return }
        // A peer that has not even taken what waits will not miss a comment.
        if subscription.exchange.backlog == 0 {
            subscription.exchange.send(
                framed: encoder.heartbeat(
                    asChunk: subscription.exchange.streamIsChunked))
        }
        heartbeats.arm(slot, ticks: heartbeatTicks)
    }
}
