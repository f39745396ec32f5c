// Digest: SHA-256, HMAC-SHA-256 and comparison in constant time, for tokens, API keys and entity
// tags. Password hashes are not here: they are meant to be slow.

internal import COpenSSL

/// Digests of byte runs.
///
/// Any thread.
package enum Digest {
    /// Bytes in a SHA-256 digest.
    package static let byteCount = 32

    // SAFETY: set once, immutable, and EVP_MD objects may be used by all threads at once. Fetched
    // explicitly: the implicit fetch of EVP_sha256() costs more than hashing a token.
    private nonisolated(unsafe) static let sha256Method = EVP_MD_fetch(nil, "SHA256", nil)

    /// The SHA-256 digest of `bytes`, 32 bytes (FIPS 180-4).
    package static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { digest, initialized in
            let status = EVP_Digest(
                bytes.baseAddress, bytes.count, digest.baseAddress, nil, sha256Method, nil)
            precondition(status == 1, "SHA-256 is not available")
            initialized = byteCount
        }
    }

    /// The SHA-256 digest of `bytes`, 32 bytes.
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { sha256($0) }
    }

    /// The SHA-256 digest of the UTF-8 of `text`, 32 bytes.
    package static func sha256(_ text: String) -> [UInt8] {
        var text = text
        return text.withUTF8 { sha256(UnsafeRawBufferPointer($0)) }
    }

    /// The HMAC-SHA-256 of `message` under `key`, 32 bytes (RFC 2104).
    package static func hmacSHA256(
        key: UnsafeRawBufferPointer, message: UnsafeRawBufferPointer
    ) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { code, initialized in
            // An empty key or message may have no address; HMAC takes a null key to mean "the
            // last one", so it always gets a real one.
            let nothing: StaticString = ""
            let result = HMAC(
                sha256Method, key.baseAddress ?? UnsafeRawPointer(nothing.utf8Start),
                Int32(clamping: key.count),
                (message.baseAddress ?? UnsafeRawPointer(nothing.utf8Start))
                    .assumingMemoryBound(to: UInt8.self),
                message.count, code.baseAddress, nil)
            precondition(result != nil, "HMAC-SHA-256 is not available")
            initialized = byteCount
        }
    }

    /// The HMAC-SHA-256 of `message` under `key`, 32 bytes.
    package static func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        key.withUnsafeBytes { key in
            message.withUnsafeBytes { hmacSHA256(key: key, message: $0) }
        }
    }

    /// Whether `left` and `right` are the same, in a time that depends on their length only.
    package static func constantTimeEquals(
        _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
    ) -> Bool {
        guard left.count == right.count else { return false }
        guard let leftBase = left.baseAddress, let rightBase = right.baseAddress else {
            return true
        }
        return CRYPTO_memcmp(leftBase, rightBase, left.count) == 0
    }

    /// Whether `left` and `right` are the same, in a time that depends on their length only.
    package static func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.withUnsafeBytes { left in
            right.withUnsafeBytes { constantTimeEquals(left, $0) }
        }
    }
}
