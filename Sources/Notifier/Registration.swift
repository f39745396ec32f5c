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

/// One watched descriptor.
///
/// Loop-confined. It lives until its callback has returned, so that nobody need count references
/// while the callback runs.
final class Registration {
    let callback: (Readiness) throws -> Disposition
    let descriptor: Int32
    let generation: UInt32
    /// What the callback is called in reports.
    let name: CallbackName
    @exclusivity(unchecked) var interest: Interest
    /// The callback is on the stack: a nested step must not enter it again.
    @exclusivity(unchecked) var isRunning = false
    /// Nobody is told any more.
    @exclusivity(unchecked) var isRemoved = false
    /// A nested step found it ready while it was running: it is silent until the callback is back.
    @exclusivity(unchecked) var isSuspended = false
    /// How much of the end was delivered; what would repeat it is no longer asked for.
    @exclusivity(unchecked) var ending = Ending.none
    /// Number of the poll whose event was delivered last: an older one is stale.
    @exclusivity(unchecked) var lastPoll: UInt64 = 0

    init(
        _ descriptor: Int32, _ interest: Interest, _ name: CallbackName, generation: UInt32,
        _ callback: @escaping (Readiness) throws -> Disposition
    ) {
        self.descriptor = descriptor
        self.interest = interest
        self.name = name
        self.generation = generation
        self.callback = callback
    }
}

/// Watched descriptors by index.
///
/// Loop-confined.
struct RegistrationTable {
    private var slots: ContiguousArray<Registration?> = []
    /// The generation that the next registration of each slot will have.
    private var generations: ContiguousArray<UInt32> = []
    private var free: [Int] = []
    /// The slot of each descriptor number; -1: none.
    private var slotOfNumber: ContiguousArray<Int32> = []
    /// Those that were removed while their callbacks run.
    private var leaving: [Registration] = []

    /// Number of watched descriptors.
    var count: Int { slots.count - free.count }

    /// Takes a slot for `descriptor` and returns its token.
    mutating func insert(
        _ descriptor: Int32, _ interest: Interest, _ name: CallbackName,
        _ callback: @escaping (Readiness) throws -> Disposition
    ) -> WatchToken {
        let index = free.popLast() ?? slots.count
        if index == slots.count {
            slots.append(nil)
            generations.append(1)
        }
        let generation = generations[index]
        slots[index] = Registration(
            descriptor, interest, name, generation: generation, callback)
        return WatchToken(index: index, generation: generation)
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
            remove(WatchToken(index: former, generation: generations[former]))
        }
        slotOfNumber[number] = Int32(truncatingIfNeeded: token.index)
        return former >= 0
    }

    /// Calls `body` for each live registration.
    func forEach(_ body: (Registration, WatchToken) -> Void) {
        for (index, slot) in slots.enumerated() {
            guard let slot else { continue }
            body(slot, WatchToken(index: index, generation: slot.generation))
        }
    }

    /// As `find`, without counting a reference: it lives until its callback has returned.
    @inline(__always)
    func peek(_ token: WatchToken) -> Unmanaged<Registration>? {
        let index = token.index
        guard index < slots.count, let slot = slots[index].map(Unmanaged.passUnretained),
            slot._withUnsafeGuaranteedRef({ $0.generation == token.generation })
        else { return nil }
        return slot
    }

    /// The live registration of `token`, if it is still that one.
    @inline(__always)
    func find(_ token: WatchToken) -> Registration? {
        let index = token.index
        guard index < slots.count, let slot = slots[index], slot.generation == token.generation
        else { return nil }
        return slot
    }

    /// Frees the slot of `token`.
    mutating func remove(_ token: WatchToken) {
        guard let slot = find(token) else { return }
        let number = Int(slot.descriptor)
        if slotOfNumber.indices.contains(number), slotOfNumber[number] == Int32(token.index) {
            slotOfNumber[number] = -1
        }
        slot.isRemoved = true
        slots[token.index] = nil
        if slot.isRunning { leaving.append(slot) }
        // 2^32 reuses of one slot while one event is in flight cannot happen: a batch is 512. But a
        // busy slot gets there in weeks, and generation 0 of slot 0 would be the mailbox's token.
        generations[token.index] = slot.generation == .max ? 1 : slot.generation + 1
        free.append(token.index)
    }

    /// Lets go of one that was removed while its callback ran, which has returned.
    mutating func release(_ slot: Registration) {
        leaving.removeAll { $0 === slot }
    }
}
