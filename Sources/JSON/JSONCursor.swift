// JSONCursor: the tokens of RFC 8259 on a run of bytes: blanks, literals, numbers and the step from
// one value to the next. Strings are in JSONCursor+String.swift. Everything that reads JSON in this
// target moves such a cursor forward; nothing here allocates, recurses or keeps what it has read.

/// A place in a JSON text that moves forward over valid tokens only.
struct JSONCursor {
    // SAFETY: `base` points to `end` readable bytes for as long as the cursor lives (the caller's
    // buffer outlives the scan), and every read below is preceded by a comparison with `end`.
    let base: UnsafePointer<UInt8>

    /// Length of the text.
    let end: Int

    /// Offset of the next byte.
    var index = 0

    /// Whether blanks were skipped.
    var sawBlank = false

    /// Whether a line feed or carriage return was among them.
    var sawLineBreak = false

    /// Whether the last string had an escape sequence.
    var sawEscape = false

    /// Stands before the first byte of `text`.
    init(_ text: UnsafeRawBufferPointer) {
        let none: StaticString = ""
        base = text.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? none.utf8Start
        end = text.baseAddress == nil ? 0 : text.count
    }

    /// Whether the cursor stands behind the last byte.
    @inline(__always) var isAtEnd: Bool { index >= end }

    /// The error `reason` at the cursor, or `unexpectedEnd` if nothing is left to be wrong.
    @inline(never)
    func failure(_ reason: JSONError.Reason) -> JSONError {
        JSONError(isAtEnd ? .unexpectedEnd : reason, at: index)
    }
}

// MARK: - Blanks and punctuation

extension JSONCursor {
    /// Skips blanks: space, tab, line feed, carriage return (§2).
    @inline(__always)
    mutating func skipBlanks() {
        if index < end, base[index] <= 0x20 { skipBlankRun() }
    }

    @inline(never)
    private mutating func skipBlankRun() {
        let start = index
        while index < end {
            switch base[index] {
            case 0x20, 0x09: break
            case 0x0A, 0x0D: sawLineBreak = true
            default:
                sawBlank = sawBlank || index > start
                return
            }
            index &+= 1
        }
        sawBlank = sawBlank || index > start
    }

    /// Takes `byte` if it is next, and says whether it was.
    @inline(__always)
    mutating func take(_ byte: UInt8) -> Bool {
        guard index < end, base[index] == byte else { return false }
        index &+= 1
        return true
    }

    /// Refuses a byte order mark, then skips the blanks before the outermost value.
    mutating func begin() throws(JSONError) {
        if end >= 3, base[0] == 0xEF, base[1] == 0xBB, base[2] == 0xBF {
            throw JSONError(.byteOrderMark, at: 0)
        }
        skipBlanks()
    }

    /// Skips the blanks behind the outermost value and refuses anything else there.
    mutating func finish() throws(JSONError) {
        skipBlanks()
        guard isAtEnd else { throw JSONError(.trailingBytes, at: index) }
    }

    /// The kind of the value that starts at the cursor.
    func kind() throws(JSONError) -> JSONKind {
        guard !isAtEnd, let kind = JSONKind(firstByte: base[index]) else {
            throw failure(.expectedValue)
        }
        return kind
    }

    /// Skips an object key with its colon and the blanks around; returns what is within the quotes.
    @inline(__always)
    @discardableResult
    mutating func skipKey() throws(JSONError) -> JSONSpan {
        guard index < end, base[index] == UInt8(ascii: "\"") else { throw failure(.expectedKey) }
        let start = index &+ 1
        try skipString()
        let key = JSONSpan(start: start, end: index &- 1)
        if !take(UInt8(ascii: ":")) {
            skipBlanks()
            guard take(UInt8(ascii: ":")) else { throw failure(.expectedColon) }
        }
        skipBlanks()
        return key
    }
}

// MARK: - Values

