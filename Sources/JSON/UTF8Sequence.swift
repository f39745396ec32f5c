// UTF8Sequence: the well-formed byte sequences of RFC 3629 §4 and of nothing else. Used on both
// ways: the scanner refuses what is not well-formed, the writer replaces it.

/// Recognition of single UTF-8 sequences.
enum UTF8Sequence {
    /// Length in bytes (2 to 4) of the well-formed multi-byte sequence at `at`, or 0.
    ///
    /// - Precondition: `at` is below `end`, and `base` points to `end` readable bytes.
    @inline(__always)
    static func length(_ base: UnsafePointer<UInt8>, _ at: Int, _ end: Int) -> Int {
        let lead = base[at]
        let left = end &- at
        // SAFETY: each byte is read only after `left` was compared with its distance.
        if lead < 0xE0 {
            return lead >= 0xC2 && left >= 2 && isTail(base[at &+ 1]) ? 2 : 0
        }
        if lead < 0xF0 {
            guard left >= 3, isTail(base[at &+ 1]), isTail(base[at &+ 2]) else { return 0 }
            // No overlong form (E0 80..9F) and no surrogate (ED A0..BF).
            if lead == 0xE0 { return base[at &+ 1] >= 0xA0 ? 3 : 0 }
            if lead == 0xED { return base[at &+ 1] < 0xA0 ? 3 : 0 }
            return 3
        }
        guard lead < 0xF5, left >= 4, isTail(base[at &+ 1]), isTail(base[at &+ 2]),
            isTail(base[at &+ 3])
        else { return 0 }
        // No overlong form (F0 80..8F) and nothing above U+10FFFF (F4 90..BF).
        if lead == 0xF0 { return base[at &+ 1] >= 0x90 ? 4 : 0 }
        if lead == 0xF4 { return base[at &+ 1] < 0x90 ? 4 : 0 }
        return 4
    }

    /// Number of bytes at `at` to replace by one U+FFFD where `length` is 0: the longest start of a
    /// well-formed sequence, at least one byte (Unicode §3.9, "maximal subpart").
    static func brokenLength(_ base: UnsafePointer<UInt8>, _ at: Int, _ end: Int) -> Int {
        let lead = base[at]
        guard lead >= 0xC2, lead < 0xF5, at &+ 1 < end else { return 1 }
        let second = base[at &+ 1]
        let lowest: UInt8 = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80
        let highest: UInt8 = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF
        guard second >= lowest, second <= highest else { return 1 }
        guard lead >= 0xF0, at &+ 2 < end, isTail(base[at &+ 2]) else { return 2 }
        return 3
    }

    @inline(__always)
    private static func isTail(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}
