// Words: looking at eight bytes at a time in one 64-bit register.
//
// Each test returns a mask with the top bit set in every byte that matches. The arithmetic borrows
// from left to right, so bits *above* the first match may be wrong; the first one is exact, and
// nothing here is used for more than that. Bytes are numbered from the least significant one.

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

    /// Marks bytes from 0x80 on.
    @inline(__always)
    static func beyondASCII(_ word: UInt64) -> UInt64 { word & everywhere(0x80) }

    /// Number of the first marked byte; `mask` is not zero.
    @inline(__always)
    static func first(_ mask: UInt64) -> Int { mask.trailingZeroBitCount >> 3 }
}
