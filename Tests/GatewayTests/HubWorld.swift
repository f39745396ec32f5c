// HubWorld: the hub with loops that are mailboxes, streams that are cursors, and a disk that is two
// dictionaries; all that happens is chance.

import Bytes
import Foundation
import Testing

@testable import Gateway

/// What is broken on purpose, to see that it is noticed.
enum HubSabotage: CaseIterable {
    case losesMail, losesGaps, repeatsRounds, forgetsPositions, forgetsStored, swapsEvents
}

/// A client: what it asks for, what it saw, what it was told to be lost.
final class HubClient {
    let filter: SignalFilter
    var start: UInt64?
    var lastID: UInt64?
    var seen: [UInt64] = []
    var lost: [(signal: String, after: UInt64, upTo: UInt64)] = []
    var faults: [String] = []
    // Its stream, if it has one.
    var loop = -1
    var number = 0
    var isLive = false
    var position: UInt64 = 0
    /// What waits for it in the loop's queue: it is a group of its own.
    var pending: ContiguousArray<UInt64> = []

    init(_ filter: SignalFilter) { self.filter = filter }
}

final class HubLoop {
    var mail: [(HubLoop) -> Void] = []
    var queue = EventQueue()
    var streams: [Int: HubClient] = [:]

    func take(_ event: SignalEvent) {
        let wishers = streams.values.filter { $0.filter.wants(event) }
        for client in wishers { client.pending.append(queue.end) }
        if !wishers.isEmpty { queue.append(event, groups: wishers.count) }
    }

    func add(_ client: HubClient) {
        client.pending = []
        streams[client.number] = client
    }

    func remove(_ client: HubClient) {
        streams[client.number] = nil
        queue.passed(client.pending)
        client.pending = []
    }
}

private func patterns(_ texts: [String]) -> [SignalPattern] {
    texts.compactMap { SignalPattern($0) }
}

/// What outlives a run of the hub.
struct HubDisk {
    var events: [UInt64: SignalEvent] = [:]
    var losses: [String: UInt64] = [:]
}

final class HubWorld {
    var dice: Dice
    let sabotage: HubSabotage?
    private var hub: SignalHub
    private let bounds: SignalHistory.Bounds
    var loops: [HubLoop] = []
    var controlMail: [() -> Void] = []
    var clients: [HubClient] = []
    /// What was published, in order, with the last number of the run that published it.
    var emitted: [(sequence: UInt64, name: String)] = []
    var faults: [String] = []
    /// Ends of the runs before: what was not stored may be gone up to there.
    var floors: [UInt64] = []
    private var latest: [String: UInt64] = [:]
    private var disk = HubDisk()
    private var held: [HeldEmission] = []
    private var batch: [(held: HeldEmission, event: SignalEvent)] = []
    private var wall: Int64 = 0
    private var nextNumber = 0
    private let names = ["a.x", "a.y", "a.z.q", "b.x", "b.loud", "state.s", "safe.a", "safe.b"]
    private let encoder = EventEncoder(epoch: SignalEpoch("k3f9abcd"))

    init(seed: UInt64, _ sabotage: HubSabotage? = nil) {
        dice = Dice(state: seed)
        self.sabotage = sabotage
        var bounds = SignalHistory.Bounds()
        bounds.passing.events = Int.random(in: 1...60, using: &dice)
        bounds.passing.bytes =
            Bool.random(using: &dice) ? 16 << 20 : Int.random(in: 400...6000, using: &dice)
        bounds.passing.ageNanos = Bool.random(using: &dice) ? 200 : nil
        bounds.durable.events = Int.random(in: 1...30, using: &dice)
        bounds.durable.ageNanos = Bool.random(using: &dice) ? 400 : nil
        bounds.latestBytes = bounds.passing.bytes
        bounds.rules = patterns(["b.loud", "a.y", "state.*", "safe.*"]).map { SignalRule($0) }
        bounds.rules[0].events = Int.random(in: 0...5, using: &dice)
        bounds.rules[1].ageNanos = 100
        bounds.rules[2].isLatest = true
        bounds.rules[3].isDurable = true
        bounds.rules[3].bytes = Bool.random(using: &dice) ? 2000 : nil
        self.bounds = bounds
        hub = SignalHub(epoch: SignalEpoch("k3f9abcd"), history: bounds)
        loops = (0..<Int.random(in: 1...3, using: &dice)).map { _ in HubLoop() }
        let wishes = [
            ["**"], ["a.*"], ["a.**", "b.x"], ["b.loud"], ["state.s", "a.x"], ["b.*"], ["safe.*"],
            ["safe.a", "b.x"],
        ]
        clients = wishes.flatMap { wish in
            (0..<2).map { _ in HubClient(SignalFilter(patterns(wish))) }
        }
        connect()
    }

