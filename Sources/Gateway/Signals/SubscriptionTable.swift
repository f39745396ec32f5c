// SubscriptionTable: the event streams of one loop, from their beginning to their end. How they get
// their events is in SubscriptionTable+Rounds.

internal import Bytes
internal import Compression
internal import HTTP
internal import HTTPWire
internal import Notifier

/// The event streams of one loop.
///
/// Loop-confined.
final class SubscriptionTable {
    /// Streams that may be compressed at a time, each with 32 KiB of its own; others are sent as
    /// they are.
    static let compressedLimit = 512

    /// Patterns of all groups: some hundred bytes each.
    static let patternLimit = 100_000

    /// Streams cut because they read too slowly.
    var cutCount: UInt64 = 0

    /// Hears of a stream that is about to be cut, and how many bytes it would be owed.
    var onCut: (_ exchange: Exchange, _ filter: SignalFilter, _ owedBytes: Int) -> Void = {
        _, _, _ in
    }

    /// Events handed to streams.
    @exclusivity(unchecked) var deliveredCount: UInt64 = 0

    /// Rounds in which a group of streams was given what waited.
    @exclusivity(unchecked) var roundCount: UInt64 = 0

    /// Number of open streams, and of long polls that wait.
    private(set) var count = 0

    /// Number of patterns that all groups have together.
    private(set) var patternCount = 0

    /// Called when a stream has ended, for whatever reason, with what it had asked for.
    var onEnded: (SignalFilter) -> Void = { _ in }

    let loop: EventLoop
    let encoder: EventEncoder
    let bufferLimit: Int
    let heartbeats = IdleSweep()
    private let defaultTicks: UInt32
    private var slots: ContiguousArray<Subscription?> = []
    private var groups: [StreamKind: SubscriptionGroup] = [:]
    @exclusivity(unchecked) private(set) var wishes = PatternIndex<SubscriptionGroup>()
    private var nextNumber: UInt32 = 0
    private var compressedCount = 0

    @exclusivity(unchecked) var queue = EventQueue()
    @exclusivity(unchecked) var turn = DeliveryTurn()
    /// Number of the last event that this loop has heard of, or that an earlier run has emitted.
    @exclusivity(unchecked) var newest: UInt64
    private let earlier: UInt64
    /// Delivers, before the server's own flusher runs.
    private(set) var deliverer: Flusher?
    /// Runs after it.
    private(set) var observer: Flusher?

    /// Makes an empty table.
    ///
    /// - Parameters:
    ///   - bufferLimit: the number of bytes that may wait for one stream.
    ///   - newest: the number of the last event that an earlier run may have emitted.
    init(
        loop: EventLoop, encoder: EventEncoder, bufferLimit: Int, heartbeat: Duration,
        newest: UInt64 = 0
    ) {
        self.newest = newest
        earlier = newest
        self.loop = loop
        self.encoder = encoder
        self.bufferLimit = bufferLimit
        defaultTicks = IdleSweep.ticks(heartbeat)
        heartbeats.onExpired = { [unowned self] slot in beat(slot) }
        loop.addIdleSweep(heartbeats)
        // To be made before the server's own flusher, which writes what this one queues.
        deliverer = loop.addFlusher(onDemand: true) { [unowned(unsafe) self] in deliverSome() }
    }

    /// Lets the table measure its rounds; to be called when the server's flusher is in place.
    func watchRounds() {
        observer = loop.addFlusher(onDemand: true) { [unowned(unsafe) self] in turnHasLeft() }
    }

    /// Whether `newest` is a number that the hub has given, or the 0 before all of them.
    var knowsNewest: Bool { newest != earlier || earlier == 0 }

    // MARK: Streams

    /// Adds a stream that is not live yet.
    ///
    /// - Parameters:
    ///   - pause: its heartbeat, or the longest wait of a long poll; nil for the usual heartbeat.
    func add(_ exchange: Exchange, _ kind: StreamKind, pause: Duration? = nil) -> Subscription {
        let group: SubscriptionGroup
        if let known = groups[kind] {
            group = known
        } else {
            group = SubscriptionGroup(kind)
            groups[kind] = group
            wishes.insert(group, for: kind.filter.patterns)
            patternCount += kind.filter.patterns.count
        }
        nextNumber &+= 1
        let ticks = pause.map(IdleSweep.ticks) ?? defaultTicks
        let subscription: Subscription
        if kind.isCompressed, let deflater = try? Deflater(.gzip, memory: .small) {
            compressedCount += 1
            subscription = CompressedSubscription(
                number: nextNumber, exchange: exchange, ticks: ticks, group: group,
                deflater: deflater)
        } else {
            subscription = Subscription(
                number: nextNumber, exchange: exchange, ticks: ticks, group: group)
        }
        group.add(subscription)
        let slot = Int(subscription.slot)
        while slots.count <= slot { slots.append(nil) }
        slots[slot] = subscription
        count += 1
        heartbeats.arm(slot, ticks: subscription.ticks)
        return subscription
    }

