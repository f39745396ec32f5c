// The hub: order, history, resume, gaps.

import Bytes
import Testing

@testable import Gateway

private func bounds(events: Int = 10, bytes: Int = 1 << 20, ageNanos: Int64? = nil)
    -> SignalHistory.Bounds
{
    var bounds = SignalHistory.Bounds()
    bounds.passing.events = events
    bounds.passing.bytes = bytes
    bounds.passing.ageNanos = ageNanos
    return bounds
}

private func filter(_ texts: String...) -> SignalFilter {
    SignalFilter(texts.compactMap { SignalPattern($0) })
}

private func payload(_ text: String) -> Payload { Payload(Array(text.utf8)) }

extension Emission {
    fileprivate var sequence: UInt64 {
        switch self {
        case .emitted(let sequence, _), .repeated(let sequence, _): sequence
        case .held, .keyIsTaken, .tooLarge, .notStored: 0
        }
    }

    fileprivate var subscribers: Int {
        switch self {
        case .emitted(_, let count), .repeated(_, let count), .held(_, let count, _): count
        case .keyIsTaken, .tooLarge, .notStored: -1
        }
    }
}

@Suite struct SignalHubTests {
    private let epoch = SignalEpoch("k3f9abcd")

    private func hub(_ bounds: SignalHistory.Bounds) -> SignalHub {
        SignalHub(epoch: epoch, history: bounds)
    }

    @discardableResult
    private func emit(_ hub: SignalHub, _ name: String, _ data: String = "1", at wall: Int64 = 0)
        -> UInt64
    {
        hub.emit(payload(name), payload(data), wallNanos: wall).sequence
    }

    private func point(_ text: String) -> ResumePoint {
        Array(text.utf8).withUnsafeBytes { ResumePoint($0, epoch: epoch) }
    }

    @Test(
        "an id says where a stream had been",
        arguments: [
            ("", ResumePoint.live), ("k3f9abcd-42", .after(42)), ("k3f9abcd-0", .after(0)),
            ("otherrun-42", .unknown("otherrun-42")), ("k3f9abcd-", .unknown("k3f9abcd-")),
            ("k3f9abcd", .unknown("k3f9abcd")), ("k3f9abcd-4x", .unknown("k3f9abcd-4x")),
            ("k3f9abcd--4", .unknown("k3f9abcd--4")), ("k3f9abcd-+4", .unknown("k3f9abcd-+4")),
            (
                "k3f9abcd-99999999999999999999",
                .unknown("k3f9abcd-99999999999999999999")
            ),
        ])
    func resumePoints(_ text: String, _ expected: ResumePoint) {
        #expect(point(text) == expected)
    }

    @Test func `a stream that comes back gets what it missed, in order, once`() {
        let hub = hub(bounds())
        for number in 1...6 { emit(hub, number.isMultiple(of: 2) ? "a.b" : "c.d") }
        let slice = hub.replay(.after(2), filter("a.*"), wallNanos: 0)
        #expect(slice.events.map(\.sequence) == [4, 6])
        #expect(slice.next == nil && slice.gap == nil && slice.position == 6)
    }

    @Test func `a stream that has seen everything is live at once`() {
        let hub = hub(bounds())
        emit(hub, "a")
        let slice = hub.replay(.after(1), filter("a"), wallNanos: 0)
        #expect(slice.events.isEmpty && slice.next == nil && slice.gap == nil)
    }

