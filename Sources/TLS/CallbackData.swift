// CallbackData: the C struct behind ALPN and tickets. The callbacks that read it are in
// COpenSSL/shim.h: they run for every handshake and need nothing of Swift.

internal import COpenSSL

/// Owner of the C struct that ALPN and ticket callbacks read.
///
/// Loop-confined.
final class CallbackData {
    /// The struct; lives as long as this object.
    let pointer: UnsafeMutablePointer<copenssl_server>

    /// Makes the struct for these protocols (in wire format) and ticket keys.
    init(protocols: [UInt8], keys: TLSTicketKeys?) {
        pointer = .allocate(capacity: 1)
        pointer.initialize(to: copenssl_server())
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(protocols.count, 1))
        copy.initialize(from: protocols, count: protocols.count)
        pointer.pointee.protocols = copy
        pointer.pointee.protocols_length = UInt32(protocols.count)
        if let keys {
            pointer.pointee.cipher = EVP_CIPHER_fetch(nil, "AES-256-CBC", nil)
            keys.install(in: pointer)
        }
    }

    /// Puts other keys in the place of the ones that are there.
    func replaceKeys(_ keys: TLSTicketKeys) {
        guard pointer.pointee.key_count > 0 else { return }
        keys.install(in: pointer)
    }

    deinit {
        EVP_CIPHER_free(pointer.pointee.cipher)
        pointer.pointee.protocols.deallocate()
        OPENSSL_cleanse(pointer, MemoryLayout<copenssl_server>.size)
        pointer.deallocate()
    }
}
