// TimerQueue: pending timers as a heap of deadlines. Sans-IO: it knows no clock; the loop tells it
// what time it is.
//
//     heap:  [deadline, age, slot]   16 bytes; four children each, the smallest deadline on top
//     slots: [action, name, interval, deadline, age, generation]
//
// A timer that is removed or moved leaves its entry in the heap, where the age tells that it is
// stale: cancelling touches one slot, and sifting touches the heap alone. Stale entries go when
// they come to the top, or all together when they outnumber the live ones; so the heap is at most
// twice as long as it must be, and a removal costs O(1), that sweep shared among those it serves.
//
// A running timer has no live entry, so a nested step cannot fire it again.

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
        /// The lower half of the slot's age.
        var age: UInt32
        var slot: UInt32

        @inline(__always)
        func isBefore(_ other: Entry) -> Bool {
            if deadline != other.deadline { return deadline < other.deadline }
            // The difference, as ages start over: two of one deadline are not 2^31 timers apart.
            return Int32(bitPattern: age &- other.age) < 0
        }
    }

    /// What a timer does; kept apart so that one which fires once needs no closure around it.
    fileprivate enum Action {
        case once(() throws -> Void)
        case repeating(() throws -> Disposition)
    }

    private struct Slot {
        var action: Action?
        var name = CallbackName(.timer, "")
        var generation: UInt32 = 1
        var intervalNanos: UInt64 = 0  // 0: fires once
        var deadline: UInt64 = 0
        var age: UInt64 = 0
        var isPending = false  // it has a live entry
        var isRunning = false
        var isMoved = false  // to `deadline`, while it runs
    }

    /// Below this many entries stale ones are not worth a sweep.
    private static let sweepMinimum = 64

    // INVARIANT: the first entry is live.
    private var heap: ContiguousArray<Entry> = []
    private var staleCount = 0
    private var slots: ContiguousArray<Slot> = []
    private var free: ContiguousArray<UInt32> = []
    private var nextAge: UInt64 = 0

    /// Number of pending timers, running ones not counted.
    var count: Int { heap.count - staleCount }

    /// Entries of the heap, stale ones included.
    var entryCount: Int { heap.count }

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
        insert(deadline, intervalNanos, name, .repeating(action))
    }

    /// Adds a timer that fires once, at `deadline`.
    mutating func add(
        deadline: UInt64, _ name: CallbackName, once action: @escaping () throws -> Void
    ) -> TimerToken {
        insert(deadline, 0, name, .once(action))
    }

    private mutating func insert(
        _ deadline: UInt64, _ intervalNanos: UInt64, _ name: CallbackName, _ action: Action
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

    /// What a removed timer would have done.
    struct Removed {
        fileprivate let body: Action
    }

    /// Removes a timer; returns whether there was one.
    @discardableResult
    mutating func remove(_ token: TimerToken) -> Bool { take(token) != nil }

    /// Removes a timer and returns what it would have done, if there was one.
    ///
    /// To be let go outside of the queue: what an action holds may call the loop as it goes.
    mutating func take(_ token: TimerToken) -> Removed? {
        guard contains(token), let action = slots[Int(token.slot)].action else { return nil }
        let wasPending = slots[Int(token.slot)].isPending
        release(token.slot)
        if wasPending { noteStale() }
        return Removed(body: action)
    }

    /// Moves a pending or running timer to a new deadline; the grid starts anew from there.
    ///
    /// A running one is pending again when it has returned: nested steps do not enter it.
    @discardableResult
    mutating func move(_ token: TimerToken, to deadline: UInt64) -> Bool {
        guard contains(token) else { return false }
        if slots[Int(token.slot)].isRunning {
            slots[Int(token.slot)].deadline = deadline
            slots[Int(token.slot)].isMoved = true
            return true
        }
        let wasPending = slots[Int(token.slot)].isPending
        push(token.slot, deadline)
        if wasPending { noteStale() }
        return true
    }

    /// A due timer taken out of the heap to be run.
    struct Due {
        let token: TimerToken
        let deadline: UInt64
        fileprivate let body: Action

        /// Does what the timer is for.
        @inline(__always)
        func action() throws -> Disposition {
            switch body {
            case .once(let action):
                try action()
                return .stop
            case .repeating(let action):
                return try action()
            }
        }
    }

    /// Takes the earliest timer that is due at `now` and older than `mark`.
    mutating func takeDue(_ now: UInt64, olderThan mark: UInt64) -> Due? {
        guard let top = heap.first, top.deadline <= now else { return nil }
        let slot = Int(top.slot)
        guard slots[slot].age < mark, let action = slots[slot].action else { return nil }
        slots[slot].isPending = false
        slots[slot].isRunning = true
        let token = TimerToken(slot: top.slot, generation: slots[slot].generation)
        removeTop()
        dropStaleTop()
        return Due(token: token, deadline: top.deadline, body: action)
    }

    /// What a timer taken out is called in reports.
    @inline(__always)
    func name(of due: Due) -> CallbackName { slots[Int(due.token.slot)].name }

    /// Puts a timer that has run back on its grid, or frees it.
    mutating func finish(_ due: Due, _ disposition: Disposition, _ now: UInt64) {
        guard contains(due.token) else { return }  // removed itself
        let interval = slots[Int(due.token.slot)].intervalNanos
        let isMoved = slots[Int(due.token.slot)].isMoved
        slots[Int(due.token.slot)].isRunning = false
        slots[Int(due.token.slot)].isMoved = false
        // A timer that fires once has no other way to go on; a periodic one may still say stop.
        if isMoved, interval == 0 || disposition == .keep {
            push(due.token.slot, slots[Int(due.token.slot)].deadline)
            return
        }
        guard disposition == .keep, interval > 0 else {
            release(due.token.slot)
            return
        }
        // Missed ticks merge into the one that just ran; the grid stays where it was.
        let late = now > due.deadline ? now - due.deadline : 0
        let (step, overflow) = (late / interval).multipliedReportingOverflow(by: interval)
        let (next, carry) = due.deadline.addingReportingOverflow(step &+ interval)
        push(due.token.slot, overflow || carry ? UInt64.max : next)
    }

    private mutating func release(_ slot: UInt32) {
        slots[Int(slot)].action = nil
        slots[Int(slot)].isPending = false
        slots[Int(slot)].isRunning = false
        slots[Int(slot)].isMoved = false
        slots[Int(slot)].generation &+= 1
        free.append(slot)
    }

    // MARK: Stale entries

    @inline(__always)
    private func isLive(_ entry: Entry) -> Bool {
        let index = Int(entry.slot)
        // Both, as the lower half of an age comes again after 2^32 timers.
        return slots[index].isPending
            && UInt32(truncatingIfNeeded: slots[index].age) == entry.age
            && slots[index].deadline == entry.deadline
    }

    /// Counts one more entry as stale.
    private mutating func noteStale() {
        staleCount += 1
        dropStaleTop()
        if staleCount > Self.sweepMinimum, staleCount > heap.count / 2 { sweep() }
    }

    private mutating func dropStaleTop() {
        while staleCount > 0, let top = heap.first, !isLive(top) {
            removeTop()
            staleCount -= 1
        }
    }

    /// Removes all stale entries and makes a heap of the others.
    private mutating func sweep() {
        var kept = 0
        for place in 0..<heap.count where isLive(heap[place]) {
            heap[kept] = heap[place]
            kept += 1
        }
        heap.removeLast(heap.count - kept)
        staleCount = 0
        guard kept > 1 else { return }
        for place in stride(from: (kept - 2) / 4, through: 0, by: -1) {
            siftDown(heap[place], from: place)
        }
    }

    // MARK: The heap

    private mutating func push(_ slot: UInt32, _ deadline: UInt64) {
        let age = nextAge
        nextAge &+= 1
        slots[Int(slot)].deadline = deadline
        slots[Int(slot)].age = age
        slots[Int(slot)].isPending = true
        let entry = Entry(deadline: deadline, age: UInt32(truncatingIfNeeded: age), slot: slot)
        heap.append(entry)
        siftUp(entry, from: heap.count - 1)
    }

    private mutating func removeTop() {
        let last = heap.removeLast()
        if !heap.isEmpty { siftDown(last, from: 0) }
    }

    private mutating func siftUp(_ entry: Entry, from start: Int) {
        heap.withUnsafeMutableBufferPointer { heap in
            var place = start
            while place > 0 {
                let parent = (place - 1) / 4
                guard entry.isBefore(heap[parent]) else { break }
                heap[place] = heap[parent]
                place = parent
            }
            heap[place] = entry
        }
    }

    private mutating func siftDown(_ entry: Entry, from start: Int) {
        heap.withUnsafeMutableBufferPointer { heap in
            var place = start
            while 4 * place + 1 < heap.count {
                let first = 4 * place + 1
                var least = first
                for child in first + 1..<min(first + 4, heap.count)
                where heap[child].isBefore(heap[least]) {
                    least = child
                }
                guard heap[least].isBefore(entry) else { break }
                heap[place] = heap[least]
                place = least
            }
            heap[place] = entry
        }
    }
}
