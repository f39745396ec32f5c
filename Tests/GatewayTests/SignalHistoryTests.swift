// The history: what outlives a flood, what is told of a loss, and in which order things are found.

import Bytes
import Testing

@testable import Gateway

private func pattern(_ text: String) -> SignalPattern {
    guard let pattern = SignalPattern(text) else { preconditionFailure("no pattern: \(text)") }
    return pattern
}

private func filter(_ texts: String...) -> SignalFilter { SignalFilter(texts.map(pattern)) }

@Suite struct SignalHistoryTests {
    private func event(_ sequence: UInt64, _ name: String) -> SignalEvent {
        SignalEvent(
            sequence: sequence, name: Payload(Array(name.utf8)), data: Payload([0x31]),
            wallNanos: 0)
    }

    private func history(
        _ rules: SignalRule..., adjust: (inout SignalHistory.Bounds) -> Void = { _ in }
    ) -> SignalHistory {
        var bounds = SignalHistory.Bounds()
        bounds.passing.events = 100
        bounds.durable.events = 100
        bounds.rules = rules
        adjust(&bounds)
        return SignalHistory(bounds)
    }

    private func durable(_ text: String) -> SignalRule {
        var rule = SignalRule(pattern(text))
        rule.isDurable = true
        return rule
    }

    private func latest(_ text: String) -> SignalRule {
        var rule = SignalRule(pattern(text))
        rule.isLatest = true
        return rule
    }

    @Test func `a flood of passing events leaves the durable ones alone`() {
        var history = history(durable("order.*"))
        var dropped = 0
        history.onDrop = { _ in dropped += 1 }
        history.append(event(1, "order.new"))
        // More than any ring of the passing events is long.
        for number in 2...200_000 as ClosedRange<UInt64> { history.append(event(number, "log")) }
        #expect(dropped == 0 && history[1] != nil && history.oldest == 1)
        #expect(history.count == 101)
        let (events, upTo) = history.slice(after: 0, filter("order.*"), byteLimit: 1 << 16)
        #expect(events.map(\.sequence) == [1] && upTo == 200_000)
        #expect(history.losses(after: 0, filter("order.*")).isEmpty)
    }

    @Test func `durable events have bounds of their own, and are told when they go`() {
        var history = history(durable("order.*")) { $0.durable.events = 3 }
        var dropped: [UInt64] = []
        history.onDrop = { dropped.append($0.sequence) }
        for number in 1...10 as ClosedRange<UInt64> {
            history.append(event(number, number.isMultiple(of: 2) ? "order.new" : "log"))
        }
        #expect(dropped == [2, 4] && history.count == 8)
        let losses = history.losses(after: 0, filter("**"))
        #expect(losses.map(\.signal) == ["order.new"] && losses.map(\.upTo) == [4])
        let slice = history.slice(after: 0, filter("**"), byteLimit: 1 << 16)
        #expect(slice.events.map(\.sequence) == [1, 3, 5, 6, 7, 8, 9, 10])
    }

    @Test func `slices go through both kinds in the order of their numbers`() {
        var history = history(durable("order.*")) {
            $0.passing.events = 20_000
            $0.durable.events = 20_000
        }
        var dice = Dice(state: 7)
        for number in 1...12_000 as ClosedRange<UInt64> {
            history.append(event(number, Bool.random(using: &dice) ? "order.new" : "log"))
        }
        var seen: [UInt64] = []
        var position: UInt64 = 0
        var rounds = 0
        while position < history.newest {
            let slice = history.slice(after: position, filter("**"), byteLimit: 64 << 10)
            seen += slice.events.map(\.sequence)
            position = slice.upTo
            rounds += 1
        }
        #expect(seen == Array(1...12_000) && rounds > 20)
    }

    @Test(
        "a loss of many signals is told by their pattern",
        arguments: [(64, false), (65, true), (3000, true)])
    func manyNames(_ count: Int, _ isPattern: Bool) {
        var history = history { $0.passing.events = 1 }
        for number in 1...count {
            history.append(event(UInt64(number), "job.n\(number)"))
        }
        history.append(event(UInt64(count + 1), "other"))
        let losses = history.losses(after: 0, filter("job.*", "other", "zoo.**"))
        if isPattern {
            #expect(losses.map(\.signal) == ["job.*"] && losses.map(\.upTo) == [UInt64(count)])
        } else {
            #expect(Set(losses.map(\.signal)) == Set((1...count).map { "job.n\($0)" }))
        }
        // Who asked for one of them is told of that one.
        #expect(history.losses(after: 0, filter("job.n7")).map(\.upTo) == [7])
        #expect(history.losses(after: UInt64(count), filter("job.*")).isEmpty)
    }

