// TLSTicketKeys: the keys that seal resumption tickets. A value: whoever rotates makes a new one
// and posts it to every loop, so no lock is needed and all loops open each other's tickets.

internal import COpenSSL

/// The current ticket key and, after a rotation, the previous one.
///
/// Any thread. A ticket sealed with the previous key is still good and is replaced by a fresh one;
/// keys live in memory only, so a restart ends all resumption.
package struct TLSTicketKeys: Sendable {
    /// Bytes of one key: 16 name, 32 HMAC-SHA-256, 32 AES-256-CBC.
    static let keyByteCount = 80

    let current: [UInt8]
    let previous: [UInt8]?

    /// Makes keys at random.
    package init() {
        current = Random.bytes(count: Self.keyByteCount)
        previous = nil
    }

    private init(current: [UInt8], previous: [UInt8]) {
        self.current = current
        self.previous = previous
    }

    /// Keys with a fresh current one; what was current becomes previous.
    ///
    /// Rotate no faster than the ticket lifetime, `TLSContext.ticketLifetimeSeconds`, or tickets
    /// die early.
    package func rotated() -> TLSTicketKeys {
        TLSTicketKeys(current: Random.bytes(count: Self.keyByteCount), previous: current)
    }

    /// Copies the keys to where the ticket callback of OpenSSL finds them.
    func install(in server: UnsafeMutablePointer<copenssl_server>) {
        server.pointee.key_count = previous == nil ? 1 : 2
        withUnsafeMutableBytes(of: &server.pointee.keys) { slots in
            // SAFETY: the struct holds two keys of 80 bytes each without padding.
            slots.copyBytes(from: current)
            if let previous {
                UnsafeMutableRawBufferPointer(rebasing: slots[Self.keyByteCount...])
                    .copyBytes(from: previous)
            }
        }
    }
}
