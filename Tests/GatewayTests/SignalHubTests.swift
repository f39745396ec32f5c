// The hub: order, history, resume, gaps.

import Bytes
import Testing

@testable import Gateway

private func bounds(events: Int = 10, bytes: Int = 1 << 20, ageNanos: Int64? = nil)
    -> SignalHistory.Bounds
{
    var bounds = SignalHistory.Bounds()
    bounds.events = events
    bounds.bytes = bytes
    bounds.ageNanos = ageNanos
    return bounds
}

private func filter(_ texts: String...) -> SignalFilter {
    SignalFilter(texts.compactMap { SignalPattern($0) })
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
        hub.emit(Payload(Array(name.utf8)), Payload(Array(data.utf8)), wallNanos: wall).sequence
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
        #expect(slice.isLive && slice.gap == nil && slice.upTo == 6)
    }

    @Test func `a stream that has seen everything is live at once`() {
        let hub = hub(bounds())
        emit(hub, "a")
        let slice = hub.replay(.after(1), filter("a"), wallNanos: 0)
        #expect(slice.events.isEmpty && slice.isLive && slice.gap == nil)
    }

    @Test func `what the history no longer has is a gap with its first and last id`() {
        let hub = hub(bounds(events: 3))
        for _ in 1...10 { emit(hub, "a") }
        let slice = hub.replay(.after(2), filter("a"), wallNanos: 0)
        #expect(slice.gap == SignalGap(from: "k3f9abcd-2", to: "k3f9abcd-7", reason: .evicted))
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
        #expect(slice.events.map(\.sequence) == [1] && slice.isLive)
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
            if slice.isLive { break }
            point = .after(slice.upTo)
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
}