extension JSONCursor {
    /// Skips one valid value of any kind, to at most `maxDepth` nested containers.
    @inline(__always)
    mutating func skipValue(maxDepth: Int) throws(JSONError) {
        guard index < end else { throw failure(.expectedValue) }
        let byte = base[index]
        if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
            try skipContainer(maxDepth: maxDepth)
        } else {
            try skipScalar(byte)
        }
    }

    /// Skips the string, number or literal that starts with `byte`, which is at the cursor.
    @inline(__always)
    mutating func skipScalar(_ byte: UInt8) throws(JSONError) {
        if byte == UInt8(ascii: "\"") {
            try skipString()
        } else if byte &- 48 < 10 || byte == UInt8(ascii: "-") {
            try skipNumber()
        } else {
            try skipLiteral(byte)
        }
    }

    /// Skips the object or array at the cursor and all that is in it.
    mutating func skipContainer(maxDepth: Int) throws(JSONError) {
        let limit = JSONNesting.limit(maxDepth)
        var nesting = JSONNesting()
        while true {
            // A value starts here.
            guard index < end else { throw failure(.expectedValue) }
            let byte = base[index]
            if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                guard nesting.depth < limit else { throw failure(.tooDeep) }
                let isObject = byte == UInt8(ascii: "{")
                nesting.push(isObject: isObject)
                index &+= 1
                skipBlanks()
                // "[" and "]", "{" and "}" are two apart.
                if !(index < end && base[index] == byte &+ 2) {
                    if isObject { try skipKey() }
                    continue
                }
            } else {
                try skipScalar(byte)
                skipBlanks()
            }
            // A value, or the bracket that opened an empty container, ends here.
            while true {
                guard index < end else { throw JSONError(.unexpectedEnd, at: index) }
                let byte = base[index]
                if byte == UInt8(ascii: ",") {
                    index &+= 1
                    skipBlanks()
                    if nesting.isInObject { try skipKey() }
                    break
                }
                guard byte == (nesting.isInObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                    throw failure(
                        nesting.isInObject ? .expectedCommaOrBrace : .expectedCommaOrBracket)
                }
                index &+= 1
                nesting.pop()
                if nesting.depth == 0 { return }
                skipBlanks()
            }
        }
    }

    /// Skips `true`, `false` or `null` (§3), of which `byte` is the first letter.
    @inline(__always)
    mutating func skipLiteral(_ byte: UInt8) throws(JSONError) {
        switch byte {
        case UInt8(ascii: "t") where isNext(0x65_75_72_74): index &+= 4
        case UInt8(ascii: "n") where isNext(0x6C_6C_75_6E): index &+= 4
        case UInt8(ascii: "f")
        where isNext(0x73_6C_61_66) && index &+ 4 < end
            && base[index &+ 4] == UInt8(ascii: "e"):
            index &+= 5
        default: throw literalFailure(byte)
        }
    }

    /// Whether the four bytes at the cursor are those of `word`, first byte lowest.
    @inline(__always)
    private func isNext(_ word: UInt32) -> Bool {
        guard index &+ 4 <= end else { return false }
        let raw = UnsafeRawPointer(base)
        return UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt32.self))
            == word
    }

    @inline(never)
    private func literalFailure(_ byte: UInt8) -> JSONError {
        let word: StaticString
        switch byte {
        case UInt8(ascii: "t"): word = "true"
        case UInt8(ascii: "f"): word = "false"
        case UInt8(ascii: "n"): word = "null"
        default: return failure(.expectedValue)
        }
        var length = 0
        while length < word.utf8CodeUnitCount, index &+ length < end,
            base[index &+ length] == word.utf8Start[length]
        {
            length &+= 1
        }
        let isCutShort = index &+ length == end
        return JSONError(isCutShort ? .unexpectedEnd : .badLiteral, at: index &+ length)
    }

    /// Skips a number (§6): `-`? int frac? exp?; what follows it is for the caller to judge.
    @inline(__always)
    mutating func skipNumber() throws(JSONError) {
        var at = index
        if base[at] == UInt8(ascii: "-") { at &+= 1 }
        guard at < end else { throw JSONError(.unexpectedEnd, at: at) }
        let first = base[at] &- 48
        guard first < 10 else { throw JSONError(.badNumber, at: at) }
        at &+= 1
        if first == 0 {
            if at < end, base[at] &- 48 < 10 { throw JSONError(.badNumber, at: at) }
        } else {
            while at < end, base[at] &- 48 < 10 { at &+= 1 }
        }
        if at < end, base[at] == UInt8(ascii: ".") {
            at = try digits(from: at &+ 1)
        }
        if at < end, base[at] | 0x20 == UInt8(ascii: "e") {
            at &+= 1
            if at < end, base[at] == UInt8(ascii: "+") || base[at] == UInt8(ascii: "-") {
                at &+= 1
            }
            at = try digits(from: at)
        }
        index = at
    }

    /// The offset behind the one or more digits at `start`.
    @inline(__always)
    private func digits(from start: Int) throws(JSONError) -> Int {
        guard start < end else { throw JSONError(.unexpectedEnd, at: start) }
        guard base[start] &- 48 < 10 else { throw JSONError(.badNumber, at: start) }
        var at = start &+ 1
        while at < end, base[at] &- 48 < 10 { at &+= 1 }
        return at
    }
}
