// The index of patterns: whoever comes and goes, a name finds those that want it, and no others.

import Testing

@testable import Gateway

@Suite struct PatternIndexTests {
    private final class Wisher {
        let patterns: [SignalPattern]

        init(_ texts: [String]) { patterns = texts.compactMap { SignalPattern($0) } }
    }

    private func count(_ index: PatternIndex<Wisher>, _ name: String) -> Int {
        var count = 0
        Array(name.utf8).withUnsafeBytes { index.forEach(wanting: $0) { _ in count += 1 } }
        return count
    }

    @Test(
        "a name finds the patterns that mean it",
        arguments: [
            ("a.b.c", 5), ("a.b", 3), ("a", 2), ("a.b.c.d", 3), ("b", 2), ("a.x.c", 2), ("aa.b", 1),
        ])
    func names(_ name: String, _ expected: Int) {
        var index = PatternIndex<Wisher>()
        let wishers = ["a.b.c", "a.b.*", "a.b.**", "a.*", "a.**", "*", "**"].map { Wisher([$0]) }
        for wisher in wishers { index.insert(wisher, for: wisher.patterns) }
        #expect(count(index, name) == expected)
    }

    @Test func `who leaves is not found, and who stays is`() {
        var index = PatternIndex<Wisher>()
        let one = Wisher(["a.*", "b"])
        let other = Wisher(["a.*"])
        for wisher in [one, other] { index.insert(wisher, for: wisher.patterns) }
        #expect(count(index, "a.x") == 2 && count(index, "b") == 1)
        index.remove(one, for: one.patterns)
        #expect(count(index, "a.x") == 1 && count(index, "b") == 0)
        // Twice changes nothing.
        index.remove(one, for: one.patterns)
        index.remove(other, for: other.patterns)
        #expect(count(index, "a.x") == 0)
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `it finds what looking at all of them finds`(seed: UInt64) {
        var dice = Dice(state: seed)
        var index = PatternIndex<Wisher>()
        var all: [Wisher] = []
        func stem() -> String {
            (0..<Int.random(in: 1...3, using: &dice))
                .map { _ in ["a", "b", "c"].randomElement(using: &dice) ?? "a" }
                .joined(separator: ".")
        }
        for _ in 0..<1500 {
            if Bool.random(using: &dice), let gone = all.randomElement(using: &dice) {
                all.removeAll { $0 === gone }
                index.remove(gone, for: gone.patterns)
            } else {
                let texts = (0..<Int.random(in: 1...3, using: &dice)).map { _ in
                    let tail = ["", ".*", ".**"].randomElement(using: &dice) ?? ""
                    return Int.random(in: 0..<9, using: &dice) == 0
                        ? String(tail.dropFirst()) : stem() + tail
                }
                let wisher = Wisher(Array(Set(texts)))
                all.append(wisher)
                index.insert(wisher, for: wisher.patterns)
            }
            let name = stem()
            let expected = all.reduce(0) { sum, wisher in
                sum
                    + wisher.patterns.count { pattern in
                        Array(name.utf8).withUnsafeBytes { pattern.matches($0) }
                    }
            }
            #expect(count(index, name) == expected)
        }
    }
}
