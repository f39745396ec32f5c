// Words: looking at eight bytes at a time in one 64-bit register.
//
// Most tests return a mask with the top bit set in every byte that matches. The arithmetic borrows
// and carries upwards, so marks *above* the first match may be false; the first one is exact unless
// the test says otherwise. No match is ever missing. Bytes are numbered from the lowest one.

/// Tests on eight bytes at once.
public enum Words {
    @inlinable @inline(__always)
    static func everywhere(_ byte: UInt8) -> UInt64 {
        UInt64(byte) &* 0x0101_0101_0101_0101
    }

    /// The eight bytes from `offset` on, the first one lowest.
    @inlinable @inline(__always)
    public static func load(_ bytes: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The eight bytes of `literal`, which has exactly eight; folded to a constant.
    @inlinable @inline(__always)
    public static func load(_ literal: StaticString) -> UInt64 {
        load(UnsafeRawPointer(literal.utf8Start), 0)
    }

    /// Marks bytes equal to `byte`.
    @inlinable @inline(__always)
    public static func equal(_ word: UInt64, _ byte: UInt8) -> UInt64 {
        let difference = word ^ everywhere(byte)
        return (difference &- everywhere(1)) & ~difference & everywhere(0x80)
    }

    /// Marks bytes below `limit`, which is at most 128.
    @inlinable @inline(__always)
    public static func below(_ word: UInt64, _ limit: UInt8) -> UInt64 {
        (word &- everywhere(limit)) & ~word & everywhere(0x80)
    }

    /// Marks bytes that are candidates for control characters, none of them missing.
    ///
    /// Adding one carries DEL into the top bit, but also a byte behind 0xFF: a mark may be false.
    @inlinable @inline(__always)
    public static func controls(_ word: UInt64) -> UInt64 {
        ((word &- everywhere(0x20)) | (word &+ everywhere(1))) & ~word & everywhere(0x80)
    }

    /// Marks bytes from 0x7F on; 0xFF, which carries into the next byte, is marked itself.
    @inlinable @inline(__always)
    public static func beyondVisible(_ word: UInt64) -> UInt64 {
        (word | (word &+ everywhere(1))) & everywhere(0x80)
    }

    /// Marks bytes that are candidates for the end of a path or for something to normalise in it.
    ///
    /// `before` holds the bytes one place earlier. Not missing are: everything but visible ASCII,
    /// `#`, `%`, `?`, backslash, and a slash or dot behind a slash. Some others are marked as well.
    @inlinable @inline(__always)
    public static func notableInPath(_ word: UInt64, _ before: UInt64) -> UInt64 {
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
    @inlinable @inline(__always)
    public static func isHostName(_ word: UInt64) -> Bool {
        // Exact as a whole: without a byte from 0x80 on no addition carries into the next one.
        let folded = word | everywhere(0x20)
        let letters = (folded &+ everywhere(0x80 - 0x61)) & ~(folded &+ everywhere(0x80 - 0x7B))
        let digits = (word &+ everywhere(0x80 - 0x2D)) & ~(word &+ everywhere(0x80 - 0x3A))
        let slash = (word ^ everywhere(0x2F)) &- everywhere(1)
        return (letters | digits) & ~slash & ~word & everywhere(0x80) == everywhere(0x80)
    }

    /// Number of the first marked byte; `mask` is not zero.
    @inlinable @inline(__always)
    public static func first(_ mask: UInt64) -> Int { mask.trailingZeroBitCount >> 3 }

    /// Whether `word` spells `literal`, in lower case, without regard to case.
    ///
    /// Setting bit 0x20 folds case, but only for letters: it would also turn CR into a hyphen. So it
    /// is set only where the literal has a letter, which bit 0x40 tells in names and tokens.
    @inlinable @inline(__always)
    public static func spells(_ word: UInt64, _ literal: UInt64) -> Bool {
        word | (literal & 0x4040_4040_4040_4040) >> 1 == literal
    }

    /// Whether `bytes` spell `literal`, 4 to 16 bytes in lower case, without regard to case.
    @inlinable @inline(__always)
    public static func spell(_ bytes: UnsafeRawBufferPointer, _ literal: StaticString) -> Bool {
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

    /// The first `count` bytes from `offset` on, eight at most, the first one lowest, below zeros.
    ///
    /// Reads nothing behind them.
    @inlinable @inline(__always)
    public static func load(_ bytes: UnsafeRawPointer, _ offset: Int, count: Int) -> UInt64 {
        if count >= 8 { return load(bytes, offset) }
        if count >= 4 {
            // Two halves that overlap agree where they do.
            let shift = UInt64(truncatingIfNeeded: (count &- 4) &* 8)
            return half(bytes, offset) | half(bytes, offset &+ count &- 4) &<< shift
        }
        guard count > 0 else { return 0 }
        func byte(_ index: Int) -> UInt64 {
            let byte = bytes.load(fromByteOffset: offset &+ index, as: UInt8.self)
            return UInt64(byte) &<< UInt64(truncatingIfNeeded: index &* 8)
        }
        return byte(0) | byte(count &>> 1) | byte(count &- 1)
    }

    /// The offset of the first `byte` in `start..<end`, or `end`.
    @inlinable @inline(__always)
    public static func find(
        _ byte: UInt8, _ bytes: UnsafeRawPointer, from start: Int, to end: Int
    ) -> Int {
        let lastWord = end &- 8
        var position = start
        while position <= lastWord {
            let marks = equal(load(bytes, position), byte)
            if marks != 0 { return position &+ first(marks) }
            position &+= 8
        }
        while position < end, bytes.load(fromByteOffset: position, as: UInt8.self) != byte {
            position &+= 1
        }
        return position
    }

    /// The four bytes from `offset` on, the first one lowest, below four zeros.
    @inlinable @inline(__always)
    static func half(_ bytes: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return UInt64(UInt32(littleEndian: word))
    }
}
