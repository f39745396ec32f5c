// Strings of RFC 8259 §7 for JSONBytes: finding the closing quote while checking every byte.
//
// Most strings are short and plain, so the first 8 bytes are tested as one word in general registers,
// which has the shortest way to the next token. Longer strings go on 16 bytes at a time. Escapes,
// UTF-8 and the last bytes of the text are taken one by one, out of line.

extension JSONBytes {
    /// The offset behind the closing quote of the string whose content begins at `start`.
    ///
    /// An escape `\uD800`…`\uDFFF` without its other half is accepted: RFC 8259 §8.2 allows it, and a
    /// text that is passed on stays as it is. Decoding replaces it by U+FFFD.
    @inline(__always)
    func stringEnd(_ start: Int) throws(JSONError) -> Int {
        var at = start
        if at &+ 8 <= end {
            let marks = Self.marks(word(at))
            if marks != 0 {
                at &+= marks.trailingZeroBitCount &>> 3
                if base[at] == UInt8(ascii: "\"") { return at &+ 1 }
                return try stringEndSlowly(at)
            }
            at &+= 8
        }
        while at &+ 16 <= end {
            let count = plainCount16(at)
            at &+= count
            if count == 16 { continue }
            if base[at] == UInt8(ascii: "\"") { return at &+ 1 }
            break
        }
        return try stringEndSlowly(at)
    }

    /// The same for what remains from `start` of a string with something special in it.
    @inline(never)
    private func stringEndSlowly(_ start: Int) throws(JSONError) -> Int {
        var at = start
        while true {
            let byte = peek(at)
            if byte >= 0x80 {
                let length = UTF8Sequence.length(base, at, end)
                guard length > 0 else { throw JSONError(.badUTF8, at: at) }
                at &+= length
            } else if byte == UInt8(ascii: "\"") {
                return at &+ 1
            } else if byte == UInt8(ascii: "\\") {
                at = try escapeEnd(at)
            } else if byte < 0x20 {
                throw failure(.controlCharacter, at: at)
            } else {
                at = plainEnd(at &+ 1)
            }
        }
    }

    /// The offset of the first byte at or behind `start` that is not plain: a quote, a backslash, a
    /// control character or the start of a multi-byte sequence; `end` if there is none.
    @inline(__always)
    func plainEnd(_ start: Int) -> Int {
        var at = start
        while at &+ 16 <= end {
            let count = plainCount16(at)
            at &+= count
            if count < 16 { return at }
        }
        while at < end {
            let byte = base[at]
            if byte < 0x20 || byte >= 0x80 || byte == UInt8(ascii: "\"")
                || byte == UInt8(ascii: "\\")
            {
                break
            }
            at &+= 1
        }
        return at
    }

    /// The offset behind the escape sequence whose backslash is at `start`.
    @inline(__always)
    private func escapeEnd(_ start: Int) throws(JSONError) -> Int {
        guard start &+ 1 < end else { throw JSONError(.unexpectedEnd, at: end) }
        switch base[start &+ 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return start &+ 2
        case UInt8(ascii: "u"):
            var at = start &+ 2
            while at < start &+ 6 {
                guard at < end else { throw JSONError(.unexpectedEnd, at: end) }
                let digit = base[at]
                guard digit &- 48 < 10 || (digit | 0x20) &- 97 < 6 else {
                    throw JSONError(.badEscape, at: at)
                }
                at &+= 1
            }
            return at
        default:
            throw JSONError(.badEscape, at: start &+ 1)
        }
    }

    /// The eight bytes at `at`, the first one lowest.
    ///
    /// The caller has checked that they exist.
    @inline(__always)
    func word(_ at: Int) -> UInt64 {
        UInt64(
            littleEndian: UnsafeRawPointer(base).loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }

    /// The `count` bytes at `at`, at most 8, the first one lowest and the missing ones 0.
    ///
    /// The caller has checked that they exist.
    @inline(__always)
    func word(_ at: Int, count: Int) -> UInt64 {
        guard count > 0 else { return 0 }
        if at &+ 8 <= end {
            return word(at) & (~0 &>> UInt64(truncatingIfNeeded: 64 &- count &* 8))
        }
        var bytes: UInt64 = 0
        for offset in 0..<count {
            bytes |= UInt64(base[at &+ offset]) &<< UInt64(offset &* 8)
        }
        return bytes
    }

    /// A word whose lowest set bit is bit 7 of the first byte in `word` that is not plain.
    ///
    /// With the top bit of a byte clear, subtracting 1 sets it exactly if the byte was 0, and
    /// subtracting 0x20 if it was below 0x20; a byte with the top bit set is not plain anyway. A
    /// borrow spoils only bytes behind one that is marked already, so the lowest mark is right.
    @inline(__always)
    static func marks(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = (word ^ (ones &* 0x22)) &- ones
        let backslash = (word ^ (ones &* 0x5C)) &- ones
        let control = word &- (ones &* 0x20)
        return (quote | backslash | control | word) & (ones &* 0x80)
    }

    /// How many of the 16 bytes at `at` are plain before the first one that is not.
    ///
    /// The caller has checked that they exist.
    @inline(__always)
    private func plainCount16(_ at: Int) -> Int {
        let bytes = UnsafeRawPointer(base).loadUnaligned(fromByteOffset: at, as: SIMD16<Int8>.self)
        // One operand of each comparison must be a whole vector: with a scalar the operators are not
        // specialised and cost hundreds of nanoseconds. Bytes from 0x80 are negative, so that one
        // comparison finds them together with the control characters.
        let quotes = bytes .== SIMD16<Int8>(repeating: 0x22)
        let backslashes = bytes .== SIMD16<Int8>(repeating: 0x5C)
        let others = bytes .< SIMD16<Int8>(repeating: 0x20)
        let marks = unsafeBitCast(quotes .| backslashes .| others, to: SIMD2<UInt64>.self)
        let low = UInt64(littleEndian: marks[0])
        if low != 0 { return low.trailingZeroBitCount &>> 3 }
        let high = UInt64(littleEndian: marks[1])
        return high != 0 ? 8 &+ high.trailingZeroBitCount &>> 3 : 16
    }
}
