// SettingsSuggestion: the known name that a mistyped one was probably meant to be.

/// Guesses what a mistyped name was meant to be.
enum SettingsSuggestion {
    /// The known name nearest to `name`, or nil if none is near.
    ///
    /// Near is at most two edits away, or sharing a beginning of three letters or more.
    static func nearest(to name: String, among known: some Sequence<String>) -> String? {
        // Longer ones are no typing errors, and the distance costs the product of the lengths.
        guard name.utf8.count <= 64 else { return nil }
        let wanted = Array(name.lowercased().utf8)
        var best: (distance: Int, name: String)?
        for candidate in known.sorted() {
            let letters = Array(candidate.lowercased().utf8)
            let distance = score(wanted, letters)
            if let distance, distance < best?.distance ?? Int.max {
                best = (distance, candidate)
            }
        }
        return best?.name
    }

    /// `did you mean "…"?` for the nearest name, else `known are …`, or nil without names.
    static func advice(for name: String, among known: some Collection<String>) -> String? {
        if let nearest = nearest(to: name, among: known) { return "did you mean \"\(nearest)\"?" }
        let shown = known.filter { !$0.hasPrefix("$") }
        guard !shown.isEmpty, shown.count <= 16 else { return nil }
        return "known: \(shown.joined(separator: ", "))"
    }

    private static func score(_ wanted: [UInt8], _ candidate: [UInt8]) -> Int? {
        let distance = editDistance(wanted, candidate)
        // Two edits turn any word of two letters into any other: short names must be nearer.
        if distance <= min(2, max(1, min(wanted.count, candidate.count) / 2)) { return distance }
        let shorter = min(wanted.count, candidate.count)
        if shorter >= 3, wanted.prefix(shorter) == candidate.prefix(shorter) { return 3 }
        return nil
    }

    /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
    static func editDistance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: other.count + 1)
        var last = Array(0...other.count)
        for row in 0..<one.count {
            var current = [row + 1]
            current.reserveCapacity(other.count + 1)
            for column in 0..<other.count {
                let replaced = last[column] + (one[row] == other[column] ? 0 : 1)
                var best = min(replaced, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, one[row] == other[column - 1],
                    one[row - 1] == other[column]
                {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            beforeLast = last
            last = current
        }
        return last[other.count]
    }
}
