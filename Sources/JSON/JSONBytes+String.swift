// Strings of RFC 8259 §7 for JSONBytes: finding the closing quote while checking every byte.
//
// Most strings are short and plain, so the first 8 bytes are tested as one word, without a loop.
// What is longer goes on in words of 16; escapes, UTF-8 and the last bytes of the text one by one.

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
            let marks = marks16(at)
            if marks[0] != 0 {
                at &+= marks[0].trailingZeroBitCount &>> 3
            } else if marks[1] != 0 {
                at &+= 8 &+ marks[1].trailingZeroBitCount &>> 3
            } else {
                at &+= 16
                continue
            }
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
                at = try escapeEnd(from: at)
            } else if byte < 0x20 {
                throw failure(.controlCharacter, at: at)
            } else {
                at = plainEnd(from: at &+ 1)
            }
        }
    }

    /// The offset of the first byte at or behind `start` that is not plain: a quote, a backslash, a
    /// control character or the start of a multi-byte sequence; `end` if there is none.
    @inline(__always)
    func plainEnd(from start: Int) -> Int {
        var at = start
        while at &+ 8 <= end {
            let marks = Self.marks(word(at))
            if marks != 0 { return at &+ marks.trailingZeroBitCount &>> 3 }
            at &+= 8
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

    /// The offset of the quote that ends the string whose content begins at `start`, in a text that
    /// has been found valid; `end` in any other.
    func closingQuote(from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var at = start
        while at < end {
            if at &+ 8 <= end {
                let bytes = word(at)
                let quote = bytes ^ (ones &* 0x22)
                let backslash = bytes ^ (ones &* 0x5C)
                let marks = ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
                let first = (marks & (ones &* 0x80)).trailingZeroBitCount &>> 3
                at &+= first
                if first == 8 { continue }
            }
            if base[at] == UInt8(ascii: "\"") { return at }
            at &+= base[at] == UInt8(ascii: "\\") ? 2 : 1
        }
        return end
    }

    /// The offset behind the escape sequence whose backslash is at `start`.
    @inline(__always)
    private func escapeEnd(from start: Int) throws(JSONError) -> Int {
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

    @inline(__always)
    func marks16(_ at: Int) -> SIMD2<UInt64> {
        let bytes = UnsafeRawPointer(base).loadUnaligned(fromByteOffset: at, as: SIMD16<Int8>.self)
        let quotes = bytes .== SIMD16<Int8>(repeating: 0x22)
        let backslashes = bytes .== SIMD16<Int8>(repeating: 0x5C)
        let others = bytes .< SIMD16<Int8>(repeating: 0x20)
        let mask = quotes .| backslashes .| others
        return unsafeBitCast(mask, to: SIMD2<UInt64>.self)
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
        if at &+ 8 <= end { return word(at) & ~(~0 << UInt64(count &* 8)) }
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
}
