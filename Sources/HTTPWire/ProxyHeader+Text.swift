// ProxyHeader, version 1: one line, such as
//
//     PROXY TCP4 192.0.2.1 198.51.100.7 49152 443 CR LF
//
// with exactly one space between words (proxy-protocol.txt §2.1).

internal import Bytes

extension ProxyHeader {
    /// Longest line in bytes, CRLF included (§2.1).
    static let lineLimitBytes = 107

    /// Reads a line.
    static func parseText(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Outcome {
        guard try hasSignature(bytes, "PROXY ") else { return .needMore }
        guard let end = try lineEnd(bytes) else { return .needMore }
        let line = UnsafeRawBufferPointer(rebasing: bytes[6..<end])
        return .complete(ProxyHeader(source: try source(line), byteCount: end + 2))
    }

    /// Where the CR of the line's end is; nil if the line goes on.
    private static func lineEnd(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Int? {
        for index in 6..<min(bytes.count, lineLimitBytes) {
            switch bytes[index] {
            case 0x20...0x7E: continue
            case 0x0D where index + 1 == bytes.count: return nil
            case 0x0D where bytes[index + 1] == 0x0A && index + 1 < lineLimitBytes: return index
            case 0x0D where index + 1 == lineLimitBytes: throw .request(.proxyLineTooLong)
            default: throw .request(.proxyLineInvalid)
            }
        }
        guard bytes.count < lineLimitBytes else { throw .request(.proxyLineTooLong) }
        return nil
    }

    /// The client that `line`, which is what follows `PROXY `, names.
    private static func source(_ line: UnsafeRawBufferPointer) throws(WireError) -> Source {
        var words = LineWords(rest: line)
        let family = words.next()
        // What follows UNKNOWN is to be ignored (§2.1).
        if ASCII.isExactly(family, "UNKNOWN") { return .unnamed }
        let isV4 = ASCII.isExactly(family, "TCP4")
        guard isV4 || ASCII.isExactly(family, "TCP6") else {
            throw .request(.proxyFamilyUnsupported)
        }
        let from = words.next()
        let to = words.next()
        let fromPort = words.next()
        let toPort = words.next()
        guard words.isAtEnd else { throw .request(.proxyLineInvalid) }
        guard let port = port(fromPort), self.port(toPort) != nil else {
            throw .request(.proxyAddressInvalid)
        }
        if isV4 {
            guard Authority.isIPv4(from), Authority.isIPv4(to) else {
                throw .request(.proxyAddressInvalid)
            }
            return .v4(address: v4(from), port: port)
        }
        guard Authority.isIPv6(from), Authority.isIPv6(to) else {
            throw .request(.proxyAddressInvalid)
        }
        let (high, low) = v6(from)
        return .v6(high: high, low: low, port: port)
    }

    /// The words of a line with one space between them; a further space makes an empty word.
    private struct LineWords {
        var rest: UnsafeRawBufferPointer
        var isAtEnd = false

        mutating func next() -> UnsafeRawBufferPointer {
            let end = rest.firstIndex(of: 0x20) ?? rest.count
            let word = UnsafeRawBufferPointer(rebasing: rest[..<end])
            isAtEnd = end == rest.count
            rest = UnsafeRawBufferPointer(rebasing: rest[min(end + 1, rest.count)...])
            return word
        }
    }

    /// A port in decimal without leading zeros; nil if it is none.
    private static func port(_ word: UnsafeRawBufferPointer) -> UInt16? {
        guard (1...5).contains(word.count), word.count == 1 || word[0] != UInt8(ascii: "0") else {
            return nil
        }
        var value: UInt32 = 0
        for byte in word {
            guard ASCII.isDigit(byte) else { return nil }
            value = value * 10 + UInt32(byte &- 48)
        }
        return UInt16(exactly: value)
    }

    /// The value of a valid IPv4 address.
    private static func v4(_ text: some Collection<UInt8>) -> UInt32 {
        var value: UInt32 = 0
        var part: UInt32 = 0
        for byte in text {
            if byte == UInt8(ascii: ".") {
                value = value << 8 | part
                part = 0
            } else {
                part = (part &* 10 &+ UInt32(byte &- 48)) & 0xFF
            }
        }
        return value << 8 | part
    }

    /// The value of a valid IPv6 address: the groups before `::`, and those behind it.
    private static func v6(_ text: UnsafeRawBufferPointer) -> (high: UInt64, low: UInt64) {
        var front = Groups()
        var back = Groups()
        var hasGap = false
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: UInt8(ascii: ":")) ?? text.count
            let part = text[start..<end]
            if part.isEmpty {
                // The gap; where it is at an end it has two empty parts.
                hasGap = true
            } else if part.contains(UInt8(ascii: ".")) {
                let value = v4(part)
                for half in [value >> 16, value & 0xFFFF] {
                    if hasGap { back.append(half) } else { front.append(half) }
                }
            } else {
                let value = part.reduce(UInt32(0)) {
                    $0 << 4 | UInt32(ASCII.hexValue($1) ?? 0)
                }
                if hasGap { back.append(value) } else { front.append(value) }
            }
            start = end + 1
        }
        let lead = front.movedUp(by: 8 - front.count)
        return (lead.high | back.high, lead.low | back.low)
    }

    /// Up to eight groups of 16 bits, the last one lowest.
    private struct Groups {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var count = 0

        mutating func append(_ value: UInt32) {
            high = high << 16 | low >> 48
            low = low << 16 | UInt64(value & 0xFFFF)
            count += 1
        }

        func movedUp(by groups: Int) -> Groups {
            var moved = self
            for _ in 0..<max(groups, 0) { moved.append(0) }
            return moved
        }
    }
}
