// PeerAddress: the address of a peer in a quarter of the room that the kernel's form takes, since
// every idle connection keeps one.

internal import CLinux
internal import Glibc

/// The address of a connected peer: IPv4, IPv6, or of some Unix socket.
struct PeerAddress: Sendable {
    // sockaddr_in6 has 28 bytes, sockaddr_in 16; of a Unix socket only the family is kept, because
    // clients of one have no name.
    private var words: (UInt64, UInt64, UInt64, UInt32) = (0, 0, 0, 0)
    private var byteCount: UInt8

    /// Bytes of the longest address kept whole.
    private static let limit = MemoryLayout<sockaddr_in6>.size

    /// Keeps `address`.
    init(_ address: SocketAddress) {
        let isUnix = address.family == AF_UNIX
        let count = isUnix ? MemoryLayout<sa_family_t>.size : min(Int(address.length), Self.limit)
        byteCount = UInt8(truncatingIfNeeded: count)
        withUnsafeBytes(of: address.storage) { storage in
            withUnsafeMutableBytes(of: &words) { words in
                words.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[..<count]))
            }
        }
    }

    /// The address in the kernel's form.
    var socketAddress: SocketAddress {
        var address = SocketAddress()
        address.length = socklen_t(byteCount)
        let count = Int(byteCount)
        withUnsafeBytes(of: words) { words in
            withUnsafeMutableBytes(of: &address.storage) { storage in
                storage.copyMemory(from: UnsafeRawBufferPointer(rebasing: words[..<count]))
            }
        }
        return address
    }
}
