// Words: looking at eight bytes at a time in one 64-bit register.
//
// Most tests return a mask with the top bit set in every byte that matches. The arithmetic borrows
// and carries upwards, so marks *above* the first match may be false; the first one is exact unless
// the test says otherwise. No match is ever missing. Bytes are numbered from the lowest one.

/// Tests on eight bytes at once.
enum Words {
    @inline(__always)
    private static func everywhere(_ byte: UInt8) -> UInt64 {
        UInt64(byte) &* 0x0101_0101_0101_0101
    }

    /// The eight bytes from `offset` on, the first one lowest.
    @inline(__always)
    static func load(_ bytes: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The eight bytes of `literal`, which has exactly eight; folded to a constant.
    @inline(__always)
    static func load(_ literal: StaticString) -> UInt64 {
        load(UnsafeRawPointer(literal.utf8Start), 0)
    }

    /// Marks bytes equal to `byte`.
    @inline(__always)
    static func equal(_ word: UInt64, _ byte: UInt8) -> UInt64 {
        let difference = word ^ everywhere(byte)
        return (difference &- everywhere(1)) & ~difference & everywhere(0x80)
    }

    /// Marks bytes below `limit`, which is at most 128.
    @inline(__always)
    static func below(_ word: UInt64, _ limit: UInt8) -> UInt64 {
        (word &- everywhere(limit)) & ~word & everywhere(0x80)
    }

    /// Marks bytes that are candidates for control characters, none of them missing.
    ///
    /// Adding one carries DEL into the top bit, but also a byte behind 0xFF: a mark may be false.
    @inline(__always)
    static func controls(_ word: UInt64) -> UInt64 {
        ((word &- everywhere(0x20)) | (word &+ everywhere(1))) & ~word & everywhere(0x80)
    }

    /// Marks bytes from 0x7F on; 0xFF, which carries into the next byte, is marked itself.
    @inline(__always)
    static func beyondVisible(_ word: UInt64) -> UInt64 {
        (word | (word &+ everywhere(1))) & everywhere(0x80)
    }

    /// Marks bytes that are candidates for the end of a path or for something to normalise in it.
    ///
    /// `before` holds the bytes one place earlier. Not missing are: everything but visible ASCII,
    /// `#`, `%`, `?`, backslash, and a slash or dot behind a slash. Some others are marked as well.
    @inline(__always)
    static func notableInPath(_ word: UInt64, _ before: UInt64) -> UInt64 {
        // One comparison for controls, space, # and %; with them go ! " and $, which are rare.
        let low = word &- everywhere(0x26)
        let question = (word ^ everywhere(0x3F)) &- everywhere(1)
        let backslash = (word ^ everywhere(0x5C)) &- everywhere(1)
        // Dot and slash differ in the lowest bit only.
        let slashBefore = (before ^ everywhere(0x2F)) &- everywhere(1)
        let slashOrDot = ((word | everywhere(1)) ^ everywhere(0x2F)) &- everywhere(1)
        let visible = (low | question | backslash | (slashBefore & slashOrDot)) & ~word
        return (visible | word | (word &+ everywhere(1))) & everywhere(0x80)
    }

    /// Whether all bytes are letters, digits, dots or hyphens, as in most host names.
    @inline(__always)
    static func isHostName(_ word: UInt64) -> Bool {
        // Exact as a whole: without a byte from 0x80 on no addition carries into the next one.
        let folded = word | everywhere(0x20)
        let letters = (folded &+ everywhere(0x80 - 0x61)) & ~(folded &+ everywhere(0x80 - 0x7B))
        let digits = (word &+ everywhere(0x80 - 0x2D)) & ~(word &+ everywhere(0x80 - 0x3A))
        let slash = (word ^ everywhere(0x2F)) &- everywhere(1)
        return (letters | digits) & ~slash & ~word & everywhere(0x80) == everywhere(0x80)
    }

    /// Number of the first marked byte; `mask` is not zero.
    @inline(__always)
    static func first(_ mask: UInt64) -> Int { mask.trailingZeroBitCount >> 3 }

    /// Whether `word` spells `literal`, in lower case, without regard to case.
    ///
    /// Setting bit 0x20 folds case, but only for letters: it would also turn CR into a hyphen. So it
    /// is set only where the literal has a letter, which bit 0x40 tells in names and tokens.
    @inline(__always)
    static func spells(_ word: UInt64, _ literal: UInt64) -> Bool {
        word | (literal & 0x4040_4040_4040_4040) >> 1 == literal
    }

    /// Whether `bytes` spell `literal`, 4 to 16 bytes in lower case, without regard to case.
    @inline(__always)
    static func spell(_ bytes: UnsafeRawBufferPointer, _ literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard bytes.count == count, let base = bytes.baseAddress else { return false }
        let wanted = UnsafeRawPointer(literal.utf8Start)
        // SAFETY: both have `count` bytes; first and last loads overlap unless it is 8 or 16.
        guard count >= 8 else {
            return spells(half(base, 0), half(wanted, 0))
                && spells(half(base, count &- 4), half(wanted, count &- 4))
        }
        return spells(load(base, 0), load(wanted, 0))
            && spells(load(base, count &- 8), load(wanted, count &- 8))
    }

    /// The four bytes from `offset` on, the first one lowest, below four zeros.
    @inline(__always)
    private static func half(_ bytes: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return UInt64(UInt32(littleEndian: word))
    }
}
