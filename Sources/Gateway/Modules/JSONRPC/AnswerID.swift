// AnswerID: whose answer a text was meant to be that is no JSON, or of which most is passed over. It
// reads with forgiveness what JSONMessageScanner has refused, in pieces of any size, and keeps no
// more of them than the place it is at. Sans-IO.

internal import Bytes

/// Looks for the id in the remains of a message.
struct AnswerID {
    private enum Place {
        /// Not in a string.
        case open
        /// In a string, and behind a backslash in one.
        case string, escape
        /// Behind a string of the outermost object: a colon makes it a key.
        case afterString
        /// Between the key `id` and its value, and in that.
        case beforeNumber, number
        /// It is known, or never will be.
        case settled
    }

    /// More digits than any id of ours has.
    private static let digitLimit = 16

    // The two keys that count, as their bytes make numbers, and one that is neither.
    private static let idKey: UInt64 = 0x69_64
    private static let methodKey: UInt64 = 0x6D_65_74_68_6F_64
    private static let otherKey = UInt64.max

    private var place = Place.open
    private var depth = 0
    private var key: UInt64 = 0
    private var value = 0
    private var digits = 0

    /// The integer under the key `id` of the outermost object, once it is known.
    private(set) var id: Int?

    /// Whether what follows can tell no more.
    var isSettled: Bool { place == .settled }

    /// The id in `text`, or nil if it cannot be told, or if a `method` before it shows that this was
    /// no answer.
    ///
    /// `isWhole` says that the text does not go on, so that a number at its end is whole too.
    static func find(in text: UnsafeRawBufferPointer, isWhole: Bool) -> Int? {
        var search = AnswerID()
        search.feed(text)
        if isWhole { search.end() }
        return search.id
    }

    /// Reads on.
    mutating func feed(_ text: UnsafeRawBufferPointer) {
        for byte in text {
            switch place {
            case .string: inString(byte)
            case .open: outside(byte)
            case .escape:
                key = Self.otherKey
                place = .string
            case .afterString: afterString(byte)
            case .beforeNumber: beforeNumber(byte)
            case .number: inNumber(byte)
            case .settled: return
            }
        }
    }

    /// The text does not go on.
    mutating func end() {
        if place == .number { id = value }
        place = .settled
    }

    @inline(__always)
    private mutating func inString(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): place = depth == 1 ? .afterString : .open
        case UInt8(ascii: "\\"): place = .escape
        // Longer than any of the two; one that was never a key stays none.
        default: key = key >> 48 == 0 ? key << 8 | UInt64(byte) : Self.otherKey
        }
    }

    @inline(__always)
    private mutating func outside(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""):
            key = 0
            place = .string
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            if depth <= 0 { place = .settled }
        default: break
        }
    }

    private mutating func afterString(_ byte: UInt8) {
        if ASCII.isBlank(byte) { return }
        place = .open
        guard byte == UInt8(ascii: ":") else {
            outside(byte)
            return
        }
        if key == Self.methodKey { place = .settled }
        if key == Self.idKey { place = .beforeNumber }
    }

    private mutating func beforeNumber(_ byte: UInt8) {
        if ASCII.isBlank(byte) { return }
        place = .number
        inNumber(byte)
    }

    private mutating func inNumber(_ byte: UInt8) {
        if ASCII.isDigit(byte), digits < Self.digitLimit {
            value = value * 10 + Int(byte &- 48)
            digits += 1
            return
        }
        let endsNumber =
            byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || ASCII.isBlank(byte)
        if endsNumber, digits > 0 { id = value }
        place = .settled
    }
}
