// ASCII: character classes and comparisons on single bytes, for every parser of the house.
//
// Class tests use two 64-bit masks instead of a table: no lazily initialised global, no memory
// access, and the optimiser keeps the masks in registers.

public import Glibc

/// Character classes and case-insensitive comparison on ASCII bytes.
public enum ASCII {
    /// Whether `byte` is a `tchar` (RFC 9110 §5.6.2).
    @inlinable @inline(__always)
    public static func isToken(_ byte: UInt8) -> Bool {
        // ! # $ % & ' * + - . 0-9 in the low word; A-Z ^ _ ` a-z | ~ in the high one.
        let low: UInt64 = 0x03FF_6CFA_0000_0000
        let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
        guard byte < 128 else { return false }
        return ((byte < 64 ? low : high) >> UInt64(byte & 63)) & 1 == 1
    }

    /// Whether `byte` is `0`-`9`.
    @inlinable @inline(__always)
    public static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

    /// Whether `byte` is a letter `A`-`Z` or `a`-`z`.
    @inlinable @inline(__always)
    public static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 97 < 26 }

    /// Whether `byte` is a space or a horizontal tab (`OWS` without its repetition).
    @inlinable @inline(__always)
    public static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// `byte` with `A`-`Z` turned to lower case.
    @inlinable @inline(__always)
    public static func lower(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 0x20 : byte }

    /// The value of a hexadecimal digit, or nil.
    @inlinable @inline(__always)
    public static func hexValue(_ byte: UInt8) -> UInt8? {
        if byte &- 48 < 10 { return byte &- 48 }
        let letter = (byte | 0x20) &- 97
        return letter < 6 ? letter &+ 10 : nil
    }

    /// The lower-case hexadecimal digit of `value`, of which the low four bits count.
    @inlinable @inline(__always)
    public static func hexDigit(_ value: Int) -> UInt8 {
        let nibble = UInt8(truncatingIfNeeded: value & 0xF)
        return nibble < 10 ? nibble &+ 48 : nibble &+ 87
    }

    /// Whether `bytes` equal `literal`, which is in lower case, without regard to ASCII case.
    @inlinable
    public static func equals(_ bytes: UnsafeRawBufferPointer, _ literal: StaticString) -> Bool {
        guard bytes.count == literal.utf8CodeUnitCount else { return false }
        for index in 0..<bytes.count where lower(bytes[index]) != literal.utf8Start[index] {
            return false
        }
        return true
    }

    /// Whether `bytes` equal `literal` byte for byte.
    @inlinable
    public static func isExactly(_ bytes: UnsafeRawBufferPointer, _ literal: StaticString) -> Bool {
        guard bytes.count == literal.utf8CodeUnitCount else { return false }
        guard let start = bytes.baseAddress else { return true }
        return memcmp(start, literal.utf8Start, bytes.count) == 0
    }
}
