// FieldScanner: the grammar of field lines that requests and responses share (RFC 9112 §5).
//
//     Content-Type: text/html \r\n
//     ^name       ^colon     ^CR          blanks around the value belong to neither
//
// One pass; names are searched for their colon and values for their end eight bytes at a time. A
// scan decides each byte once, in order, and looks at nothing behind the first byte that is wrong:
// that is why a head cut in two fails exactly as it does whole.

import Bytes

/// Scans field lines up to the empty line that ends a head.
enum FieldScanner {
    /// Scans the lines of `bytes` from `start` on, which is at least 8, into `table`.
    ///
    /// - Returns: The offset behind the empty line, or nil if it has not arrived.
    /// - Throws: The first fault in order of bytes.
    @inline(__always)
    static func scan(
        _ bytes: UnsafeRawBufferPointer, from start: Int, fieldLimit: Int, nameLimit: Int,
        into table: inout FieldTable
    ) throws(WireFault) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let end = bytes.count
        let lastPair = end &- 2
        let fieldLimit = min(fieldLimit, table.capacity)
        var position = start
        // SAFETY: every read is at an offset that was compared with `end`, or, for eight bytes, with
        // `end - 8`; names start at 8 or later, as `start` does.
        while position < end {
            if base.load(fromByteOffset: position, as: UInt8.self) == 0x0D {
                guard position <= lastPair else { return nil }
                guard isLineEnd(base, position) else { throw .fieldBareCR }
                return position &+ 2
            }
            guard table.count < fieldLimit else { throw .fieldsTooMany }
            guard let colon = colon(base, from: position, to: end) else {
                try checkName(bytes, from: position, to: end, limit: nameLimit)
                return nil
            }
            let known = KnownField.recognise(base, start: position, count: colon &- position)
            if known == .other {
                try checkName(bytes, from: position, to: colon, limit: nameLimit)
            }
            table.begin(nameStart: position, nameLength: colon &- position, known: known)
            var lineEnd = control(base, from: colon &+ 1, to: end)
            while lineEnd > lastPair || !isLineEnd(base, lineEnd) {
                guard try mayContinue(bytes, at: lineEnd) else { return nil }
                lineEnd = control(base, from: lineEnd &+ 1, to: end)
            }
            let value = trimmed(base, from: colon &+ 1, to: lineEnd)
            table.finish(valueStart: value.start, valueEnd: value.end)
            position = lineEnd &+ 2
        }
        return nil
    }

    /// The value between a colon in front of `start` and a CR at `end`, without blanks around it.
    @inline(__always)
    private static func trimmed(
        _ base: UnsafeRawPointer, from start: Int, to end: Int
    ) -> (start: Int, end: Int) {
        // One space in front and none behind is how nearly all lines are written.
        let hasSpace = base.load(fromByteOffset: start, as: UInt8.self) == 0x20
        let first = hasSpace ? start &+ 1 : start
        guard base.load(fromByteOffset: first, as: UInt8.self) > 0x20,
            base.load(fromByteOffset: end &- 1, as: UInt8.self) > 0x20
        else { return trimmedSlowly(base, from: start, to: end) }
        return (first, end)
    }

    @inline(never)
    private static func trimmedSlowly(
        _ base: UnsafeRawPointer, from start: Int, to end: Int
    ) -> (start: Int, end: Int) {
        func isBlank(_ offset: Int) -> Bool {
            ASCII.isBlank(base.load(fromByteOffset: offset, as: UInt8.self))
        }
        var start = start
        var end = end
        while start < end, isBlank(start) { start &+= 1 }
        while end > start, isBlank(end &- 1) { end &-= 1 }
        return (start, end)
    }

    /// Whether CRLF stands at `position`, where two bytes can be read.
    @inline(__always)
    private static func isLineEnd(_ base: UnsafeRawPointer, _ position: Int) -> Bool {
        base.loadUnaligned(fromByteOffset: position, as: UInt16.self).littleEndian == 0x0A0D
    }

    /// The offset of the first colon in `start..<end`, or nil.
    @inline(__always)
    private static func colon(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int? {
        let position = Words.find(UInt8(ascii: ":"), base, from: start, to: end)
        return position < end ? position : nil
    }

    /// The offset of the first byte from `start` on that may be a control character, or `end`.
    ///
    /// A tab is one; and a byte behind 0xFF may be taken for one.
    @inline(__always)
    private static func control(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        let lastWord = end &- 8
        var position = start
        while position <= lastWord {
            let marks = Words.controls(Words.load(base, position))
            if marks != 0 { return position &+ Words.first(marks) }
            position &+= 8
        }
        while position < end, isText(base.load(fromByteOffset: position, as: UInt8.self)) {
            position &+= 1
        }
        return position
    }

    /// Whether `byte` may stand in a field value: HTAB, SP, visible ASCII, obs-text (RFC 9110 §5.5).
    @inline(__always)
    static func isText(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }

    /// The offset of the first byte from `start` on that no field value may contain, or `end`.
    static func valueEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var position = control(base, from: start, to: end)
        while position < end, isText(base.load(fromByteOffset: position, as: UInt8.self)) {
            position = control(base, from: position &+ 1, to: end)
        }
        return position
    }

    /// Whether `value` may be sent as a field value (RFC 9110 §5.5).
    static func isValue(_ value: UnsafeRawBufferPointer) -> Bool {
        guard let base = value.baseAddress else { return true }
        return valueEnd(base, from: 0, to: value.count) == value.count
    }

    /// Throws unless a name, or the beginning of one, goes from `start` to `end`.
    ///
    /// At `end` there is a colon, or the input has ended.
    @inline(never)
    private static func checkName(
        _ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int, limit: Int
    ) throws(WireFault) {
        var position = start
        while position < end {
            guard ASCII.isToken(bytes[position]) else {
                throw nameFault(bytes[position], isFirst: position == start)
            }
            guard position &- start < limit else { throw .fieldNameTooLong }
            position &+= 1
        }
        if start == end { throw .fieldNameEmpty }
    }

    private static func nameFault(_ byte: UInt8, isFirst: Bool) -> WireFault {
        switch byte {
        case 0x20, 0x09: isFirst ? .fieldFolded : .fieldNameBlank
        case 0x0A: .fieldBareLF
        case 0x0D: .fieldColonMissing
        default: .fieldNameInvalid
        }
    }

    /// Whether a value goes on at `position`, where there is no CRLF; false if more bytes are needed.
    @inline(never)
    private static func mayContinue(
        _ bytes: UnsafeRawBufferPointer, at position: Int
    ) throws(WireFault) -> Bool {
        guard position < bytes.count else { return false }
        switch bytes[position] {
        case 0x0D:
            guard position + 1 == bytes.count else { throw .fieldBareCR }
            return false
        case 0x0A: throw .fieldBareLF
        case 0x00: throw .fieldValueNull
        default:
            guard isText(bytes[position]) else { throw .fieldValueInvalid }
            return true
        }
    }
}