    private func connect() {
        hub.onEvent = { [unowned self] event in
            emitted.append((event.sequence, event.name.text))
            latest[event.name.text] = event.sequence
            for loop in loops { loop.mail.append { $0.take(event) } }
        }
        hub.onHold = { [unowned self] in held.append($0) }
        hub.whenDropped { [unowned self] event in
            disk.events[event.sequence] = nil
            disk.losses[event.name.text] = event.sequence
        }
    }

    func step() {
        wall += Int64.random(in: 0...4, using: &dice)
        switch Int.random(in: 0..<200, using: &dice) {
        case 0..<60: emit()
        case 60..<80: toggle(pick(clients))
        case 80..<110: if !controlMail.isEmpty { controlMail.removeFirst()() }
        case 110..<165: deliverMail(pick(loops))
        case 165..<180: turnDisk()
        case 180: if Int.random(in: 0..<4, using: &dice) == 0 { restart() }
        default: deliverRound(pick(loops))
        }
    }

    private func pick<Thing>(_ things: [Thing]) -> Thing {
        things[Int.random(in: 0..<things.count, using: &dice)]
    }

    private func emit() {
        let name = pick(names)
        let data = [UInt8](repeating: 0x31, count: Int.random(in: 1...120, using: &dice))
        let emission = hub.emit(Payload(Array(name.utf8)), Payload(data), wallNanos: wall)
        switch emission {
        case .held where name.hasPrefix("safe"): break
        case .emitted(let number, _) where emitted.last?.sequence == number: break
        default: faults.append("\(name): \(emission)")
        }
    }

    // MARK: The disk

    /// Begins to write what waits, or ends it, sometimes badly.
    private func turnDisk() {
        if batch.isEmpty {
            guard !held.isEmpty else { return }
            let first = hub.numberBatch()
            batch = held.enumerated().map { ($1, $1.event(first + UInt64($0))) }
            held = []
        } else if Int.random(in: 0..<8, using: &dice) == 0 {
            hub.discard(batch.map(\.held))
            batch = []
        } else {
            // Stored first: publishing it may make the history let go of it.
            if sabotage != .forgetsStored { store() }
            hub.publish(batch)
            batch = []
        }
    }

    private func store() {
        for (_, event) in batch { disk.events[event.sequence] = event }
    }

    /// The gateway ends at any moment, perhaps between the commit and the news of it.
    private func restart() {
        if !batch.isEmpty, Bool.random(using: &dice) {
            store()
            emitted += batch.map { ($0.event.sequence, $0.event.name.text) }
        }
        held = []
        batch = []
        controlMail = []
        for client in clients { client.loop = -1 }
        for loop in loops {
            loop.mail = []
            for client in loop.streams.values { loop.remove(client) }
        }
        let last = max(hub.newest, disk.events.keys.max() ?? 0)
        let floor = last + UInt64.random(in: 0...2000, using: &dice)
        floors.append(floor)
        latest = [:]
        hub = SignalHub(epoch: SignalEpoch("k3f9abcd"), history: bounds)
        connect()
        hub.restore(
            disk.events.values.sorted { $0.sequence < $1.sequence },
            losses: disk.losses.map { (Payload(Array($0.key.utf8)), $0.value) }, newest: floor,
            lostUpTo: floor)
    }

    // MARK: Streams

    /// Opens a stream, or cuts it at any moment.
    func toggle(_ client: HubClient) {
        if client.loop >= 0 {
            loops[client.loop].remove(client)
            client.loop = -1
            return
        }
        nextNumber += 1
        client.loop = Int.random(in: 0..<loops.count, using: &dice)
        client.number = nextNumber
        client.isLive = false
        client.position = 0
        loops[client.loop].add(client)
        // Whoever was cut before it was told any id begins anew.
        if client.lastID == nil { client.start = nil }
        ask(client, client.lastID.map { .after($0) } ?? .live)
    }

    private func ask(_ client: HubClient, _ point: ResumePoint) {
        let (loop, number, filter) = (loops[client.loop], client.number, client.filter)
        controlMail.append { [unowned self] in
            let slice = hub.replay(point, filter, wallNanos: wall)
            let values = latest.filter { $0.key.hasPrefix("state.") }
            if sabotage == .losesMail, Int.random(in: 0..<40, using: &dice) == 0 {
                loop.mail = []
            }
            loop.mail.append { [unowned self] loop in
                guard let client = loop.streams[number] else { return }
                take(slice, client, point == .live ? values : nil)
            }
        }
    }

    private func take(_ slice: ReplaySlice, _ client: HubClient, _ values: [String: UInt64]?) {
        if client.start == nil { client.start = slice.position }
        if let values { check(slice, client, values) }
        if let gap = slice.gap {
            for loss in gap.losses where sabotage != .losesGaps {
                client.lost.append((loss.signal, after: client.lastID ?? 0, upTo: loss.upTo))
            }
            client.lastID = gap.position
        }
        for event in slice.events where !slice.isSnapshot && event.sequence > client.position {
            client.seen.append(event.sequence)
            client.lastID = event.sequence
        }
        client.position = max(client.position, slice.position)
        client.isLive = slice.next == nil
        if let next = slice.next {
            ask(client, next)
        } else if client.lastID == nil {
            client.lastID = slice.position
        }
    }

