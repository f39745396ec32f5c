// Wire: the one BIO of a context. OpenSSL reads a session's ciphertext through it straight from
// where the caller received it, and writes records straight to where the caller will send from.
//
//     ciphertext ──> in ──> OpenSSL ──> out (room in the caller's buffer)
//                                  └──> spill (ours; what did not fit, and all handshake bytes)
//
// Sessions share it because they run one at a time. A pair of memory BIOs in each would cost half a
// KiB and a copy each way. The C struct and the BIO's functions are in COpenSSL/shim.h.

internal import Bytes
internal import COpenSSL
internal import Glibc

/// The BIO that all sessions of one context share.
///
/// Loop-confined.
final class Wire {
    /// What the BIO's functions see; lives as long as this object.
    let channel: UnsafeMutablePointer<copenssl_wire>
    /// The BIO.
    ///
    /// Sessions add references of their own.
    let bio: OpaquePointer

    // SAFETY: made once and never changed; OpenSSL only reads it.
    private nonisolated(unsafe) static let method = copenssl_wire_method()

    /// A spill larger than this goes back to the allocator at once; a handshake needs 1 to 4 KiB.
    private static let keptSpillBytes = 16 << 10

    /// Makes a wire with nothing on it.
    ///
    /// - Throws: `TLSError.unavailable`.
    init() throws(TLSError) {
        guard let method = Self.method, let bio = BIO_new(method) else {
            throw .unavailable(ErrorQueue.takeReason())
        }
        self.bio = bio
        channel = .allocate(capacity: 1)
        channel.initialize(to: copenssl_wire())
        BIO_set_data(bio, channel)
    }

    deinit {
        BIO_free(bio)
        free(channel.pointee.spill)
        channel.deallocate()
    }

    /// Appends what OpenSSL wrote to the spill to `out`, and forgets the input.
    @inline(__always)
    static func settle(
        _ channel: UnsafeMutablePointer<copenssl_wire>, into out: inout ByteBuffer
    ) {
        channel.pointee.in_left = 0
        if channel.pointee.spill_count > 0 { takeSpill(channel, into: &out) }
    }

    private static func takeSpill(
        _ channel: UnsafeMutablePointer<copenssl_wire>, into out: inout ByteBuffer
    ) {
        out.append(
            UnsafeRawBufferPointer(
                start: channel.pointee.spill, count: channel.pointee.spill_count))
        channel.pointee.spill_count = 0
        if channel.pointee.spill_capacity > keptSpillBytes {
            free(channel.pointee.spill)
            channel.pointee.spill = nil
            channel.pointee.spill_capacity = 0
        }
    }
}
