// JSONCursor: a place in a JSON text and the steps from there: over blanks, a key, a whole value.
// What the bytes mean is JSONBytes' business.

/// A place in a JSON text that moves forward over valid tokens only.
struct JSONCursor {
    /// The text.
    let bytes: JSONBytes

    /// Offset of the next byte.
    var index = 0

    // Whether the text ends in a closing bracket, which makes the way through containers shorter.
    private let endsInBracket: Bool

    // What blanks were skipped, as flags of JSONBlanks.
    private var blankFlags: UInt8 = 0

    /// Whether blanks were skipped.
    var sawBlank: Bool { blankFlags & JSONBlanks.some != 0 }

    /// Whether a line feed or carriage return was among them.
    var sawLineBreak: Bool { blankFlags & JSONBlanks.lineBreak != 0 }

    /// Stands before the first byte of `text`.
    init(_ text: UnsafeRawBufferPointer) {
        bytes = JSONBytes(text)
        endsInBracket = bytes.endsInBracket
    }

    /// The next byte, or 0 at the end.
    @inline(__always) var byte: UInt8 { bytes.peek(index) }

    /// The error `reason` at the cursor, or `unexpectedEnd` if nothing is left to be wrong.
    func failure(_ reason: JSONError.Reason) -> JSONError { bytes.failure(reason, at: index) }

    /// Refuses a byte order mark, then skips the blanks before the outermost value.
    mutating func begin() throws(JSONError) {
        if byte == 0xEF, bytes.peek(1) == 0xBB, bytes.peek(2) == 0xBF {
            throw JSONError(.byteOrderMark, at: 0)
        }
        skipBlanks()
    }

    /// Skips the blanks behind the outermost value and refuses anything else there.
    mutating func finish() throws(JSONError) {
        skipBlanks()
        guard index >= bytes.end else { throw JSONError(.trailingBytes, at: index) }
    }

    /// The kind of the value that starts at the cursor.
    func kind() throws(JSONError) -> JSONKind {
        guard let kind = JSONKind(firstByte: byte) else { throw failure(.expectedValue) }
        return kind
    }

    /// Skips blanks.
    @inline(__always)
    mutating func skipBlanks() {
        guard byte <= 0x20 else { return }
        let blanks = bytes.blanks(index)
        index = blanks.end
        blankFlags |= blanks.flags
    }

    /// Takes `byte` if it is next, and says whether it was.
    @inline(__always)
    mutating func take(_ byte: UInt8) -> Bool {
        guard self.byte == byte else { return false }
        index &+= 1
        return true
    }

    /// Skips an object key with its colon and the blanks around; returns what is within the quotes.
    @inline(__always)
    mutating func skipKey() throws(JSONError) -> JSONSpan {
        guard byte == UInt8(ascii: "\"") else { throw failure(.expectedKey) }
        let start = index &+ 1
        index = try bytes.stringEnd(start)
        let key = JSONSpan(start: start, end: index &- 1)
        skipBlanks()
        guard take(UInt8(ascii: ":")) else { throw failure(.expectedColon) }
        skipBlanks()
        return key
    }

    /// Skips one valid value of any kind, to at most `maxDepth` nested containers.
    @inline(__always)
    mutating func skipValue(maxDepth: Int) throws(JSONError) {
        let byte = byte
        if byte == UInt8(ascii: "\"") {
            index = try bytes.stringEnd(index &+ 1)
        } else if byte <= UInt8(ascii: "9") {
            index = try bytes.numberEnd(index, byte, isAhead: false)
        } else if byte | 0x20 == UInt8(ascii: "{") {
            let container = try bytes.containerEnd(
                index, maxDepth: maxDepth, isAhead: endsInBracket)
            index = container.end
            blankFlags |= container.flags
        } else {
            index = try bytes.literalEnd(index, byte)
        }
    }
}
