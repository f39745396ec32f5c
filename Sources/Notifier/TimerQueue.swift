// TimerQueue: pending timers as a binary heap of deadlines. Sans-IO: it knows no clock; the loop
// tells it what time it is.
//
//     heap:  [deadline, age, slot]   smallest deadline first, ties by age
//     slots: [action, interval, place in the heap, generation]
//
// A running timer is in no place of the heap, so a nested step cannot fire it again.

/// Names one timer; worthless after it fired for the last time or was removed.
public struct TimerToken: Hashable, Sendable {
    let slot: UInt32
    let generation: UInt32
}

/// Pending timers in deadline order.
///
/// Loop-confined.
struct TimerQueue {
    private struct Entry {
        var deadline: UInt64
        var age: UInt64
        var slot: UInt32

        @inline(__always)
        func isBefore(_ other: Entry) -> Bool {
            deadline != other.deadline ? deadline < other.deadline : age < other.age
        }
    }

    private struct Slot {
        var action: (() throws -> Disposition)?
        var name = CallbackName(.timer, "")
        var generation: UInt32 = 1
        var intervalNanos: UInt64 = 0  // 0: fires once
        var deadline: UInt64 = 0
        var place = -1  // index in the heap; -1 while it runs
    }

    private var heap: ContiguousArray<Entry> = []
    private var slots: ContiguousArray<Slot> = []
    private var free: ContiguousArray<UInt32> = []
    private var nextAge: UInt64 = 0

    /// Number of pending timers, running ones not counted.
    var count: Int { heap.count }

    /// The earliest deadline in nanoseconds, if any timer is pending.
    var earliest: UInt64? { heap.first?.deadline }

    /// Age that the next timer will get; timers younger than a mark were added after it.
    var mark: UInt64 { nextAge }

    /// Adds a timer that is due at `deadline` and, with an interval, again on the grid.
    mutating func add(
        deadline: UInt64, intervalNanos: UInt64,
        _ name: CallbackName = CallbackName(.timer, "timer"),
        _ action: @escaping () throws -> Disposition
    ) -> TimerToken {
        let index: UInt32
        if let reused = free.popLast() {
            index = reused
        } else {
            index = UInt32(truncatingIfNeeded: slots.count)
            slots.append(Slot())
        }
        slots[Int(index)].action = action
        slots[Int(index)].name = name
        slots[Int(index)].intervalNanos = intervalNanos
        slots[Int(index)].deadline = deadline
        push(index, deadline)
        return TimerToken(slot: index, generation: slots[Int(index)].generation)
    }

    /// Whether `token` names a timer that is pending or running.
    func contains(_ token: TimerToken) -> Bool {
        Int(token.slot) < slots.count && slots[Int(token.slot)].generation == token.generation
            && slots[Int(token.slot)].action != nil
    }

    /// The deadline of `token` in nanoseconds.
    func deadline(_ token: TimerToken) -> UInt64? {
        contains(token) ? slots[Int(token.slot)].deadline : nil
    }

    /// Removes a timer; returns whether there was one.
    @discardableResult
    mutating func remove(_ token: TimerToken) -> Bool {
        guard contains(token) else { return false }
        let place = slots[Int(token.slot)].place
        if place >= 0 { removeFromHeap(at: place) }
        release(token.slot)
        return true
    }

    /// Moves a pending or running timer to a new deadline; the grid starts anew from there.
    @discardableResult
    mutating func move(_ token: TimerToken, to deadline: UInt64) -> Bool {
        guard contains(token) else { return false }
        let place = slots[Int(token.slot)].place
        if place >= 0 { removeFromHeap(at: place) }
        slots[Int(token.slot)].deadline = deadline
        push(token.slot, deadline)
        return true
    }

    /// A due timer taken out of the heap to be run.
    struct Due {
        let token: TimerToken
        let action: () throws -> Disposition
        let deadline: UInt64
    }

    /// Takes the earliest timer that is due at `now` and older than `mark`.
    mutating func takeDue(_ now: UInt64, olderThan mark: UInt64) -> Due? {
        guard let top = heap.first, top.deadline <= now, top.age < mark,
            let action = slots[Int(top.slot)].action
        else { return nil }
        removeFromHeap(at: 0)
        let token = TimerToken(slot: top.slot, generation: slots[Int(top.slot)].generation)
        return Due(token: token, action: action, deadline: top.deadline)
    }

    /// What a timer taken out is called in reports.
    @inline(__always)
    func name(of due: Due) -> CallbackName { slots[Int(due.token.slot)].name }

    /// Puts a timer that has run back on its grid, or frees it.
    mutating func finish(_ due: Due, _ disposition: Disposition, _ now: UInt64) {
        guard contains(due.token) else { return }  // removed itself
        guard slots[Int(due.token.slot)].place < 0 else { return }  // re-armed itself
        let interval = slots[Int(due.token.slot)].intervalNanos
        guard disposition == .keep, interval > 0 else {
            release(due.token.slot)
            return
        }
        // Missed ticks merge into the one that just ran; the grid stays where it was.
        let late = now > due.deadline ? now - due.deadline : 0
        let (step, overflow) = (late / interval).multipliedReportingOverflow(by: interval)
        let (next, carry) = due.deadline.addingReportingOverflow(step &+ interval)
        let deadline = overflow || carry ? UInt64.max : next
        slots[Int(due.token.slot)].deadline = deadline
        push(due.token.slot, deadline)
    }

    private mutating func release(_ slot: UInt32) {
        slots[Int(slot)].action = nil
        slots[Int(slot)].place = -1
        slots[Int(slot)].generation &+= 1
        free.append(slot)
    }

    // MARK: The heap

    private mutating func push(_ slot: UInt32, _ deadline: UInt64) {
        heap.append(Entry(deadline: deadline, age: nextAge, slot: slot))
        nextAge &+= 1
        siftUp(heap.count - 1)
    }

    private mutating func removeFromHeap(at place: Int) {
        slots[Int(heap[place].slot)].place = -1
        let last = heap.removeLast()
        guard place < heap.count else { return }
        heap[place] = last
        if place > 0, last.isBefore(heap[(place - 1) / 2]) {
            siftUp(place)
        } else {
            siftDown(place)
        }
    }

    private mutating func siftUp(_ start: Int) {
        var place = start
        let entry = heap[place]
        while place > 0 {
            let parent = (place - 1) / 2
            guard entry.isBefore(heap[parent]) else { break }
            heap[place] = heap[parent]
            slots[Int(heap[place].slot)].place = place
            place = parent
        }
        heap[place] = entry
        slots[Int(entry.slot)].place = place
    }

    private mutating func siftDown(_ start: Int) {
        var place = start
        let entry = heap[place]
        while true {
            var child = 2 * place + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
            guard heap[child].isBefore(entry) else { break }
            heap[place] = heap[child]
            slots[Int(heap[place].slot)].place = place
            place = child
        }
        heap[place] = entry
        slots[Int(entry.slot)].place = place
    }
}
