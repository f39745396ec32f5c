// JSONShape and the JSONKind in it: what the scanner says about a text as a whole.

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
