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
    static func scan(
        _ bytes: UnsafeRawBufferPointer, from start: Int, limits: WireLimits,
        into table: inout FieldTable
    ) throws(WireFault) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let end = bytes.count
        let fieldLimit = min(limits.fieldCount, table.capacity)
        var position = start
        while position < end {
            // SAFETY: every read below is at an offset that was compared with `end`, or eight bytes
            // long with `end - 8` compared; names start at 8 or later, as `start` does.
            if base.load(fromByteOffset: position, as: UInt8.self) == 0x0D {
                guard end &- position >= 2 else { return nil }
                guard bytes[position &+ 1] == 0x0A else { throw .fieldBareCR }
                return position &+ 2
            }
            guard table.count < fieldLimit else { throw .fieldsTooMany }
            let stop = min(end, position &+ limits.fieldNameBytes &+ 1)
            let colon = find(0x3A, in: base, from: position, to: stop)
            let length = colon &- position
            let known =
                length < 2 ? .other : KnownField.recognise(base, start: position, count: length)
            if known == .other {
                try checkName(
                    bytes, from: position, to: colon, hasColon: colon < stop, isCut: stop < end)
            }
            guard colon < stop else { return nil }

            var valueStart = colon &+ 1
            while valueStart < end, ASCII.isBlank(bytes[valueStart]) { valueStart &+= 1 }
            let lineEnd = valueEnd(base, from: valueStart, to: end)
            guard end &- lineEnd >= 2 else {
                if lineEnd < end { try checkEnd(bytes[lineEnd], next: nil) }
                return nil
            }
            if bytes[lineEnd] != 0x0D || bytes[lineEnd &+ 1] != 0x0A {
                try checkEnd(bytes[lineEnd], next: bytes[lineEnd &+ 1])
            }
            var valueStop = lineEnd
            while valueStop > valueStart, ASCII.isBlank(bytes[valueStop &- 1]) { valueStop &-= 1 }
            table.append(
                FieldTable.Slot(
                    nameStart: UInt32(truncatingIfNeeded: position),
                    valueStart: UInt32(truncatingIfNeeded: valueStart),
                    valueEnd: UInt32(truncatingIfNeeded: valueStop),
                    nameLength: UInt16(truncatingIfNeeded: length), known: known))
            position = lineEnd &+ 2
        }
        return nil
    }

    /// The offset of the first `byte` in `start..<end`, or `end`.
    @inline(__always)
    static func find(_ byte: UInt8, in base: UnsafeRawPointer, from start: Int, to end: Int) -> Int
    {
        var position = start
        while end &- position >= 8 {
            let marks = Words.equal(Words.load(base, position), byte)
            if marks != 0 { return position &+ Words.first(marks) }
            position &+= 8
        }
        while position < end, base.load(fromByteOffset: position, as: UInt8.self) != byte {
            position &+= 1
        }
        return position
    }

    /// The offset of the first byte from `start` on that no field value may contain, or `end`.
    ///
    /// A value is made of HTAB, SP, visible ASCII and obs-text (RFC 9110 §5.5).
    @inline(__always)
    static func valueEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var position = start
        while end &- position >= 8 {
            let word = Words.load(base, position)
            let marks = Words.below(word, 0x20) | Words.equal(word, 0x7F)
            guard marks != 0 else {
                position &+= 8
                continue
            }
            position &+= Words.first(marks)
            guard base.load(fromByteOffset: position, as: UInt8.self) == 0x09 else {
                return position
            }
            position &+= 1
        }
        while position < end {
            let byte = base.load(fromByteOffset: position, as: UInt8.self)
            guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else { break }
            position &+= 1
        }
        return position
    }

    /// Whether `value` may be sent as a field value (RFC 9110 §5.5).
    static func isValue(_ value: UnsafeRawBufferPointer) -> Bool {
        guard let base = value.baseAddress else { return true }
        return valueEnd(base, from: 0, to: value.count) == value.count
    }

    /// Throws unless `start..<end` is a name, or, without colon, the beginning of one.
    ///
    /// `isCut` says that the search for the colon ended at the limit, not at the end of input.
    @inline(never)
    private static func checkName(
        _ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int, hasColon: Bool, isCut: Bool
    ) throws(WireFault) {
        for position in start..<end where !ASCII.isToken(bytes[position]) {
            throw nameFault(bytes[position], isFirst: position == start)
        }
        if hasColon, start == end { throw .fieldNameEmpty }
        if !hasColon, isCut { throw .fieldNameTooLong }
    }

    private static func nameFault(_ byte: UInt8, isFirst: Bool) -> WireFault {
        switch byte {
        case 0x20, 0x09: isFirst ? .fieldFolded : .fieldNameBlank
        case 0x0A: .fieldBareLF
        case 0x0D: .fieldColonMissing
        default: .fieldNameInvalid
        }
    }

    /// Throws unless `byte` and `next` are CRLF, or `byte` is CR and the next has not arrived.
    @inline(never)
    private static func checkEnd(_ byte: UInt8, next: UInt8?) throws(WireFault) {
        switch byte {
        case 0x0D:
            if let next, next != 0x0A { throw .fieldBareCR }
        case 0x0A: throw .fieldBareLF
        case 0x00: throw .fieldValueNull
        default: throw .fieldValueInvalid
        }
    }
}
