// JSONError: why a text is not the JSON that was asked for, and at which byte.
//
// One error type for the whole target. The schema validator alone reports faults of its own kind,
// because a schema fault has a place in a document tree and not in a text.

/// Why a JSON text was refused, and where.
package struct JSONError: Error, Equatable, Sendable {
    /// Offset of the offending byte from the start of the input; the input's length at its end.
    package let offset: Int

    /// Which rule was broken.
    package let reason: Reason

    /// Makes an error at byte `offset` of the input.
    package init(_ reason: Reason, at offset: Int) {
        self.offset = offset
        self.reason = reason
    }

    /// The rules a text can break; section numbers are those of RFC 8259 unless said otherwise.
    package enum Reason: String, Sendable {
        /// The text ends inside a value, or is empty (§2).
        case unexpectedEnd
        /// Something that starts no value stands where a value belongs (§3).
        case expectedValue
        /// An object member does not start with a string (§4).
        case expectedKey
        /// No colon follows the key (§4).
        case expectedColon
        /// Neither a comma nor `}` follows a member (§4).
        case expectedCommaOrBrace
        /// Neither a comma nor `]` follows an element (§5).
        case expectedCommaOrBracket
        /// A word other than `true`, `false` and `null` (§3).
        case badLiteral
        /// A number with a leading zero or without digits where some must stand (§6).
        case badNumber
        /// A control character below U+0020 inside a string (§7).
        case controlCharacter
        /// A backslash that starts no escape sequence (§7).
        case badEscape
        /// Bytes that are not UTF-8: overlong, surrogate, too high or cut short (§8.1, RFC 3629 §4).
        case badUTF8
        /// The input starts with a byte order mark (§8.1).
        case byteOrderMark
        /// More nested containers than the caller allows (§9).
        case tooDeep
        /// Something other than blanks follows the value (§2).
        case trailingBytes
        /// A key occurs twice in one object, escapes decoded (§4; RFC 7493 §2.3).
        case duplicateKey
        /// An object was asked for.
        case notAnObject
        /// An array was asked for.
        case notAnArray
        /// The text is no JSON pointer (RFC 6901 §3).
        case badPointer
    }
}

extension JSONError: CustomStringConvertible {
    /// A sentence for a person, like "expected a colon after the object key, at byte 17".
    package var description: String { "\(reason), at byte \(offset)" }
}

extension JSONError.Reason: CustomStringConvertible {
    /// The broken rule in words, without the place.
    package var description: String {
        switch self {
        case .unexpectedEnd: "the text ends before its value is complete"
        case .expectedValue: "expected a value"
        case .expectedKey: "expected a string as object key"
        case .expectedColon: "expected a colon after the object key"
        case .expectedCommaOrBrace: "expected a comma or } after the object member"
        case .expectedCommaOrBracket: "expected a comma or ] after the array element"
        case .badLiteral: "expected true, false or null"
        case .badNumber: "malformed number"
        case .controlCharacter: "control character in a string (it must be escaped)"
        case .badEscape: "malformed escape sequence in a string"
        case .badUTF8: "invalid UTF-8"
        case .byteOrderMark: "byte order mark before the text"
        case .tooDeep: "nested too deeply"
        case .trailingBytes: "expected nothing more after the value"
        case .duplicateKey: "duplicate object key"
        case .notAnObject: "expected an object"
        case .notAnArray: "expected an array"
        case .badPointer: "malformed JSON pointer"
        }
    }
}
