// JSONBytes: the grammar of RFC 8259 on a run of bytes. Each function takes the place where a token
// starts and returns the place behind it, or throws. Nothing here remembers, allocates or recurses;
// JSONCursor is the place that moves.
//
// Here: the bytes, blanks, literals, numbers. Strings are in JSONBytes+String.swift, arrays and
// objects in JSONBytes+Container.swift.

/// The bytes of a JSON text, and what the tokens on them are.
struct JSONBytes {
    // SAFETY: `base` points to `end` readable bytes for as long as this value lives: the caller's
    // buffer outlives the scan. Every read is below `end`; where that is not tested right before,
    // a comment says why it holds.
    let base: UnsafePointer<UInt8>

    /// Number of bytes.
    let end: Int

    /// Takes the bytes of `text`.
    @inline(__always)
    init(_ text: UnsafeRawBufferPointer) {
        let none: StaticString = ""
        base = text.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? none.utf8Start
        end = text.baseAddress == nil ? 0 : text.count
    }

    /// The byte at `at`, or 0, which no token starts with, at the end.
    @inline(__always)
    func peek(_ at: Int) -> UInt8 { at < end ? base[at] : 0 }

    /// The byte at `at`; if something `isAhead` that ends the token at hand, it exists.
    @inline(__always)
    func peek(_ at: Int, isAhead: Bool) -> UInt8 { isAhead ? base[at] : peek(at) }

    /// The bytes of `span`, which has been found within them.
    @inline(__always)
    func raw(_ span: JSONSpan) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + span.start, count: span.count)
    }

    /// The error `reason` at `at`, or `unexpectedEnd` if nothing is left there to be wrong.
    @inline(never)
    func failure(_ reason: JSONError.Reason, at: Int) -> JSONError {
        JSONError(at >= end ? .unexpectedEnd : reason, at: min(at, end))
    }
}

// MARK: - Blanks

/// Blanks between two tokens.
struct JSONBlanks {
    /// Whether there are any.
    static let some: UInt8 = 1
    /// Whether a line feed or carriage return is among them.
    static let lineBreak: UInt8 = 2

    /// The offset behind them.
    let end: Int
    /// `some`, `lineBreak`, both or nothing.
    let flags: UInt8
}

extension JSONBytes {
    /// The blanks (§2), perhaps none, at `start`.
    @inline(never)
    func blanks(_ start: Int) -> JSONBlanks {
        var at = start
        var flags: UInt8 = 0
        while at < end {
            switch base[at] {
            case 0x20, 0x09: flags |= JSONBlanks.some
            case 0x0A, 0x0D: flags |= JSONBlanks.some | JSONBlanks.lineBreak
            default: return JSONBlanks(end: at, flags: flags)
            }
            at &+= 1
            // Indentation is many spaces in a row.
            while at &+ 8 <= end {
                let others = word(at) ^ 0x2020_2020_2020_2020
                at &+= others.trailingZeroBitCount &>> 3
                if others != 0 { break }
            }
        }
        return JSONBlanks(end: at, flags: flags)
    }
}

// MARK: - Literals

extension JSONBytes {
    /// The offset behind `true`, `false` or `null` (§3) at `at`, of which `byte` is the first one.
    @inline(__always)
    func literalEnd(_ at: Int, _ byte: UInt8) throws(JSONError) -> Int {
        switch byte {
        case UInt8(ascii: "t") where isNext(0x65_75_72_74, at): return at &+ 4
        case UInt8(ascii: "n") where isNext(0x6C_6C_75_6E, at): return at &+ 4
        case UInt8(ascii: "f") where isNext(0x65_73_6C_61, at &+ 1): return at &+ 5
        default: throw literalFailure(at)
        }
    }

    /// Whether the four bytes at `at` are those of `word`, first byte lowest.
    @inline(__always)
    private func isNext(_ word: UInt32, _ at: Int) -> Bool {
        guard at &+ 4 <= end else { return false }
        let raw = UnsafeRawPointer(base)
        return UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt32.self)) == word
    }

    /// Says where the word at `start` begins to differ from the literal it starts like.
    @inline(never)
    private func literalFailure(_ start: Int) -> JSONError {
        let word: StaticString
        switch peek(start) {
        case UInt8(ascii: "t"): word = "true"
        case UInt8(ascii: "f"): word = "false"
        case UInt8(ascii: "n"): word = "null"
        default: return failure(.expectedValue, at: start)
        }
        var length = 0
        while length < word.utf8CodeUnitCount, peek(start &+ length) == word.utf8Start[length] {
            length &+= 1
        }
        return failure(.badLiteral, at: start &+ length)
    }
}

// MARK: - Numbers

extension JSONBytes {
    /// The offset behind the number at `start`, of which `first` is the first byte.
    ///
    /// A number is `-`? int frac? exp? (§6). What follows it is for the caller to judge. With
    /// `isAhead` something other than a digit, sign, point or letter lies ahead, so that the end of
    /// the text need not be looked for.
    @inline(__always)
    func numberEnd(_ start: Int, _ first: UInt8, isAhead: Bool) throws(JSONError) -> Int {
        var at = start
        var byte = first
        if byte &- 48 >= 10 {
            guard byte == UInt8(ascii: "-") else { throw failure(.expectedValue, at: at) }
            at &+= 1
            byte = peek(at, isAhead: isAhead)
            guard byte &- 48 < 10 else { throw failure(.badNumber, at: at) }
        }
        let isZero = byte == UInt8(ascii: "0")
        at &+= 1
        byte = peek(at, isAhead: isAhead)
        if byte &- 48 < 10 {
            if isZero { throw failure(.badNumber, at: at) }
            repeat {
                at &+= 1
                byte = peek(at, isAhead: isAhead)
            } while byte &- 48 < 10
        }
        if byte == UInt8(ascii: ".") {
            at = try digitsEnd(at &+ 1, isAhead)
            byte = peek(at, isAhead: isAhead)
        }
        if byte | 0x20 == UInt8(ascii: "e") {
            at &+= 1
            byte = peek(at, isAhead: isAhead)
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { at &+= 1 }
            at = try digitsEnd(at, isAhead)
        }
        return at
    }

    /// The offset behind the one or more digits at `start`.
    @inline(__always)
    private func digitsEnd(_ start: Int, _ isAhead: Bool) throws(JSONError) -> Int {
        guard peek(start, isAhead: isAhead) &- 48 < 10 else {
            throw failure(.badNumber, at: start)
        }
        var at = start
        repeat { at &+= 1 } while peek(at, isAhead: isAhead) &- 48 < 10
        return at
    }
}
