// Authority: host and port as they stand in Host and in absolute and authority targets.
//
// RFC 3986 §3.2 without user information, which RFC 9110 §4.2.4 tells recipients to treat as an
// attack. A host is a registered name, an IPv4 address (which is spelt like one) or an IPv6 literal.

import Bytes

/// Validation of `host [":" port]`.
package enum Authority {
    /// Whether `bytes` are a host, not empty, and an optional port.
    ///
    /// With `needsPort` the port must be there, as in a CONNECT target (RFC 9112 §3.2.3).
    package static func isValid(_ bytes: UnsafeRawBufferPointer, needsPort: Bool = false) -> Bool {
        let hostEnd = plainNameEnd(bytes)
        guard hostEnd < bytes.count else { return hostEnd > 0 && !needsPort }
        // Brackets and escapes are rare; without them this function calls no other.
        guard hostEnd > 0, bytes[hostEnd] == UInt8(ascii: ":") else {
            return isValidSlowly(bytes, needsPort: needsPort)
        }
        return isPort(bytes, from: hostEnd, needsDigits: needsPort)
    }

    @inline(never)
    private static func isValidSlowly(_ bytes: UnsafeRawBufferPointer, needsPort: Bool) -> Bool {
        let isLiteral = bytes.first == UInt8(ascii: "[")
        let hostEnd = isLiteral ? literalEnd(bytes) : registeredNameEnd(bytes)
        guard let hostEnd, hostEnd > 0 else { return false }
        guard hostEnd < bytes.count else { return !needsPort }
        return isPort(bytes, from: hostEnd, needsDigits: needsPort)
    }

    /// The offset of the first of `bytes` that cannot stand by itself in a registered name.
    @inline(__always)
    private static func plainNameEnd(_ bytes: UnsafeRawBufferPointer, from start: Int = 0) -> Int {
        // ! $ & ' ( ) * + , - . 0-9 ; = in the low word; A-Z _ a-z ~ in the high one.
        let low: UInt64 = 0x2BFF_7FD2_0000_0000
        let high: UInt64 = 0x47FF_FFFE_87FF_FFFE
        var index = start
        // SAFETY: eight bytes are left; most hosts begin with that many letters, digits and dots.
        if let base = bytes.baseAddress, bytes.count &- index >= 8,
            Words.isHostName(Words.load(base, index))
        {
            index &+= 8
        }
        while index < bytes.count {
            let byte = bytes[index]
            guard byte < 128, (byte < 64 ? low : high) >> UInt64(byte & 63) & 1 == 1 else { break }
            index &+= 1
        }
        return index
    }

    /// The end of the registered name (RFC 3986 §3.2.2) that `bytes` begin with, or nil.
    private static func registeredNameEnd(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var index = plainNameEnd(bytes)
        while index < bytes.count, bytes[index] == UInt8(ascii: "%") {
            guard Percent.escapedByte(bytes, at: index) != nil else { return nil }
            index = plainNameEnd(bytes, from: index + 3)
        }
        return index
    }

    /// Whether `bytes` from `start` on are a colon and a port number, at most 65,535.
    @inline(__always)
    private static func isPort(
        _ bytes: UnsafeRawBufferPointer, from start: Int, needsDigits: Bool
    ) -> Bool {
        guard bytes[start] == UInt8(ascii: ":") else { return false }
        let digitCount = bytes.count &- start &- 1
        guard digitCount <= 5, digitCount > 0 || !needsDigits else { return false }
        var index = start &+ 1
        var port: UInt32 = 0
        while index < bytes.count {
            let digit = bytes[index] &- 48
            guard digit < 10 else { return false }
            port = port &* 10 &+ UInt32(digit)
            index &+= 1
        }
        return port <= 65_535
    }

    /// The end of the IPv6 literal in brackets that `bytes` begin with, or nil.
    @inline(never)
    private static func literalEnd(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let bracket = closingBracket(bytes),
            isIPv6(UnsafeRawBufferPointer(rebasing: bytes[1..<bracket]))
        else { return nil }
        return bracket + 1
    }

    private static func closingBracket(_ bytes: UnsafeRawBufferPointer) -> Int? {
        // 45 characters are the longest IPv6 address; anything longer need not be searched.
        for index in 1..<min(bytes.count, 47) where bytes[index] == UInt8(ascii: "]") {
            return index
        }
        return nil
    }

    /// Whether `bytes` are an IPv6 address (RFC 3986 §3.2.2), without zone.
    package static func isIPv6(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var groups = 0
        var hasGap = false
        var index = 0
        if bytes.count >= 2, bytes[0] == UInt8(ascii: ":"), bytes[1] == UInt8(ascii: ":") {
            hasGap = true
            index = 2
        }
        while index < bytes.count {
            let start = index
            while index < bytes.count, ASCII.hexValue(bytes[index]) != nil { index += 1 }
            if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
                guard isIPv4(UnsafeRawBufferPointer(rebasing: bytes[start...])) else {
                    return false
                }
                groups += 2
                break
            }
            guard index > start, index - start <= 4 else { return false }
            groups += 1
            guard index < bytes.count else { break }
            guard bytes[index] == UInt8(ascii: ":") else { return false }
            index += 1
            // A single colon must be followed by a group; a second one is the gap, allowed once.
            guard index < bytes.count else { return false }
            if bytes[index] == UInt8(ascii: ":") {
                guard !hasGap else { return false }
                hasGap = true
                index += 1
            }
        }
        return hasGap ? groups <= 7 : groups == 8
    }

    /// Whether `bytes` are four decimal numbers up to 255 without leading zeros, with dots between.
    package static func isIPv4(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var parts = 0
        var index = 0
        while true {
            let start = index
            var value = 0
            while index < bytes.count, ASCII.isDigit(bytes[index]), index - start < 3 {
                value = value * 10 + Int(bytes[index] &- 48)
                index += 1
            }
            guard index > start, value <= 255 else { return false }
            guard index - start == 1 || bytes[start] != UInt8(ascii: "0") else { return false }
            parts += 1
            guard parts < 4 else { return index == bytes.count }
            guard index < bytes.count, bytes[index] == UInt8(ascii: ".") else { return false }
            index += 1
        }
    }
}