    @Test func `a signal that two patterns mean is named once`() {
        var history = history { $0.passing.events = 1 }
        for number in 1...3 as ClosedRange<UInt64> { history.append(event(number, "a.b")) }
        let losses = history.losses(after: 0, filter("a.*", "a.**", "a.b"))
        #expect(losses.map(\.signal) == ["a.b"] && losses.map(\.upTo) == [2])
    }

    @Test func `the names that a pattern means are found as if all were looked at`() {
        var dice = Dice(state: 11)
        var index = TrackIndex()
        var names: Set<String> = []
        let letters = ["a", "b", "A", "a-b", "_", "9"]
        func name() -> String {
            (0..<Int.random(in: 1...3, using: &dice))
                .map { _ in letters.randomElement(using: &dice) ?? "a" }.joined(separator: ".")
        }
        for _ in 1...2000 {
            let name = name()
            if let known = index[name], Bool.random(using: &dice) {
                index.remove(known)
                names.remove(name)
            } else {
                let payload = Payload(Array(name.utf8))
                index.insert(SignalTrack(name: name, nameBytes: payload, rule: nil))
                names.insert(name)
            }
            let text = self.wildcard(&dice, name)
            var found: [String] = []
            index.forEach(of: pattern(text)) { found.append($0.name) }
            let expected = names.filter { name in
                Array(name.utf8).withUnsafeBytes { pattern(text).matches($0) }
            }
            #expect(found.count == expected.count && Set(found) == expected, "\(text)")
            #expect(index.count == names.count)
        }
    }

    private func wildcard(_ dice: inout Dice, _ name: String) -> String {
        let stem = name.split(separator: ".").dropLast().map(String.init)
        switch Int.random(in: 0..<3, using: &dice) {
        case 0: return name
        case 1: return (stem + ["*"]).joined(separator: ".")
        default: return (stem + ["**"]).joined(separator: ".")
        }
    }

    @Test func `many latest values come some at a time, each as it was last`() {
        var history = history(latest("state.**"))
        var last: [String: UInt64] = [:]
        var dice = Dice(state: 3)
        for number in 1...30_000 as ClosedRange<UInt64> {
            let name = "state.n\(Int.random(in: 0..<9000, using: &dice))"
            last[name] = number
            history.append(event(number, name))
        }
        var seen: [UInt64] = []
        var position: UInt64 = 0
        while position < history.newest {
            let (events, upTo) = history.latest(
                in: (position + 1)...history.newest, filter("**"), byteLimit: 64 << 10)
            #expect(upTo > position)
            seen += events.map(\.sequence)
            position = upTo
        }
        #expect(seen == last.values.sorted())
        #expect(history.values.byteCount == last.keys.reduce(0) { $0 + $1.utf8.count + 161 })
    }

    @Test func `latest values that nobody asks for are passed some at a time`() {
        var history = history(latest("state.**"))
        for number in 1...9000 as ClosedRange<UInt64> {
            history.append(event(number, "state.n\(number)"))
        }
        let (events, upTo) = history.latest(in: 1...9000, filter("state.n8999.*"), byteLimit: 100)
        #expect(events.isEmpty && upTo == UInt64(SignalHistory.lookLimit))
    }

    @Test func `names without an event are forgotten as others are`() {
        var history = history()
        history.append(event(1, "kept"))
        for number in 1...25_000 {
            _ = history.track(Payload(Array("asked.n\(number)".utf8)))
        }
        #expect(history.tracks.count <= SignalHistory.nameLimit && history.tracks["kept"] != nil)
        // Those that have rested longest go, and what they had lost is told by the pattern.
        var busy = self.history { $0.passing.events = 1 }
        for number in 1...10_500 as ClosedRange<UInt64> {
            busy.append(event(2 * number - 1, "often"))
            busy.append(event(2 * number, "n\(number)"))
        }
        #expect(busy.tracks["often"] != nil && busy.tracks["n1"] == nil)
        #expect(busy.tracks["n10499"] != nil && busy.forgottenUpTo < 1100)
        #expect(busy.losses(after: 0, filter("n1")).map(\.upTo) == [busy.forgottenUpTo])
    }

    @Test func `a stored signal that was forgotten before a restart has lost something`() {
        var history = history(durable("order.*"))
        history.restore(
            [event(90, "order.kept")], losses: [(Payload(Array("order.told".utf8)), 80)],
            newest: 100, lostUpTo: 100, forgottenUpTo: 70)
        #expect(history.losses(after: 50, filter("order.gone")).map(\.upTo) == [70])
        #expect(history.losses(after: 70, filter("order.gone")).isEmpty)
        #expect(history.losses(after: 70, filter("order.told")).map(\.upTo) == [80])
    }
}
