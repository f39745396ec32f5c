// Strings of RFC 8259 §7 for JSONCursor: finding the closing quote while checking every byte.
//
// Most strings are short and plain, so the first 8 bytes are tested as one word, without a loop.
// What is longer goes on in words of 16; escapes, UTF-8 and the last bytes of the text one by one.

extension JSONCursor {
    /// Skips the string whose opening quote is at the cursor.
    ///
    /// An escape `\uD800`…`\uDFFF` without its other half is accepted: RFC 8259 §8.2 allows it, and a
    /// text that is passed on stays as it is. Decoding replaces it by U+FFFD.
    @inline(__always)
    mutating func skipString() throws(JSONError) {
        var at = index &+ 1
        if at &+ 8 <= end {
            let marks = Self.marks(word(at))
            if marks != 0 {
                at &+= marks.trailingZeroBitCount &>> 3
                if base[at] == UInt8(ascii: "\"") {
                    index = at &+ 1
                    sawEscape = false
                    return
                }
            } else {
                at &+= 8
            }
        }
        try skipRestOfString(from: at)
    }

    @inline(never)
    private mutating func skipRestOfString(from start: Int) throws(JSONError) {
        var at = start
        var escaped = false
        while true {
            at = plainEnd(from: at)
            guard at < end else { throw JSONError(.unexpectedEnd, at: end) }
            let byte = base[at]
            if byte == UInt8(ascii: "\"") {
                index = at &+ 1
                sawEscape = escaped
                return
            } else if byte >= 0x80 {
                let length = UTF8Sequence.length(base, at, end)
                guard length > 0 else { throw JSONError(.badUTF8, at: at) }
                at &+= length
            } else if byte == UInt8(ascii: "\\") {
                at = try escapeEnd(from: at)
                escaped = true
            } else {
                throw JSONError(.controlCharacter, at: at)
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