    @Test func `what the history no longer has is a gap with its first and last id`() {
        let hub = hub(bounds(events: 3))
        for _ in 1...10 { emit(hub, "a") }
        let slice = hub.replay(.after(2), filter("a"), wallNanos: 0)
        #expect(
            slice.gap
                == SignalGap(
                    from: "k3f9abcd-2", losses: [.init(signal: "a", upTo: 7)], position: 7,
                    reason: .evicted))
        #expect(slice.events.map(\.sequence) == [8, 9, 10])
    }

    @Test func `the last id that is still followed by all is no gap`() {
        let hub = hub(bounds(events: 3))
        for _ in 1...10 { emit(hub, "a") }
        #expect(hub.replay(.after(7), filter("a"), wallNanos: 0).gap == nil)
    }

    @Test func `an id of another run is a gap of reason epoch, then what is there`() {
        let hub = hub(bounds())
        emit(hub, "a")
        let slice = hub.replay(.unknown("old-7"), filter("a"), wallNanos: 0)
        #expect(slice.gap?.reason == .epoch && slice.gap?.from == "old-7")
        #expect(slice.events.map(\.sequence) == [1] && slice.next == nil)
    }

    @Test func `an id from the future was invented`() {
        let hub = hub(bounds())
        emit(hub, "a")
        #expect(hub.replay(.after(9), filter("a"), wallNanos: 0).gap?.reason == .epoch)
    }

    @Test func `a long past comes in slices, each beginning where the last one ended`() {
        let hub = hub(bounds(events: 1000))
        let data = "\"" + String(repeating: "x", count: 1000) + "\""
        for _ in 1...300 { emit(hub, "a", data) }
        var point = ResumePoint.after(0)
        var seen: [UInt64] = []
        var rounds = 0
        while true {
            let slice = hub.replay(point, filter("a"), wallNanos: 0)
            seen += slice.events.map(\.sequence)
            rounds += 1
            guard let next = slice.next else { break }
            point = next
        }
        #expect(seen == Array(1...300))
        #expect(rounds > 3)
    }

    @Test func `the history is bounded by bytes and by age`() {
        let small = hub(bounds(events: 100, bytes: 2000))
        for _ in 1...50 { emit(small, "a", String(repeating: "1", count: 100)) }
        #expect(small.retainedCount < 10 && small.retainedCount > 0)

        let brief = hub(bounds(ageNanos: 10))
        emit(brief, "a", at: 0)
        emit(brief, "a", at: 8)
        let slice = brief.replay(.after(0), filter("a"), wallNanos: 12)
        #expect(slice.events.map(\.sequence) == [2])
        #expect(slice.gap?.reason == .evicted)
    }

    @Test func `emitting says how many streams asked for it`() {
        let hub = hub(bounds())
        hub.subscribed(filter("a.*"))
        hub.subscribed(filter("a.*"))
        hub.subscribed(filter("a.b", "c"))
        hub.subscribed(filter("d"))
        let name = Payload(Array("a.b".utf8))
        #expect(hub.emit(name, name, wallNanos: 0).subscribers == 3)
        hub.unsubscribed(filter("a.*"))
        hub.unsubscribed(filter("a.*"))
        #expect(hub.emit(name, name, wallNanos: 0).subscribers == 1)
        #expect(hub.subscriberCount == 2)
    }

    @Test func `every event is spread in the order of its number`() {
        let hub = hub(bounds())
        var spread: [UInt64] = []
        hub.onEvent = { spread.append($0.sequence) }
        for _ in 1...5 { emit(hub, "a") }
        #expect(spread == [1, 2, 3, 4, 5])
    }

    @Test
    func `what is not durable passes a batch on its way to the disk, in the order of numbers`() {
        var durable = bounds()
        durable.rules = [SignalRule(SignalPattern("safe.*")!)]
        durable.rules[0].isDurable = true
        let hub = hub(durable)
        var held: [HeldEmission] = []
        var heard: [UInt64] = []
        hub.onHold = { held.append($0) }
        hub.onEvent = { heard.append($0.sequence) }
        let key = payload("k")
        #expect(
            hub.emit(payload("safe.a"), payload("1"), wallNanos: 0, key: key)
                == .held(ticket: 1, subscribers: 0, isRepeated: false))
        #expect(emit(hub, "plain") == 1)
        let first = hub.numberBatch()
        #expect(emit(hub, "plain") == 2)
        #expect(
            hub.emit(payload("safe.a"), payload("1"), wallNanos: 0, key: key)
                == .held(ticket: 1, subscribers: 0, isRepeated: true))
        #expect(heard == [1, 2])
        hub.publish([(held[0], held[0].event(first))])
        #expect(
            hub.emit(payload("safe.a"), payload("1"), wallNanos: 0, key: key)
                == .repeated(first, subscribers: 0))
        #expect(emit(hub, "plain") == first + 1)
        #expect(heard == [1, 2, first, first + 1])
        let slice = hub.replay(.after(1), filter("**"), wallNanos: 0)
        #expect(slice.gap == nil && slice.events.map(\.sequence) == [2, first, first + 1])
        #expect(hub.replay(.after(first - 5), filter("**"), wallNanos: 0).events.count == 2)
        #expect(hub.emittedCount == 4)
    }

    @Test func `numbers that were left free cost the history no room`() {
        let hub = hub(bounds(events: 10))
        emit(hub, "rare")
        for _ in 1...5 {
            let held = HeldEmission(
                ticket: 0, name: payload("safe"), data: payload("1"), wallNanos: 0, depth: 0,
                key: nil)
            hub.publish([(held, held.event(hub.numberBatch()))])
        }
        let slice = hub.replay(.after(0), filter("**"), wallNanos: 0)
        #expect(slice.gap == nil && slice.events.count == 6)
    }

    @Test func `a gap names the signals that lost something, and no others`() {
        var limited = bounds(events: 100)
        limited.rules = [SignalRule(SignalPattern("chatty.*")!)]
        limited.rules[0].events = 2
        let hub = hub(limited)
        emit(hub, "rare")  // 1
        for _ in 2...9 { emit(hub, "chatty.a") }
        emit(hub, "chatty.b")  // 10
        let slice = hub.replay(.after(0), filter("**"), wallNanos: 0)
        #expect(slice.gap?.losses == [.init(signal: "chatty.a", upTo: 7)])
        #expect(slice.events.map(\.sequence) == [1, 8, 9, 10])
        // A stream cut right behind the notice has still to get what comes before the lost ones.
        #expect(slice.gap?.position == 0)
        #expect(hub.replay(.after(0), filter("rare", "chatty.b"), wallNanos: 0).gap == nil)
        #expect(hub.replay(.after(7), filter("**"), wallNanos: 0).gap == nil)
    }

    @Test func `a loss is told once in all slices, and what is lost meanwhile as well`() {
        var limited = bounds(events: 2000, bytes: 16 << 20)
        limited.rules = [SignalRule(SignalPattern("log.*")!)]
        limited.rules[0].events = 1
        let hub = hub(limited)
        let data = "\"" + String(repeating: "x", count: 1000) + "\""
        for _ in 1...400 {
            emit(hub, "a.big", data)
            emit(hub, "log.x")
        }
        var next: ResumePoint? = .after(0)
        var losses: [SignalGap.Loss] = []
        var rounds = 0
        while let point = next {
            let slice = hub.replay(point, filter("**"), wallNanos: 0)
            losses += slice.gap?.losses ?? []
            next = slice.next
            rounds += 1
            if rounds == 3 { emit(hub, "log.x") }
        }
        #expect(rounds > 5)
        #expect(losses == [.init(signal: "log.x", upTo: 798), .init(signal: "log.x", upTo: 800)])
    }

    @Test func `what others emit between does not make a gap`() {
        let hub = hub(bounds(events: 5))
        emit(hub, "quiet")
        for _ in 1...100 { emit(hub, "loud") }
        #expect(hub.replay(.after(1), filter("quiet"), wallNanos: 0).gap == nil)
        #expect(hub.replay(.after(0), filter("quiet"), wallNanos: 0).gap?.upTo == 1)
    }

    @Test func `a new stream begins with the latest values, and then gets what came since`() {
        var bounds = bounds(events: 3)
        bounds.rules = [SignalRule(SignalPattern("state.*")!)]
        bounds.rules[0].isLatest = true
        let hub = hub(bounds)
        emit(hub, "state.a", "1")
        emit(hub, "state.b", "1")
        emit(hub, "state.a", "2")
        for _ in 1...10 { emit(hub, "other") }
        let slice = hub.replay(.live, filter("**"), wallNanos: 0)
        #expect(slice.isSnapshot && slice.events.map(\.sequence) == [2, 3])
        #expect(slice.position == 13 && slice.next == nil)
        #expect(hub.replay(.live, filter("other"), wallNanos: 0).events.isEmpty)
        // One that comes back after a loss gets at least the latest values of what it lost.
        let late = hub.replay(.after(0), filter("state.*"), wallNanos: 0)
        #expect(late.gap?.reason == .evicted && late.events.map(\.sequence) == [2, 3])
    }

    @Test func `a long snapshot comes in slices while signals go on`() {
        var bounds = bounds(events: 2000)
        bounds.rules = [SignalRule(SignalPattern("state.*")!)]
        bounds.rules[0].isLatest = true
        let hub = hub(bounds)
        let data = "\"" + String(repeating: "x", count: 1000) + "\""
        for number in 1...200 { emit(hub, "state.s\(number)", data) }
        var point = ResumePoint.live
        var seen: [UInt64] = []
        var rounds = 0
        while true {
            let slice = hub.replay(point, filter("state.*"), wallNanos: 0)
            seen += slice.events.map(\.sequence)
            rounds += 1
            guard let next = slice.next else { break }
            point = next
            if rounds == 1 { emit(hub, "state.s1", "new") }
        }
        #expect(rounds > 2)
        #expect(seen == Array(1...200) + [201])
    }

    @Test func `a stream that resumes gets all latest values, however many are gone`() {
        var bounds = bounds(events: 50)
        bounds.rules = [SignalRule(SignalPattern("state.*")!)]
        bounds.rules[0].isLatest = true
        let hub = hub(bounds)
        emit(hub, "other")
        for number in 1...3000 { emit(hub, "state.s\(number)") }
        for _ in 1...100 { emit(hub, "other") }
        for id in ["k3f9abcd-1", "elsewhere-7"] {
            var next: ResumePoint? = point(id)
            var seen: [UInt64] = []
            var losses: Set<String> = []
            while let point = next {
                let slice = hub.replay(point, filter("**"), wallNanos: 0)
                seen += slice.events.map(\.sequence)
                losses.formUnion(slice.gap?.losses.map(\.signal) ?? [])
                next = slice.next
            }
            #expect(seen.filter { $0 <= 3001 } == Array(2...3001))
            #expect(
                seen == seen.sorted()
                    && losses == (id.hasPrefix("k") ? ["other"] : ["**"]))
        }
    }

    @Test func `the same Idempotency-Key emits once`() {
        let hub = hub(bounds())
        let key = payload("key-1")
        hub.subscribed(filter("a"))
        let first = hub.emit(payload("a"), payload("1"), wallNanos: 0, key: key)
        hub.unsubscribed(filter("a"))
        #expect(first == .emitted(1, subscribers: 1))
        let second = hub.emit(payload("a"), payload("1"), wallNanos: 5, key: key)
        #expect(second == .repeated(1, subscribers: 1))
        #expect(hub.emit(payload("a"), payload("2"), wallNanos: 5, key: key) == .keyIsTaken)
        #expect(hub.emit(payload("b"), payload("1"), wallNanos: 5, key: key) == .keyIsTaken)
        #expect(hub.newest == 1 && hub.repeatedCount == 1)
        let late = hub.emit(
            payload("a"), payload("2"), wallNanos: EmissionWindow.ageNanos + 1, key: key)
        #expect(late == .emitted(2, subscribers: 0))
    }

    @Test func `keys are forgotten, the oldest first, when there are too many`() {
        var window = EmissionWindow()
        for number in 0..<(EmissionWindow.limit + 10) {
            let record = EmissionWindow.Record(
                sequence: UInt64(number), subscribers: 0, digest: 0, wallNanos: 0)
            window.insert(payload("\(number)"), record)
        }
        #expect(window.count == EmissionWindow.limit)
        #expect(window.find(payload("9"), wallNanos: 0) == nil)
        #expect(window.find(payload("10"), wallNanos: 0)?.sequence == 10)
    }

    @Test func `what an earlier run kept is resumed across the restart`() {
        let first = hub(bounds(events: 5))
        var kept: [SignalEvent] = []
        first.onAppend = { kept.append($0) }
        for number in 1...8 { emit(first, number == 3 ? "b" : "a") }
        let second = hub(bounds(events: 5))
        second.restore(
            Array(kept.suffix(5)), losses: [(payload("a"), 2), (payload("b"), 3)], newest: 8,
            lostUpTo: 0)
        #expect(emit(second, "a") == 9)
        let whole = second.replay(.after(5), filter("**"), wallNanos: 0)
        #expect(whole.gap == nil && whole.events.map(\.sequence) == [6, 7, 8, 9])
        let late = second.replay(.after(1), filter("**"), wallNanos: 0)
        #expect(late.gap?.losses.map(\.signal).sorted() == ["a", "b"])
    }

    @Test func `what an earlier run did not keep is a gap`() {
        let hub = hub(bounds())
        let event = SignalEvent(
            sequence: 7, name: payload("safe"), data: payload("1"), wallNanos: 0)
        hub.restore([event], losses: [], newest: 20, lostUpTo: 20)
        #expect(hub.newest == 20)
        #expect(hub.replay(.after(5), filter("safe"), wallNanos: 0).gap == nil)
        #expect(hub.replay(.after(5), filter("safe"), wallNanos: 0).events.count == 1)
        #expect(hub.replay(.after(5), filter("other"), wallNanos: 0).gap?.upTo == 20)
        #expect(hub.replay(.after(5), filter("**"), wallNanos: 0).gap?.losses.first?.signal == "**")
        #expect(hub.replay(.after(20), filter("**"), wallNanos: 0).gap == nil)
    }
}
