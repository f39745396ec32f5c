// RequestTarget: which of the four forms a target has, and its parts (RFC 9112 §3.2).
//
// The bytes were checked by RequestLine: visible ASCII without `#`. Not here: decoding and
// normalising of paths (PathNormaliser).

import Bytes

/// Splits a request target into its parts.
enum RequestTarget {
    /// Sets form, path, query and authority of `head` from its target in `bytes`.
    @inline(__always)
    static func resolve(
        _ bytes: UnsafeRawBufferPointer, into head: inout RequestHead
    ) throws(WireFault) {
        let isOrigin = bytes[Int(head.target.start)] == UInt8(ascii: "/")
        guard isOrigin, head.method != .connect else { return try resolveOther(bytes, into: &head) }
        head.form = .origin
        head.path = ByteRange(start: head.target.start, end: pathEnd(head))
    }

    /// The offset behind the path: the question mark's, if there is one.
    private static func pathEnd(_ head: borrowing RequestHead) -> UInt32 {
        if let query = head.query { query.start &- 1 } else { head.target.end }
    }

    @inline(never)
    private static func resolveOther(
        _ bytes: UnsafeRawBufferPointer, into head: inout RequestHead
    ) throws(WireFault) {
        let target = bytes[head.target]
        if head.method == .connect {
            guard target[0] != UInt8(ascii: "/"), head.query == nil else {
                throw .targetFormInvalid
            }
            guard Authority.isValid(target, needsPort: true) else {
                throw .targetAuthorityInvalid
            }
            head.form = .authority
            head.authority = head.target
        } else if ASCII.isExactly(target, "*") {
            guard head.method == .options else { throw .targetFormInvalid }
            head.form = .asterisk
        } else {
            try resolveAbsolute(target, into: &head)
        }
    }

    /// Takes `target` as `http://authority/path` (RFC 9112 §3.2.2); other schemes are refused.
    private static func resolveAbsolute(
        _ target: UnsafeRawBufferPointer, into head: inout RequestHead
    ) throws(WireFault) {
        let authorityStart: Int
        if begins(target, with: "http://") {
            authorityStart = 7
        } else if begins(target, with: "https://") {
            authorityStart = 8
        } else {
            throw .targetFormInvalid
        }
        let pathEnd = Int(pathEnd(head) &- head.target.start)
        guard authorityStart <= pathEnd else { throw .targetFormInvalid }
        var pathStart = authorityStart
        while pathStart < pathEnd, target[pathStart] != UInt8(ascii: "/") { pathStart += 1 }
        guard
            Authority.isValid(UnsafeRawBufferPointer(rebasing: target[authorityStart..<pathStart]))
        else { throw .targetAuthorityInvalid }
        let base = Int(head.target.start)
        head.form = .absolute
        head.authority = ByteRange(base + authorityStart, base + pathStart)
        head.path = ByteRange(base + pathStart, base + pathEnd)
        head.pathIsPlain = isPlain(UnsafeRawBufferPointer(rebasing: target[pathStart..<pathEnd]))
    }

    private static func begins(
        _ target: UnsafeRawBufferPointer, with scheme: StaticString
    ) -> Bool {
        let count = scheme.utf8CodeUnitCount
        guard target.count >= count else { return false }
        return ASCII.equals(UnsafeRawBufferPointer(rebasing: target[..<count]), scheme)
    }

    private static func isPlain(_ path: UnsafeRawBufferPointer) -> Bool {
        var previous: UInt8 = 0
        for byte in path {
            switch byte {
            case UInt8(ascii: "%"), UInt8(ascii: "\\"): return false
            case UInt8(ascii: "/"), UInt8(ascii: "."):
                if previous == UInt8(ascii: "/") { return false }
            default: break
            }
            previous = byte
        }
        return true
    }
}
