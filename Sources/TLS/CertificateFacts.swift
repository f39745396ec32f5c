// TLSCertificateFacts: what people want to know about a certificate, as plain values.

internal import COpenSSL
internal import Glibc

/// What a certificate says about itself.
package struct TLSCertificateFacts: Equatable, Sendable {
    /// The subject in RFC 2253 form, such as `CN=gateway,O=Example`; UTF-8 is not escaped.
    package let subject: String
    /// Alternative names: host names, possibly `*.` wildcards, and IP addresses as text.
    package let names: [String]
    /// Start of validity, seconds since 1970.
    package let notBefore: Int64
    /// End of validity, seconds since 1970.
    package let notAfter: Int64
    /// The kind of key: `RSA`, `EC`, `ED25519`, .
    package let keyKind: String

    /// Reads the facts of an OpenSSL certificate, which stays the caller's.
    init(_ certificate: OpaquePointer) {
        subject = Self.subject(of: certificate)
        names = Self.names(of: certificate)
        notBefore = Self.seconds(X509_get0_notBefore(certificate)) ?? 0
        notAfter = Self.seconds(X509_get0_notAfter(certificate)) ?? 0
        let key = X509_get0_pubkey(certificate)
        let kind = key.flatMap { EVP_PKEY_get0_type_name($0) }
        keyKind = kind.map { String(cString: $0) } ?? "unknown"
    }

    /// The subject of `certificate` in RFC 2253 form.
    static func subject(of certificate: OpaquePointer) -> String {
        guard let text = BIO_new(BIO_s_mem()) else { return "" }
        defer { BIO_free(text) }
        copenssl_print_subject(text, certificate)
        var bytes: UnsafeMutablePointer<CChar>?
        let count = copenssl_bio_memory(text, &bytes)
        return String(
            decoding: UnsafeRawBufferPointer(start: bytes, count: max(count, 0)), as: UTF8.self)
    }

    private static func names(of certificate: OpaquePointer) -> [String] {
        guard let names = copenssl_alternative_names(certificate) else { return [] }
        defer { GENERAL_NAMES_free(names) }
        var found: [String] = []
        for index in 0..<copenssl_alternative_name_count(names) {
            var kind: Int32 = 0
            var count: Int32 = 0
            guard let start = copenssl_alternative_name(names, index, &kind, &count) else {
                continue
            }
            let bytes = UnsafeRawBufferPointer(start: start, count: Int(count))
            if kind == GEN_DNS {
                found.append(String(decoding: bytes, as: UTF8.self))
            } else if let address = address(bytes) {
                found.append(address)
            }
        }
        return found
    }

    private static func address(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard bytes.count == 4 || bytes.count == 16, let start = bytes.baseAddress else {
            return nil
        }
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) {
            inet_ntop(family, start, $0.baseAddress, socklen_t($0.count))
                .map { String(cString: $0) }
        }
    }

    /// Seconds since 1970 of a time in a certificate or an OCSP response; nil if it is none.
    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return Int64(timegm(&parts))
    }
}
