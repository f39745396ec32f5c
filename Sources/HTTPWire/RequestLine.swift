// RequestLine: method, target and version of a request (RFC 9112 §3).
//
//     GET /v1/modules?x=1 HTTP/1.1 \r\n
//
// Exactly one space between the parts. RFC 9112 §3 allows recipients to be lenient about blanks and
// warns that this invites smuggling; we are not. Not here: what form the target has (RequestTarget).

import Bytes

/// Parses the request line.
enum RequestLine {
    /// Parses the line that begins at `start`.
    ///
    /// - Returns: The offset behind its CRLF, or nil if that has not arrived.
    @inline(__always)
    static func parse(
        _ bytes: UnsafeRawBufferPointer, from start: Int, methodLimit: Int, targetLimit: Int,
        into head: inout RequestHead
    ) throws(WireFault) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let end = bytes.count
        guard let methodEnd = try method(base, from: start, to: end, methodLimit, into: &head)
        else { return nil }
        let targetStart = methodEnd &+ 1
        let stop = min(end, targetStart &+ targetLimit &+ 1)
        let targetEnd = try target(base, from: targetStart, to: stop, into: &head)
        guard targetEnd < stop else {
            if stop &- targetStart > targetLimit { throw .targetTooLong }
            return nil
        }
        head.methodRange = ByteRange(start, methodEnd)
        head.target = ByteRange(targetStart, targetEnd)
        guard let lineEnd = try version(base, from: targetEnd &+ 1, to: end, into: &head)
        else { return nil }
        try RequestTarget.resolve(bytes, into: &head)
        return lineEnd
    }

    /// The offset of the space behind the method, or nil.
    @inline(__always)
    private static func method(
        _ base: UnsafeRawPointer, from start: Int, to end: Int, _ limit: Int,
        into head: inout RequestHead
    ) throws(WireFault) -> Int? {
        if end &- start >= 8 {
            // SAFETY: eight bytes are there; two methods make up nearly all traffic.
            let word = Words.load(base, start)
            if word & 0xFFFF_FFFF == Words.load("GET \0\0\0\0") {
                head.method = .get
                return start &+ 3
            }
            if word & 0xFF_FFFF_FFFF == Words.load("POST \0\0\0") {
                head.method = .post
                return start &+ 4
            }
        }
        return try otherMethod(base, from: start, to: end, limit, into: &head)
    }

    @inline(never)
    private static func otherMethod(
        _ base: UnsafeRawPointer, from start: Int, to end: Int, _ limit: Int,
        into head: inout RequestHead
    ) throws(WireFault) -> Int? {
        var position = start
        while position < end {
            let byte = base.load(fromByteOffset: position, as: UInt8.self)
            if byte == 0x20, position > start {
                head.method = Method.recognise(
                    UnsafeRawBufferPointer(start: base + start, count: position - start))
                return position
            }
            guard ASCII.isToken(byte) else { throw .methodInvalid }
            guard position &- start < limit else { throw .methodTooLong }
            position &+= 1
        }
        return nil
    }

    /// The offset of the space behind the target, or `end`.
    @inline(__always)
    private static func target(
        _ base: UnsafeRawPointer, from start: Int, to end: Int, into head: inout RequestHead
    ) throws(WireFault) -> Int {
        let lastWord = end &- 8
        var position = start
        while position < end {
            // SAFETY: eight bytes are there, and a method and its space are in front of the target.
            while position <= lastWord {
                let marks = Words.notableInPath(
                    Words.load(base, position), Words.load(base, position &- 1))
                guard marks == 0 else {
                    position &+= Words.first(marks)
                    break
                }
                position &+= 8
            }
            guard position < end else { return end }
            let byte = base.load(fromByteOffset: position, as: UInt8.self)
            guard byte != 0x20 else { break }
            if try noteInPath(
                byte, behind: base.load(fromByteOffset: position &- 1, as: UInt8.self), into: &head)
            {
                return try query(base, from: position, to: end, into: &head)
            }
            position &+= 1
        }
        if position == start, position < end { throw .targetMissing }
        return position
    }

    /// Takes note of a byte of the path that may be notable; true if it begins the query.
    @inline(never)
    private static func noteInPath(
        _ byte: UInt8, behind previous: UInt8, into head: inout RequestHead
    ) throws(WireFault) -> Bool {
        switch byte {
        case UInt8(ascii: "/"), UInt8(ascii: "."):
            if previous == UInt8(ascii: "/") { head.pathIsPlain = false }
        case UInt8(ascii: "%"), UInt8(ascii: "\\"):
            head.pathIsPlain = false
        case UInt8(ascii: "?"):
            return true
        case 0...0x20, UInt8(ascii: "#"), 0x7F...0xFF:
            throw targetFault(byte)
        default:
            break
        }
        return false
    }

    /// The end of the target whose question mark is at `mark`, or `end`.
    @inline(never)
    private static func query(
        _ base: UnsafeRawPointer, from mark: Int, to end: Int, into head: inout RequestHead
    ) throws(WireFault) -> Int {
        var position = mark &+ 1
        while end &- position >= 8 {
            let word = Words.load(base, position)
            let marks =
                Words.below(word, 0x21) | Words.beyondVisible(word)
                | Words.equal(word, UInt8(ascii: "#"))
            guard marks == 0 else {
                position &+= Words.first(marks)
                break
            }
            position &+= 8
        }
        while position < end {
            let byte = base.load(fromByteOffset: position, as: UInt8.self)
            if byte <= 0x20 || byte >= 0x7F || byte == UInt8(ascii: "#") {
                guard byte == 0x20 else { throw targetFault(byte) }
                head.query = ByteRange(mark &+ 1, position)
                return position
            }
            position &+= 1
        }
        return end
    }

    private static func targetFault(_ byte: UInt8) -> WireFault {
        switch byte {
        case 0x0D, 0x0A: .versionMissing
        case UInt8(ascii: "#"): .targetFragment
        default: .targetByteInvalid
        }
    }

    /// The offset behind the line whose version begins at `start`, or nil.
    @inline(__always)
    private static func version(
        _ base: UnsafeRawPointer, from start: Int, to end: Int, into head: inout RequestHead
    ) throws(WireFault) -> Int? {
        if end &- start >= 10, Words.load(base, start) == Words.load("HTTP/1.1"),
            base.loadUnaligned(fromByteOffset: start &+ 8, as: UInt16.self).littleEndian == 0x0A0D
        {
            head.versionMinor = 1
            return start &+ 10
        }
        return try otherVersion(base, from: start, to: end, into: &head)
    }

    @inline(never)
    private static func otherVersion(
        _ base: UnsafeRawPointer, from start: Int, to end: Int, into head: inout RequestHead
    ) throws(WireFault) -> Int? {
        let bytes = UnsafeRawBufferPointer(start: base + start, count: end - start)
        switch HTTPVersion.parse(bytes) {
        case .needMore: return nil
        case .invalid: throw .versionInvalid
        case .unsupported: throw .versionUnsupported
        case .minor(let minor): head.versionMinor = minor
        }
        guard bytes.count > 8 else { return nil }
        guard bytes[8] == 0x0D else {
            throw bytes[8] == 0x0A ? .requestLineBroken : .versionInvalid
        }
        guard bytes.count > 9 else { return nil }
        guard bytes[9] == 0x0A else { throw .requestLineBroken }
        return start &+ 10
    }
}
