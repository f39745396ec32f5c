// Property: whatever the order in which loops get their mail, streams come and go, and events are
// evicted, what a stream has seen is what was emitted, in order and once, and what it has not seen
// is told by gap notices to the signal and the event.
//
// The hub, its history and the rounds are the real ones; the loops are mailboxes that are emptied in
// random order, the streams cursors as SubscriptionTable moves them.

import Bytes
import Testing

@testable import Gateway

/// A generator that can be started again with the same seed.
private struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        // SplitMix64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A client: what it asks for, what it saw, what it was told to be lost.
private final class Client {
    let filter: SignalFilter
    var start: UInt64?
    var lastID: UInt64?
    var seen: [UInt64] = []
    var lost: [(signal: String, after: UInt64, upTo: UInt64)] = []
    // Its stream, if it has one.
    var loop = -1
    var number = 0
    var isLive = false
    var position: UInt64 = 0

    init(_ filter: SignalFilter) { self.filter = filter }
}

private final class Loop {
    var mail: [(Loop) -> Void] = []
    var round = EventRound()
    var streams: [Int: Client] = [:]
}

private func patterns(_ texts: [String]) -> [SignalPattern] {
    texts.compactMap { SignalPattern($0) }
}

private final class World {
    var dice: Dice
    let hub: SignalHub
    var loops: [Loop] = []
    var controlMail: [() -> Void] = []
    var clients: [Client] = []
    var emitted: [(sequence: UInt64, name: String)] = []
    var wall: Int64 = 0
    private var nextNumber = 0
    private let names = ["a.x", "a.y", "a.z.q", "b.x", "b.loud", "state.s"]
    private let encoder = EventEncoder(epoch: SignalEpoch("k3f9abcd"))

    init(seed: UInt64) {
        dice = Dice(state: seed)
        var bounds = SignalHistory.Bounds()
        bounds.events = Int.random(in: 1...60, using: &dice)
        bounds.ageNanos = Bool.random(using: &dice) ? 200 : nil
        bounds.rules = patterns(["b.loud", "a.y"]).map { SignalRule($0) }
        bounds.rules[0].events = Int.random(in: 0...5, using: &dice)
        bounds.rules[1].ageNanos = 100
        hub = SignalHub(epoch: SignalEpoch("k3f9abcd"), history: bounds)
        loops = (0..<Int.random(in: 1...3, using: &dice)).map { _ in Loop() }
        hub.onEvent = { [unowned self] event in
            for loop in loops { loop.mail.append { $0.round.append(event) } }
        }
        let wishes = [["**"], ["a.*"], ["a.**", "b.x"], ["b.loud"], ["state.s", "a.x"], ["b.*"]]
        clients = wishes.flatMap { wish in
            (0..<2).map { _ in Client(SignalFilter(patterns(wish))) }
        }
    }

    func step() {
        wall += Int64.random(in: 0...4, using: &dice)
        switch Int.random(in: 0..<20, using: &dice) {
        case 0..<6: emit()
        case 6..<8: toggle(pick(clients))
        case 8..<12: if !controlMail.isEmpty { controlMail.removeFirst()() }
        case 12..<18: deliverMail(pick(loops))
        default: deliverRound(pick(loops))
        }
    }

    private func pick<Thing>(_ things: [Thing]) -> Thing {
        things[Int.random(in: 0..<things.count, using: &dice)]
    }

    private func emit() {
        let name = pick(names)
        let emission = hub.emit(
            Payload(Array(name.utf8)), Payload([0x31]), wallNanos: wall)
        guard case .emitted(let sequence, _) = emission else { return }
        emitted.append((sequence, name))
    }

    /// Opens a stream, or cuts it at any moment.
    func toggle(_ client: Client) {
        if client.loop >= 0 {
            loops[client.loop].streams[client.number] = nil
            client.loop = -1
            return
        }
        nextNumber += 1
        client.loop = Int.random(in: 0..<loops.count, using: &dice)
        client.number = nextNumber
        client.isLive = false
        client.position = 0
        loops[client.loop].streams[nextNumber] = client
        // Whoever was cut before it was told any id begins anew.
        if client.lastID == nil { client.start = nil }
        ask(client, client.lastID.map { .after($0) } ?? .live)
    }

    private func ask(_ client: Client, _ point: ResumePoint) {
        let (loop, number, filter) = (loops[client.loop], client.number, client.filter)
        controlMail.append { [unowned self] in
            let slice = hub.replay(point, filter, wallNanos: wall)
            loop.mail.append { [unowned self] loop in
                guard let client = loop.streams[number] else { return }
                take(slice, client)
            }
        }
    }

    private func take(_ slice: ReplaySlice, _ client: Client) {
        if client.start == nil { client.start = slice.position }
        if let gap = slice.gap {
            for loss in gap.losses {
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

    func deliverMail(_ loop: Loop) {
        guard !loop.mail.isEmpty else { return }
        loop.mail.removeFirst()(loop)
    }

    func deliverRound(_ loop: Loop) {
        for client in loop.streams.values where client.isLive {
            let kind = StreamKind(
                filter: client.filter, format: .named, isChunked: false, isCompressed: false)
            guard
                let payload = loop.round.payload(for: kind, after: client.position, encoder)?
                    .payload
            else { continue }
            let text = String(decoding: payload.bytes, as: UTF8.self)
            for line in text.split(separator: "\n") where line.hasPrefix("id: k3f9abcd-") {
                guard let sequence = UInt64(line.dropFirst(13)) else { continue }
                client.seen.append(sequence)
                client.lastID = sequence
            }
            client.position = loop.round.last
        }
        loop.round.removeAll()
    }

    /// Lets everything arrive.
    func settle() {
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
                deliverRound(loop)
            }
        }
    }

    /// What is wrong with what `client` knows, or nil.
    func fault(of client: Client) -> String? {
        guard client.seen == Array(Set(client.seen)).sorted() else {
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
            guard
                client.lost.contains(where: {
                    $0.signal == event.name && $0.after < event.sequence
                        && event.sequence <= $0.upTo
                })
            else { return "\(event) is missing, and nobody said so" }
        }
        for loss in client.lost {
            // The end of a gap is an event that really is missing.
            guard wanted.contains(where: { $0.sequence == loss.upTo && $0.name == loss.signal }),
                !seen.contains(loss.upTo)
            else { return "\(loss) was not lost" }
        }
        return nil
    }
}

@Suite struct SignalDeliveryTests {
    @Test(arguments: 1...150)
    func `every stream gets everything once, or is told`(seed: Int) {
        let world = World(seed: UInt64(seed))
        for _ in 0..<1500 { world.step() }
        world.settle()
        for (index, client) in world.clients.enumerated() {
            let fault = world.fault(of: client)
            #expect(fault == nil, "seed \(seed), client \(index)")
        }
        #expect(world.emitted.count > 200)
        #expect(world.clients.contains { !$0.seen.isEmpty })
    }
}
