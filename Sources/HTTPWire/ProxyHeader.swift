// ProxyHeader: what a proxy that speaks the PROXY protocol sends before anything else: for whom it
// connects. The specification is HAProxy's proxy-protocol.txt (2020); version 1 is a line of text
// (ProxyHeader+Text.swift), version 2 is binary (ProxyHeader+Binary.swift).
//
// Only listeners that expect it read it, and they accept nothing else: a client that could choose
// whether to send it could choose its own address.

internal import Bytes

/// The header of a proxied connection.
package struct ProxyHeader: Equatable, Sendable {
    /// For whom the proxy connects.
    package enum Source: Equatable, Sendable {
        /// For itself, such as to see whether we live, or for somebody it cannot name: the address
        /// is that of the connection.
        case unnamed
        /// For an IPv4 client; the address with its first byte highest.
        case v4(address: UInt32, port: UInt16)
        /// For an IPv6 client; the halves of the address with their first bytes highest.
        case v6(high: UInt64, low: UInt64, port: UInt16)
        /// For a client of a Unix socket.
        case unix
    }

    /// What bytes so far amount to.
    package enum Outcome: Equatable, Sendable {
        /// The header goes on behind them.
        case needMore
        /// They begin with this header.
        case complete(ProxyHeader)
    }

    /// For whom the proxy connects.
    package let source: Source
    /// Bytes of the header; what follows belongs to the client.
    package let byteCount: Int

    /// Longest header of either version, in bytes, 4 KiB.
    ///
    /// Addresses take 232 at most; the rest is room for extensions, of which the longest in use
    /// name a client certificate or a cloud endpoint.
    package static let limitBytes = 4096

    /// Reads the header that `bytes` begin with.
    ///
    /// - Throws: `WireError` if they cannot be the begin of one; more bytes would not mend it.
    package static func parse(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Outcome {
        switch bytes.first {
        case nil: .needMore
        case UInt8(ascii: "P"): try parseText(bytes)
        default: try parseBinary(bytes)
        }
    }

    /// Whether `bytes` begin with `signature`, as far as they go.
    ///
    /// - Throws: `WireError` if they do not.
    static func hasSignature(
        _ bytes: UnsafeRawBufferPointer, _ signature: StaticString
    ) throws(WireError) -> Bool {
        let count = signature.utf8CodeUnitCount
        for index in 0..<min(bytes.count, count)
        where bytes[index] != signature.utf8Start[index] {
            throw .request(.proxyHeaderMissing)
        }
        return bytes.count >= count
    }
}
