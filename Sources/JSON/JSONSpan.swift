// JSONSpan, JSONKind, JSONShape: what the scanner says about a text instead of building a tree of
// it. All three are plain values; offsets count from the start of the bytes that were scanned.

/// A range of bytes of a scanned text.
package struct JSONSpan: Sendable, Equatable {
    /// Offset of the first byte.
    package let start: Int

    /// Offset of the byte behind the last one; never less than `start`.
    package let end: Int

    /// Makes the range from `start` up to but not including `end`.
    package init(start: Int, end: Int) {
        self.start = start
        self.end = end
    }

    /// Number of bytes.
    package var count: Int { end &- start }

    /// A string's span without its quotes; an empty span if there is no room for two.
    package var unquoted: JSONSpan {
        count >= 2
            ? JSONSpan(start: start &+ 1, end: end &- 1) : JSONSpan(start: start, end: start)
    }

    /// The bytes of this span within the text it was found in; empty if it lies outside of `text`.
    package func slice(of text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard start >= 0, start <= end, end <= text.count else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(rebasing: text[start..<end])
    }
}

/// The seven kinds of JSON value (RFC 8259 §3); the two booleans count apart.
package enum JSONKind: UInt8, Sendable {
    case object, array, string, number, `true`, `false`, null

    /// The kind of value that starts with `byte`, or nil if none does.
    package init?(firstByte byte: UInt8) {
        switch byte {
        case UInt8(ascii: "{"): self = .object
        case UInt8(ascii: "["): self = .array
        case UInt8(ascii: "\""): self = .string
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): self = .number
        case UInt8(ascii: "t"): self = .true
        case UInt8(ascii: "f"): self = .false
        case UInt8(ascii: "n"): self = .null
        default: return nil
        }
    }
}

/// What a valid text is made of, as far as its carrier must know.
package struct JSONShape: Sendable, Equatable {
    /// The kind of the outermost value.
    package let kind: JSONKind

    /// Whether blanks stand outside of strings; without them `compact` would copy the text as it is.
    package let hasWhitespace: Bool

    /// Whether a line feed or carriage return is among the blanks; a text without them fits one line.
    package let hasLineBreak: Bool

    /// Makes a description of a text.
    package init(kind: JSONKind, hasWhitespace: Bool, hasLineBreak: Bool) {
        self.kind = kind
        self.hasWhitespace = hasWhitespace
        self.hasLineBreak = hasLineBreak
    }
}
