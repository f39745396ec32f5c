// Arrays and objects of RFC 8259 §4 and §5 for JSONBytes, with all that is in them: the one loop
// that most bytes of a document pass through. It is written for the machine: locals in registers,
// no test that an earlier one has decided, one copy of the code for each kind of token.

extension JSONBytes {
    /// Whether a closing bracket comes last, but for blanks.
    ///
    /// Looks from behind, so its cost is the number of blanks there: ask once for a text.
    var endsInBracket: Bool {
        var last = end &- 1
        while last >= 0, base[last] <= 0x20 { last &-= 1 }
        return last >= 0 && base[last] | 0x20 == UInt8(ascii: "}")
    }

    /// The offset behind the object or array at `start`, and what blanks are in it; `isAhead` is what
    /// `endsInBracket` says.
    @inline(never)
    func containerEnd(
        _ start: Int, maxDepth: Int, isAhead: Bool
    ) throws(JSONError) -> JSONBlanks {
        let limit = JSONNesting.limit(maxDepth)
        // While a container is open a closing bracket lies ahead of it, and ends every token but a
        // string. So there are two copies of the loop: one that need not look for the end of the
        // text all the time, and one for texts that are cut short.
        if isAhead { return try containerEnd(start, limit, isAhead: true) }
        return try containerEnd(start, limit, isAhead: false)
    }

    // SAFETY (isAhead): let L be the offset of the last byte above 0x20, a closing bracket; the opening
    // one at `start` lies before it. Bytes are read without a test only at offsets up to L. Each step that leads there consumed a byte that
    // was read at up to L and is not a closing bracket, hence lies before L; or it ended a string or
    // a literal, whose last byte cannot be L either and cannot lie behind it. Behind a closing
    // bracket and behind blanks the next byte is read with a test.
    @inline(__always)
    private func containerEnd(
        _ start: Int, _ limit: Int, isAhead: Bool
    ) throws(JSONError) -> JSONBlanks {
        var nesting = JSONNesting()
        var isInObject = false
        var flags: UInt8 = 0
        var at = start
        while true {
            // Mostly there are no blanks, so they are thought of when something else has failed.
            var byte = peek(at, isAhead: isAhead)
            if isInObject {
                if byte != UInt8(ascii: "\"") {
                    (at, byte) = next(at, byte, &flags)
                    guard byte == UInt8(ascii: "\"") else { throw failure(.expectedKey, at: at) }
                }
                at = try stringEnd(at &+ 1)
                byte = peek(at, isAhead: isAhead)
                if byte != UInt8(ascii: ":") {
                    (at, byte) = next(at, byte, &flags)
                    guard byte == UInt8(ascii: ":") else { throw failure(.expectedColon, at: at) }
                }
                at &+= 1
                byte = peek(at, isAhead: isAhead)
            }
            if byte <= 0x20 { (at, byte) = next(at, byte, &flags) }
            if byte == UInt8(ascii: "\"") {
                at = try stringEnd(at &+ 1)
            } else if byte <= UInt8(ascii: "9") {
                at = try numberEnd(at, byte, isAhead: isAhead)
            } else if byte | 0x20 == UInt8(ascii: "{") {
                guard nesting.depth < limit else { throw failure(.tooDeep, at: at) }
                isInObject = byte == UInt8(ascii: "{")
                nesting.push(isObject: isInObject)
                // In ASCII a closing bracket comes two behind its opening one.
                let closing = byte &+ 2
                at &+= 1
                byte = peek(at, isAhead: isAhead)
                if byte <= 0x20 { (at, byte) = next(at, byte, &flags) }
                if byte != closing { continue }
            } else {
                at = try literalEnd(at, byte)
            }
            // Here ends a value, or an empty container is about to.
            byte = peek(at, isAhead: isAhead)
            while byte != UInt8(ascii: ",") {
                let closing = isInObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
                if byte == closing {
                    at &+= 1
                    nesting.pop()
                    if nesting.depth == 0 { return JSONBlanks(end: at, flags: flags) }
                    isInObject = nesting.isInObject
                    byte = peek(at)
                } else {
                    let start = at
                    (at, byte) = next(at, byte, &flags)
                    guard at > start else {
                        throw failure(
                            isInObject ? .expectedCommaOrBrace : .expectedCommaOrBracket, at: at)
                    }
                }
            }
            at &+= 1
        }
    }

    /// The place behind the blanks at `at`, where `byte` stands, and the byte there (0 at the end).
    @inline(__always)
    private func next(_ at: Int, _ byte: UInt8, _ flags: inout UInt8) -> (Int, UInt8) {
        // Many writers put one space behind each colon and comma.
        let following = peek(at &+ 1)
        if byte == 0x20, following > 0x20 {
            flags |= JSONBlanks.some
            return (at &+ 1, following)
        }
        let blanks = blanks(at)
        flags |= blanks.flags
        return (blanks.end, peek(blanks.end))
    }
}
