// PatternIndex: who wants a signal, found by its name: what an event costs does not depend on how many
// ask for others. As a star stands at the end only, a name has few patterns that may mean it:
//
//     a.b.c  →  a.b.c   a.b.*   a.b.**   a.**   **

internal import Bytes

/// Elements by the patterns that they want.
///
/// Loop-confined.
struct PatternIndex<Element: AnyObject> {
    private struct Entry {
        let pattern: SignalPattern
        var elements: ContiguousArray<Element>
    }

    /// Entries by the hash of their pattern, which is seeded anew with each start.
    private var entries: [Int: ContiguousArray<Entry>] = [:]
    private var exactCount = 0
    private var oneCount = 0
    private var restCount = 0

    /// Makes an empty index.
    init() {}

    // MARK: Changing

    /// Adds an element under each of its patterns.
    mutating func insert(_ element: Element, for patterns: [SignalPattern]) {
        for pattern in patterns {
            count(pattern.tail, 1)
            let hash = pattern.prefix.withUnsafeBytes { Self.hash(pattern.tail, $0) }
            let place = entries[hash]?.firstIndex { $0.pattern == pattern }
            if let place {
                entries[hash]?[place].elements.append(element)
            } else {
                entries[hash, default: []].append(Entry(pattern: pattern, elements: [element]))
            }
        }
    }

    /// Removes an element that was added with these patterns.
    mutating func remove(_ element: Element, for patterns: [SignalPattern]) {
        for pattern in patterns {
            let hash = pattern.prefix.withUnsafeBytes { Self.hash(pattern.tail, $0) }
            guard let entry = entries[hash]?.firstIndex(where: { $0.pattern == pattern }),
                let place = entries[hash]?[entry].elements.firstIndex(where: { $0 === element })
            else { continue }
            count(pattern.tail, -1)
            entries[hash]?[entry].elements.remove(at: place)
            guard entries[hash]?[entry].elements.isEmpty == true else { continue }
            entries[hash]?.remove(at: entry)
            if entries[hash]?.isEmpty == true { entries[hash] = nil }
        }
    }

    private mutating func count(_ tail: SignalPattern.Tail, _ change: Int) {
        switch tail {
        case .exact: exactCount += change
        case .one: oneCount += change
        case .rest: restCount += change
        }
    }

    // MARK: Finding

    /// Calls `body` with each element that wants the signal `name`, once for each pattern that means
    /// it.
    func forEach(wanting name: UnsafeRawBufferPointer, _ body: (Element) -> Void) {
        if exactCount > 0 { look(.exact, name, body) }
        guard oneCount > 0 || restCount > 0 else { return }
        if restCount > 0 { look(.rest, UnsafeRawBufferPointer(rebasing: name[..<0]), body) }
        var stem = 0
        for place in 0..<name.count where name[place] == UInt8(ascii: ".") {
            stem = place + 1
            guard restCount > 0 else { continue }
            look(.rest, UnsafeRawBufferPointer(rebasing: name[..<stem]), body)
        }
        if oneCount > 0 { look(.one, UnsafeRawBufferPointer(rebasing: name[..<stem]), body) }
    }

    private func look(
        _ tail: SignalPattern.Tail, _ prefix: UnsafeRawBufferPointer, _ body: (Element) -> Void
    ) {
        guard let found = entries[Self.hash(tail, prefix)] else { return }
        for entry in found
        where entry.pattern.tail == tail && entry.pattern.prefix.elementsEqual(prefix) {
            for element in entry.elements { body(element) }
        }
    }

    private static func hash(
        _ tail: SignalPattern.Tail, _ prefix: UnsafeRawBufferPointer
    ) -> Int {
        var hasher = Hasher()
        hasher.combine(tail)
        hasher.combine(bytes: prefix)
        return hasher.finalize()
    }
}
