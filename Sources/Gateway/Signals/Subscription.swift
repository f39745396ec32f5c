// Subscription: one open event stream of one loop, and the group of those that get the same bytes.

internal import Bytes
internal import Compression
internal import HTTP
internal import Notifier

/// One open event stream, or one long poll that waits.
///
/// Loop-confined.
class Subscription {
    /// Where its bytes go.
    let exchange: Exchange

    // SAFETY: a group lives as long as it has members, and only members are asked for theirs.
    @exclusivity(unchecked) unowned(unsafe) var group: SubscriptionGroup

    /// Everything up to here was sent or did not match.
    @exclusivity(unchecked) var position: UInt64 = 0

    /// Number of the stream: its slot has no other one of that number for weeks.
    let number: UInt32

    /// Slot of its connection: its place in the table.
    let slot: Int32

    /// Pause after which it gets a heartbeat, or for a long poll its answer, in the sweep's ticks.
    let ticks: UInt32

    /// Its place in the group.
    @exclusivity(unchecked) var place: Int32 = 0

    /// It has caught up: events go to it as they come.
    @exclusivity(unchecked) var isLive = false

    /// It came without an id and has not been told one.
    @exclusivity(unchecked) var needsPosition = false

    init(number: UInt32, exchange: Exchange, ticks: UInt32, group: SubscriptionGroup) {
        self.number = number
        self.exchange = exchange
        self.ticks = ticks
        self.group = group
        slot = Int32(clamping: exchange.slot)
    }

    /// What it asks for.
    var filter: SignalFilter { group.kind.filter }

    /// The form of its events.
    var format: StreamFormat { group.kind.format }

    /// Sends a part of the stream.
    func send(_ bytes: UnsafeRawBufferPointer) { exchange.send(bytes) }

    /// Ends the stream properly.
    func endStream() { exchange.endStream() }
}

/// A stream with a compressor of its own.
///
/// Loop-confined.
final class CompressedSubscription: Subscription {
    private let deflater: Deflater
    private var packed = ByteBuffer()

    /// A stream that `deflater` compresses.
    init(
        number: UInt32, exchange: Exchange, ticks: UInt32, group: SubscriptionGroup,
        deflater: Deflater
    ) {
        self.deflater = deflater
        super.init(number: number, exchange: exchange, ticks: ticks, group: group)
    }

    /// Sends a part of the stream so that the peer can read all of it at once.
    override func send(_ bytes: UnsafeRawBufferPointer) {
        deflater.append(bytes, to: &packed, flush: .sync)
        exchange.send(packed.readable)
        packed.release()
    }

    override func endStream() {
        deflater.finish(&packed)
        exchange.send(packed.readable)
        packed.release()
        exchange.endStream()
    }
}

/// Streams that get the same bytes.
///
/// Loop-confined.
final class SubscriptionGroup {
    /// What they have in common.
    let kind: StreamKind

    @exclusivity(unchecked) var members: ContiguousArray<Subscription> = []

    /// The places in the queue of what its next round brings.
    @exclusivity(unchecked) var pending: ContiguousArray<UInt64> = []

    /// The last event that it was asked about.
    @exclusivity(unchecked) var asked: UInt64 = 0

    /// Its place among the groups that have something to do; negative if it has nothing.
    @exclusivity(unchecked) var readyPlace: Int32 = -1

    /// The round that is under way.
    @exclusivity(unchecked) var round: GroupRound?

    /// No round begins before that time.
    @exclusivity(unchecked) var restEnd: UInt64 = 0

    /// A group without members.
    init(_ kind: StreamKind) { self.kind = kind }

    /// Adds a member.
    func add(_ subscription: Subscription) {
        subscription.place = Int32(clamping: members.count)
        members.append(subscription)
    }

    /// Takes a member out; the last one moves to its place.
    ///
    /// In a round that is why members know how far they have come: the last one may have been served.
    func remove(_ subscription: Subscription) {
        let last = members.removeLast()
        guard last !== subscription else { return }
        members[Int(subscription.place)] = last
        last.place = subscription.place
    }
}

/// A round: what waited for a group goes to its members, from the last one to the first, over as many
/// turns as it takes.
struct GroupRound {
    /// What the members get who have had none of it, and the number of events in it.
    let payload: Payload
    let events: Int
    /// Where it lies in the queue, which keeps it for those who have had some of it.
    let places: ContiguousArray<UInt64>
    /// The first and the last sequence number.
    let sequences: ClosedRange<UInt64>
    /// When it began, in nanoseconds of the loop's clock.
    let start: UInt64
    /// Number of members that have not been served yet.
    var left: Int
}
