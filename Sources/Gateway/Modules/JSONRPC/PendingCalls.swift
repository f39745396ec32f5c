// PendingCalls: the calls that a child has and has not answered. Sans-IO.
//
//     id = round × 1024 + slot        (a JSON integer below 2^53)
//
// A slot is reused with the next round, so that a late, repeated or invented answer meets an id
// that is no longer there. Callers' own ids never come near a child.

/// Tickets by the id under which the child got them.
///
/// Loop-confined.
struct PendingCalls {
    /// Calls in flight at most, whatever the configuration says.
    static let slotLimit = 1024

    private struct Slot {
        var ticket: CallTicket?
        var round = 1
    }

    private var slots: ContiguousArray<Slot> = []
    private var free: ContiguousArray<Int> = []

    /// Number of calls in flight.
    private(set) var count = 0

    /// Keeps `ticket`; returns the id for the child, or nil if all slots are taken.
    mutating func insert(_ ticket: CallTicket) -> Int? {
        let index: Int
        if let reused = free.popLast() {
            index = reused
        } else {
            guard slots.count < Self.slotLimit else { return nil }
            index = slots.count
            slots.append(Slot())
        }
        slots[index].ticket = ticket
        count += 1
        return slots[index].round &* Self.slotLimit &+ index
    }

    /// The ticket that is kept under `id`.
    func find(_ id: Int) -> CallTicket? {
        guard id > 0 else { return nil }
        let index = id % Self.slotLimit
        guard index < slots.count, slots[index].round == id / Self.slotLimit else { return nil }
        return slots[index].ticket
    }

    /// Whether `id` was given to a call that is over.
    func wasGiven(_ id: Int) -> Bool {
        guard id >= Self.slotLimit else { return false }
        let index = id % Self.slotLimit
        return index < slots.count && id / Self.slotLimit < slots[index].round
    }

    /// Calls `body` with each ticket.
    func forEach(_ body: (CallTicket) -> Void) {
        for slot in slots { if let ticket = slot.ticket { body(ticket) } }
    }

    /// Takes the ticket out that was kept under `id`.
    mutating func remove(_ id: Int) -> CallTicket? {
        guard id > 0 else { return nil }
        let index = id % Self.slotLimit
        guard index < slots.count, slots[index].round == id / Self.slotLimit,
            let ticket = slots[index].ticket
        else { return nil }
        slots[index].ticket = nil
        // 2^43 rounds keep ids below 2^53, which JavaScript children count in.
        slots[index].round = (slots[index].round &+ 1) & 0x7FF_FFFF_FFFF
        free.append(index)
        count -= 1
        return ticket
    }

    /// Takes all tickets out.
    mutating func removeAll() -> [CallTicket] {
        var tickets: [CallTicket] = []
        for index in slots.indices where slots[index].ticket != nil {
            let id = slots[index].round &* Self.slotLimit &+ index
            if let ticket = remove(id) { tickets.append(ticket) }
        }
        return tickets
    }
}
