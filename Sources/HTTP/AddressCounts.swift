// AddressCounts: how many connections each address has, so that no single one can have them all.

internal import Glibc

/// Counts of connections by the peer's address.
///
/// Loop-confined.
struct AddressCounts {
    /// What counts as one address: an IPv4 address, or the /64 of an IPv6 one, since whoever has one
    /// address of a /64 has them all.
    private enum Key: Hashable {
        case v4(UInt32)
        case v6(UInt64)
    }

    private var counts: [Key: Int] = [:]

    /// Counts a connection from `peer`, unless it has `limit` already; returns whether it may come.
    ///
    /// Without a limit, and for Unix sockets, nothing is counted.
    mutating func admit(_ peer: SocketAddress, limit: Int?) -> Bool {
        guard let limit, let key = Self.key(peer) else { return true }
        let count = counts[key, default: 0]
        guard count < limit else { return false }
        counts[key] = count + 1
        return true
    }

    /// Forgets a connection that was counted; `limit` as it was then.
    mutating func leave(_ peer: SocketAddress, limit: Int?) {
        guard limit != nil, let key = Self.key(peer), let count = counts[key] else { return }
        counts[key] = count > 1 ? count - 1 : nil
    }

    private static func key(_ peer: SocketAddress) -> Key? {
        withUnsafeBytes(of: peer.storage) { bytes in
            switch peer.family {
            case AF_INET:
                // sockaddr_in: family, port, address.
                return .v4(bytes.load(fromByteOffset: 4, as: UInt32.self))
            case AF_INET6:
                // sockaddr_in6: family, port, flow, then 16 bytes of address.
                let high = bytes.load(fromByteOffset: 8, as: UInt64.self)
                let middle = bytes.load(fromByteOffset: 16, as: UInt32.self)
                // ::ffff:a.b.c.d is an IPv4 peer of a socket that takes both.
                if high == 0, middle == UInt32(0xFFFF).bigEndian {
                    return .v4(bytes.load(fromByteOffset: 20, as: UInt32.self))
                }
                return .v6(high)
            default: return nil
            }
        }
    }
}