    /// Forgets the stream of `exchange`, which has ended by itself or by its peer.
    ///
    /// Told by the server rather than by a closure for each stream: that is 48 bytes of each.
    func ended(_ exchange: Exchange) {
        let slot = exchange.slot
        guard count > 0, slots.indices.contains(slot), let subscription = slots[slot],
            subscription.exchange === exchange
        else { return }
        remove(subscription)
    }

    /// Whether one more stream may be compressed.
    var mayCompress: Bool { compressedCount < Self.compressedLimit }

    /// The stream with that number, if it is still open.
    func find(_ slot: Int32, _ number: UInt32) -> Subscription? {
        guard slots.indices.contains(Int(slot)), let found = slots[Int(slot)],
            found.number == number
        else { return nil }
        return found
    }

    /// All open streams.
    var all: [Subscription] { slots.compactMap { $0 } }

    private func remove(_ subscription: Subscription) {
        let slot = Int(subscription.slot)
        guard slots.indices.contains(slot), slots[slot] === subscription else { return }
        heartbeats.disarm(slot)
        slots[slot] = nil
        count -= 1
        if subscription is CompressedSubscription { compressedCount -= 1 }
        let group = subscription.group
        group.remove(subscription)
        if group.members.isEmpty { remove(group) }
        onEnded(group.kind.filter)
    }

    private func remove(_ group: SubscriptionGroup) {
        abandon(group)
        groups[group.kind] = nil
        wishes.remove(group, for: group.kind.filter.patterns)
        patternCount -= group.kind.filter.patterns.count
    }

    /// Ends a stream properly.
    func end(_ subscription: Subscription) {
        remove(subscription)
        subscription.endStream()
    }

    // MARK: Replay

    /// Sends a slice of the past to one stream; it is live afterwards if that was the last one.
    func resume(_ subscription: Subscription, _ slice: ReplaySlice) {
        let format = subscription.format
        var text = ByteBuffer()
        var isFirst = true
        func part(_ append: (inout ByteBuffer) -> Void) {
            if format == .array, !isFirst { text.append(UInt8(ascii: ",")) }
            isFirst = false
            append(&text)
        }
        if let gap = slice.gap { part { encoder.append(gap, format, to: &$0) } }
        for event in slice.events where slice.isSnapshot || event.sequence > subscription.position {
            part { encoder.append(event, format, isSnapshot: slice.isSnapshot, to: &$0) }
            deliveredCount &+= 1
        }
        subscription.position = max(subscription.position, slice.position)
        if format == .array, case .snapshot(let upTo, _) = slice.next {
            // There are more latest values than one answer has: the next one goes on after these.
            subscription.position = upTo
        }
        subscription.isLive = slice.next == nil
        if format == .array {
            // Who does not want to wait is not made to, for the rest of a tick.
            let isDone = subscription.isLive && subscription.ticks <= IdleSweep.ticks(.zero)
            if !isFirst || isDone { answer(subscription, text.readable) }
            return
        }
        if subscription.isLive, subscription.needsPosition {
            encoder.appendPosition(subscription.position, format, to: &text)
        }
        if !text.isEmpty { subscription.send(text.readable) }
        heartbeats.arm(Int(subscription.slot), ticks: subscription.ticks)
    }

    // MARK: Silence

    private func beat(_ slot: Int) {
        guard slots.indices.contains(slot), let subscription = slots[slot] else { return }
        guard subscription.format != .array else {
            endWait(subscription)
            return
        }
        // A peer that has not even taken what waits will not miss a comment.
        if subscription.exchange.backlog == 0 {
            var text = ByteBuffer()
            let seconds = Int(subscription.ticks - 1) * Int(IdleSweep.tickNanos / 1_000_000) / 1000
            encoder.appendHeartbeat(subscription.format, seconds: seconds, to: &text)
            subscription.send(text.readable)
        }
        heartbeats.arm(slot, ticks: subscription.ticks)
    }

    /// Answers a long poll for which nothing has come.
    func endWait(_ subscription: Subscription) {
        finish(subscription.group)
        guard find(subscription.slot, subscription.number) != nil else { return }
        guard subscription.isLive else {
            // Nobody knows yet where it stands: that is a matter of milliseconds.
            heartbeats.arm(Int(subscription.slot), ticks: 1)
            return
        }
        subscription.position = max(subscription.position, newest)
        answer(subscription, UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// Answers a long poll with `elements` of an array, and the id to go on with.
    func answer(_ subscription: Subscription, _ elements: UnsafeRawBufferPointer) {
        let position = subscription.position
        remove(subscription)
        let exchange = subscription.exchange
        exchange.extraFields.append("Last-Event-ID: ")
        encoder.appendID(position, to: &exchange.extraFields)
        exchange.extraFields.append("\r\n")
        var body = ByteBuffer()
        body.append(UInt8(ascii: "["))
        body.append(elements)
        body.append("]\n")
        exchange.respond(200, type: StreamFormat.array.mediaType, body)
    }
}