    /// A new stream begins with the latest value of each signal that has one, while there is room.
    private func check(_ slice: ReplaySlice, _ client: HubClient, _ values: [String: UInt64]) {
        let wanted = values.filter { value in
            Array(value.key.utf8).withUnsafeBytes { client.filter.matches($0) }
        }
        guard bounds.passing.bytes > 300 else { return }
        if Set(slice.events.map(\.sequence)) != Set(wanted.values) || !slice.isSnapshot {
            client.faults.append("latest \(wanted), got \(slice.events.map(\.sequence))")
        }
    }

    func deliverMail(_ loop: HubLoop) {
        guard !loop.mail.isEmpty else { return }
        if sabotage == .swapsEvents, loop.mail.count > 1,
            Int.random(in: 0..<10, using: &dice) == 0
        {
            loop.mail.swapAt(0, 1)
        }
        loop.mail.removeFirst()(loop)
    }

    /// Gives some streams of `loop` all that waits for them.
    func deliverRound(_ loop: HubLoop, toAll: Bool = false) {
        for client in loop.streams.values.sorted(by: { $0.number < $1.number }) {
            guard toAll || Bool.random(using: &dice) else { continue }
            let places = client.pending
            guard !places.isEmpty else { continue }
            if client.isLive { give(places, of: loop, client) }
            if sabotage == .repeatsRounds, Bool.random(using: &dice) { continue }
            client.pending = []
            loop.queue.passed(places)
        }
    }

    private func give(_ places: ContiguousArray<UInt64>, of loop: HubLoop, _ client: HubClient) {
        let kind = StreamKind(
            filter: client.filter, format: .named, isChunked: false, isCompressed: false)
        let after = sabotage == .forgetsPositions ? 0 : client.position
        guard let payload = loop.queue.payload(for: kind, places, after: after, encoder)?.payload
        else { return }
        let text = String(decoding: payload.bytes, as: UTF8.self)
        for line in text.split(separator: "\n") where line.hasPrefix("id: k3f9abcd-") {
            guard let sequence = UInt64(line.dropFirst(13)) else { continue }
            client.seen.append(sequence)
            client.lastID = sequence
        }
        if sabotage != .repeatsRounds, let last = places.last {
            client.position = max(client.position, loop.queue.sequence(last))
        }
    }

    /// Lets everything arrive.
    func settle() {
        while !batch.isEmpty || !held.isEmpty { turnDisk() }
        for client in clients where client.loop < 0 { toggle(client) }
        var isBusy = true
        while isBusy {
            isBusy = false
            while !controlMail.isEmpty {
                controlMail.removeFirst()()
                isBusy = true
            }
            for loop in loops {
                while !loop.mail.isEmpty {
                    deliverMail(loop)
                    isBusy = true
                }
                deliverRound(loop, toAll: true)
            }
        }
    }

    // MARK: Judging

    /// What is wrong with what `client` knows, or nil.
    func fault(of client: HubClient) -> String? {
        if let fault = client.faults.first { return fault }
        guard zip(client.seen, client.seen.dropFirst()).allSatisfy(<) else {
            return "out of order or twice: \(client.seen)"
        }
        let start = client.start ?? 0
        let seen = Set(client.seen)
        let wanted = emitted.filter { event in
            event.sequence > start
                && Array(event.name.utf8).withUnsafeBytes { client.filter.matches($0) }
        }
        guard seen.isSubset(of: Set(wanted.map(\.sequence))) else { return "not asked for" }
        for event in wanted where !seen.contains(event.sequence) {
            guard client.lost.contains(where: { isMeant(event, by: $0) }) else {
                return "\(event) is missing, and nobody said so"
            }
        }
        // The end of a gap is an event that really is missing, or where an earlier run ended.
        for loss in client.lost where !floors.contains(loss.upTo) {
            guard wanted.contains(where: { $0.sequence == loss.upTo && $0.name == loss.signal }),
                // A latest value comes nevertheless, and is not lost then.
                !seen.contains(loss.upTo)
            else { return "\(loss) was not lost" }
        }
        return nil
    }

    private func isMeant(
        _ event: (sequence: UInt64, name: String),
        by loss: (signal: String, after: UInt64, upTo: UInt64)
    ) -> Bool {
        guard loss.after < event.sequence, event.sequence <= loss.upTo else { return false }
        if loss.signal == event.name { return true }
        // Of what an earlier run did not store only patterns are known, and nothing durable is meant.
        guard floors.contains(loss.upTo), !event.name.hasPrefix("safe.") else { return false }
        return Array(event.name.utf8).withUnsafeBytes {
            SignalPattern(loss.signal)?.matches($0) == true
        }
    }

    /// The first fault of all.
    var fault: String? {
        if let fault = faults.first { return fault }
        for (index, client) in clients.enumerated() {
            if let fault = fault(of: client) { return "client \(index): \(fault)" }
        }
        return nil
    }
}
