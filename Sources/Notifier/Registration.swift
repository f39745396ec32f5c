// Registration: the table of watched descriptors.
//
//     token (64 bit) = generation (high 32) | index (low 32)
//
// A slot is reused only with a higher generation, so an event or a token that outlived its
// registration matches nobody: a reused descriptor number never reaches a former owner.

/// Names one watched descriptor; worthless after its removal.
public struct WatchToken: Hashable, Sendable {
    let rawValue: UInt64

    var index: Int { Int(truncatingIfNeeded: rawValue & 0xFFFF_FFFF) }
    var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }

    init(index: Int, generation: UInt32) {
        rawValue = UInt64(generation) << 32 | UInt64(UInt32(truncatingIfNeeded: index))
    }

    init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// What a callback has been told of the end of its descriptor.
enum Ending {
    /// Nothing that would repeat itself.
    case none
    /// That the peer has closed, while bytes wait which the owner does not want to read now.
    case peerClosedUnread
    /// That the peer has closed, and all has been read.
    case peerClosed
    /// Hang-up or error, while bytes wait which the owner does not want to read now.
    case endedUnread
}

/// One slot of the table.
///
/// Loop-confined.
final class Registration {
    @exclusivity(unchecked) var callback: ((Readiness) throws -> Disposition)?
    @exclusivity(unchecked) var descriptor: Int32 = -1
    @exclusivity(unchecked) var interest: Interest = []
    @exclusivity(unchecked) var generation: UInt32 = 1
    /// What the callback is called in reports.
    @exclusivity(unchecked) var name = CallbackName(.descriptor, "")
    /// The callback is on the stack: a nested step must not enter it again.
    @exclusivity(unchecked) var isRunning = false
    /// A nested step found it ready while it was running: it is silent until the callback is back.
    @exclusivity(unchecked) var isSuspended = false
    /// How much of the end was delivered; what would repeat it is no longer asked for.
    @exclusivity(unchecked) var ending = Ending.none
    /// Number of the poll whose event was delivered last: an older one is stale.
    @exclusivity(unchecked) var lastPoll: UInt64 = 0

    var isLive: Bool { callback != nil }
}

/// Slots of watched descriptors by index.
///
/// Loop-confined.
struct RegistrationTable {
    private var slots: ContiguousArray<Registration> = []
    private var free: [Int] = []
    /// The slot of each descriptor number; -1: none.
    private var slotOfNumber: ContiguousArray<Int32> = []

    /// Number of watched descriptors.
    var count: Int { slots.count - free.count }

    /// Takes a slot for `descriptor` and returns its token.
    mutating func insert(
        _ descriptor: Int32, _ interest: Interest, _ name: CallbackName,
        _ callback: @escaping (Readiness) throws -> Disposition
    ) -> WatchToken {
        let index: Int
        if let reused = free.popLast() {
            index = reused
        } else {
            index = slots.count
            slots.append(Registration())
        }
        let slot = slots[index]
        slot.descriptor = descriptor
        slot.interest = interest
        slot.callback = callback
        slot.name = name
        slot.ending = .none
        slot.isRunning = false
        slot.isSuspended = false
        slot.lastPoll = 0
        return WatchToken(index: index, generation: slot.generation)
    }

    /// Notes that `token` is the one the kernel knows by its descriptor's number.
    ///
    /// A former registration of that number goes: the kernel would have refused the new one, if its
    /// owner had not closed the descriptor.
    ///
    /// - Returns: whether there was a former one.
    mutating func settle(_ token: WatchToken, _ descriptor: Int32) -> Bool {
        let number = Int(descriptor)
        if number >= slotOfNumber.count {
            let missing = max(number + 1, 2 * slotOfNumber.count) - slotOfNumber.count
            slotOfNumber.append(contentsOf: repeatElement(-1, count: missing))
        }
        let former = Int(slotOfNumber[number])
        if former >= 0 {
            remove(WatchToken(index: former, generation: slots[former].generation))
        }
        slotOfNumber[number] = Int32(truncatingIfNeeded: token.index)
        return former >= 0
    }

    /// Calls `body` for each live registration.
    func forEach(_ body: (Registration, WatchToken) -> Void) {
        for (index, slot) in slots.enumerated() where slot.isLive {
            body(slot, WatchToken(index: index, generation: slot.generation))
        }
    }

    /// As `find`, without counting a reference: slots stay as long as the table.
    @inline(__always)
    func peek(_ token: WatchToken) -> Unmanaged<Registration>? {
        let index = token.index
        guard index < slots.count else { return nil }
        let slot = Unmanaged.passUnretained(slots[index])
        let isLive = slot._withUnsafeGuaranteedRef {
            $0.generation == token.generation && $0.isLive
        }
        return isLive ? slot : nil
    }

    /// The live registration of `token`, if it is still that one.
    @inline(__always)
    func find(_ token: WatchToken) -> Registration? {
        let index = token.index
        guard index < slots.count else { return nil }
        let slot = slots[index]
        return slot.generation == token.generation && slot.isLive ? slot : nil
    }

    /// Frees the slot of `token`.
    mutating func remove(_ token: WatchToken) {
        guard let slot = find(token) else { return }
        let number = Int(slot.descriptor)
        if slotOfNumber.indices.contains(number), slotOfNumber[number] == Int32(token.index) {
            slotOfNumber[number] = -1
        }
        slot.callback = nil
        slot.descriptor = -1
        // 2^32 reuses of one slot while one event is in flight cannot happen: a batch is 512. But a
        // busy slot gets there in weeks, and generation 0 of slot 0 would be the mailbox's token.
        slot.generation = slot.generation == .max ? 1 : slot.generation + 1
        free.append(token.index)
    }
}
