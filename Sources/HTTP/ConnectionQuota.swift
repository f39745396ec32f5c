// ConnectionQuota: how many connections the process has, and each address of them, so that no single
// one can have them all. The loops share it, because the kernel spreads connections unevenly.

internal import Glibc
internal import Notifier

/// The connections of the process, counted in all and by the peer's address.
///
/// Any thread. The total is one atomic number. Addresses are in tables with a lock each, so that
/// loops which accept at the same time seldom meet.
package final class ConnectionQuota: Sendable {
    /// Tables of addresses: enough that 16 loops in a flood meet in less than every other accept.
    private static let tableCount = 64

    private let seats: SeatCount
    /// The limit for one address; nil if the one for all is not higher, so that nothing is counted.
    private let addressLimit: Int?
    private let tables: [AddressTable]

    /// Makes room for `connections`, and for `perAddress` of them from one address.
    package init(connections: Int, perAddress: Int) {
        seats = SeatCount(limit: connections)
        addressLimit = perAddress < connections ? perAddress : nil
        tables = (0..<(addressLimit == nil ? 0 : Self.tableCount)).map { _ in AddressTable() }
    }

    /// Number of connections, with those whose proxy has not yet named its client.
    package var count: Int { seats.count }

    /// Number of addresses that are counted.
    var addressCount: Int { tables.reduce(0) { $0 + $1.counts.withLock { $0.count } } }

    /// Takes a place for a connection from `peer`.
    ///
    /// - Parameter isSeated: whether `takeSeat` was asked before; a refusal then gives that seat back.
    /// - Returns: why there is none, or nil: then `leave` gives it back.
    func admit(_ peer: SocketAddress, isSeated: Bool = false) -> Refusal? {
        guard let addressLimit, let key = AddressKey(peer) else {
            return isSeated || seats.take() ? nil : .tooManyConnections
        }
        // Who is refused in a flood mostly needs no lock to be told so.
        guard isSeated || seats.count < seats.limit else { return .tooManyConnections }
        let refusal: Refusal? = table(key).counts.withLock { counts in
            let count = counts[key, default: 0]
            guard count < addressLimit else { return .tooManyFromAddress }
            guard isSeated || seats.take() else { return .tooManyConnections }
            counts[key] = count + 1
            return nil
        }
        if refusal != nil, isSeated { seats.giveBack() }
        return refusal
    }

    /// Gives the place of a connection from `peer` back.
    func leave(_ peer: SocketAddress) {
        if addressLimit != nil, let key = AddressKey(peer) {
            table(key).counts.withLock { counts in
                guard let count = counts[key] else { return }
                counts[key] = count > 1 ? count - 1 : nil
            }
        }
        seats.giveBack()
    }

    /// Takes a seat for a connection whose client is not known yet; returns whether there was one.
    func takeSeat() -> Bool { seats.take() }

    /// Gives such a seat back.
    func giveSeatBack() { seats.giveBack() }

    private func table(_ key: AddressKey) -> AddressTable {
        tables[key.hashValue & (Self.tableCount - 1)]
    }

    /// Some of the addresses.
    private final class AddressTable: Sendable {
        let counts = Guarded<[AddressKey: Int]>([:])
    }
}

/// What counts as one address: an IPv4 address, or the /64 of an IPv6 one, since whoever has one
/// address of a /64 has them all.
enum AddressKey: Hashable, Sendable {
    case v4(UInt32)
    case v6(UInt64)

    /// The key of `peer`; nil for Unix sockets, whose peers have no address.
    init?(_ peer: SocketAddress) {
        let key = withUnsafeBytes(of: peer.storage) { bytes -> AddressKey? in
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
        guard let key else { return nil }
        self = key
    }
}
