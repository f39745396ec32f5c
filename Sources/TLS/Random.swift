// Random: unpredictable bytes for tokens, keys and nonces. Not for jitter: that needs speed, not
// secrecy.

internal import COpenSSL

/// Cryptographically secure random bytes.
///
/// Any thread.
package enum Random {
    /// `count` random bytes.
    package static func bytes(count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: max(count, 0)) { buffer, initialized in
            fill(UnsafeMutableRawBufferPointer(buffer))
            initialized = buffer.count
        }
    }

    /// Fills `buffer` with random bytes.
    package static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        guard !buffer.isEmpty else { return }
        let status = RAND_bytes_ex(
            nil, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), buffer.count, 0)
        // Going on with predictable tokens would be worse than stopping; nothing a peer sends can
        // bring this about.
        precondition(status == 1, "the system has no randomness")
    }

    /// 128 random bits as 22 characters of base64url without padding (RFC 4648 §5).
    package static func token() -> String {
        let alphabet: StaticString =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { bits in
            fill(bits)
            return String(unsafeUninitializedCapacity: 22) { text in
                var position = 0
                var pending: UInt32 = 0
                var pendingBits = 0
                for byte in bits {
                    pending = pending << 8 | UInt32(byte)
                    pendingBits += 8
                    while pendingBits >= 6 {
                        pendingBits -= 6
                        let digit = Int((pending >> UInt32(pendingBits)) & 63)
                        text[position] = alphabet.utf8Start[digit]
                        position += 1
                    }
                }
                // 128 bits are 21 digits and two bits over; they stand at the top of the last one.
                text[position] = alphabet.utf8Start[Int((pending << 4) & 63)]
                return position + 1
            }
        }
    }
}
