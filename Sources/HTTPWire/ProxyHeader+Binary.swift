// ProxyHeader, version 2 (proxy-protocol.txt §2.2):
//
//     signature 12 | version, command 1 | family, transport 1 | length 2 | addresses | extensions
//
// Numbers are big-endian; `length` counts what follows it. Extensions are type 1, length 2, value.

internal import Bytes

extension ProxyHeader {
    /// Bytes before the addresses.
    private static let fixedByteCount = 16

    /// The extension with a CRC-32C of the whole header (§2.2.3).
    private static let checksumType: UInt8 = 0x03

    /// Reads a binary header.
    static func parseBinary(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Outcome {
        let hasSignature = try hasSignature(bytes, "\r\n\r\n\0\r\nQUIT\n")
        guard hasSignature, bytes.count > 12 else { return .needMore }
        let isProxied: Bool
        switch bytes[12] {
        case 0x20: isProxied = false  // LOCAL: the proxy speaks for itself
        case 0x21: isProxied = true
        default: throw .request(.proxyVersionUnsupported)
        }
        guard bytes.count > 13 else { return .needMore }
        let needed = try addressByteCount(bytes[13], isProxied: isProxied)
        guard bytes.count >= fixedByteCount else { return .needMore }
        let length = Int(bytes[14]) << 8 | Int(bytes[15])
        let total = fixedByteCount + length
        guard length >= needed, total <= limitBytes else { throw .request(.proxyLengthInvalid) }
        guard bytes.count >= total else { return .needMore }
        let header = UnsafeRawBufferPointer(rebasing: bytes[..<total])
        // A LOCAL header may say anything in its addresses, and is skipped as a whole (§2.2).
        if isProxied { try checkExtensions(header, from: fixedByteCount + needed) }
        return .complete(ProxyHeader(source: source(header, isProxied), byteCount: total))
    }

    /// How many bytes of addresses the family has.
    private static func addressByteCount(
        _ family: UInt8, isProxied: Bool
    ) throws(WireError) -> Int {
        guard isProxied else { return 0 }
        switch family {
        case 0x00: return 0  // UNSPEC
        case 0x11: return 12  // TCP over IPv4
        case 0x21: return 36  // TCP over IPv6
        case 0x31: return 216  // Unix stream
        default: throw .request(.proxyFamilyUnsupported)
        }
    }

    private static func source(_ header: UnsafeRawBufferPointer, _ isProxied: Bool) -> Source {
        func number<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Value {
            Value(bigEndian: header.loadUnaligned(fromByteOffset: offset, as: type))
        }
        switch isProxied ? header[13] : 0 {
        case 0x11:
            return .v4(
                address: number(at: 16, as: UInt32.self), port: number(at: 24, as: UInt16.self))
        case 0x21:
            return .v6(
                high: number(at: 16, as: UInt64.self), low: number(at: 24, as: UInt64.self),
                port: number(at: 48, as: UInt16.self))
        case 0x31: return .unix
        default: return .unnamed
        }
    }

    /// Checks that the extensions fill the rest of the header, and the checksum if there is one.
    private static func checkExtensions(
        _ header: UnsafeRawBufferPointer, from start: Int
    ) throws(WireError) {
        var offset = start
        while offset < header.count {
            guard header.count - offset >= 3 else { throw .request(.proxyLengthInvalid) }
            let count = Int(header[offset + 1]) << 8 | Int(header[offset + 2])
            let value = offset + 3
            guard header.count - value >= count else { throw .request(.proxyLengthInvalid) }
            if header[offset] == checksumType {
                guard count == 4 else { throw .request(.proxyLengthInvalid) }
                let said = UInt32(
                    bigEndian: header.loadUnaligned(fromByteOffset: value, as: UInt32.self))
                guard said == checksum(header, without: value..<(value + 4)) else {
                    throw .request(.proxyChecksumWrong)
                }
            }
            offset = value + count
        }
    }

    /// CRC-32C (RFC 3720 appendix B.4) with the bytes of `hole` taken for zero.
    ///
    /// Bit by bit: headers are short and come once a connection.
    private static func checksum(
        _ bytes: UnsafeRawBufferPointer, without hole: Range<Int>
    ) -> UInt32 {
        var remainder = UInt32.max
        for index in 0..<bytes.count {
            remainder ^= hole.contains(index) ? 0 : UInt32(bytes[index])
            for _ in 0..<8 {
                remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0x82F6_3B78 : 0)
            }
        }
        return ~remainder
    }
}
