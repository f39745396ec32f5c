// TLSIdentity: a certificate with its chain, private key and stapled OCSP response, read from
// files and checked against each other.

internal import COpenSSL
internal import Glibc

/// A certificate and its private key, loaded and checked.
///
/// Confined to one thread at a time.
package final class TLSIdentity {
    /// What the certificate says.
    package let facts: TLSCertificateFacts
    /// What deserves a line in the log.
    package let warnings: [TLSWarning]

    let files: TLSIdentityFiles
    /// The OCSP response to send along, if there is one that clients take.
    let staple: OCSPStaple?
    private let material: Material

    /// The pieces that OpenSSL counts references of; freed together, also when loading fails.
    private final class Material {
        var certificate: OpaquePointer?
        var key: OpaquePointer?
        var chain: OpaquePointer?

        deinit {
            X509_free(certificate)
            EVP_PKEY_free(key)
            copenssl_chain_free(chain)
        }
    }

    /// Reads and checks the files.
    ///
    /// - Throws: `TLSError.file` with the path and the reason.
    package init(_ files: TLSIdentityFiles) throws(TLSError) {
        let material = Material()
        let certificates = try PEMFile(path: files.chain).readCertificates()
        material.certificate = certificates.first
        material.chain = copenssl_chain_new()
        for issuer in certificates.dropFirst() {
            // A push that failed would leave a chain with a hole; X509 is then freed by nobody,
            // but the process is out of memory anyway.
            _ = copenssl_chain_append(material.chain, issuer)
        }
        let keyFile = try PEMFile(path: files.key)
        material.key = try Self.readKey(keyFile)
        guard let certificate = material.certificate, let key = material.key else {
            throw .file(path: files.chain, reason: "holds no PEM certificate")
        }
        ErrorQueue.clear()
        guard X509_check_private_key(certificate, key) == 1 else {
            ErrorQueue.clear()
            throw .file(path: files.key, reason: "certificate and key do not match")
        }
        let now = Int64(time(nil))
        facts = TLSCertificateFacts(certificate)
        var warnings = Self.warnings(
            facts, files, keyIsReadable: keyFile.isReadableByOthers, now: now)
        staple = Self.readStaple(files.ocspResponse, certificate, now: now, &warnings)
        self.warnings = warnings
        self.files = files
        self.material = material
    }

    /// Gives `context` this certificate, in the slot of its kind of key.
    ///
    /// - Throws: `TLSError.file`, e.g. for a key that is too small.
    func install(in context: OpaquePointer) throws(TLSError) {
        ErrorQueue.clear()
        let status = SSL_CTX_use_cert_and_key(
            context, material.certificate, material.key, material.chain, 1)
        guard status == 1 else {
            throw .file(path: files.chain, reason: ErrorQueue.takeReason())
        }
    }

    /// Whether `certificate` is this one.
    func isCertificate(_ certificate: OpaquePointer?) -> Bool {
        material.certificate == certificate
    }

    private static func readKey(_ file: PEMFile) throws(TLSError) -> OpaquePointer {
        try file.withReader { (reader) throws(TLSError) in
            var wasAskedForPassword: Int32 = 0
            let key = PEM_read_bio_PrivateKey(
                reader, nil, copenssl_no_password, &wasAskedForPassword)
            if let key { return key }
            guard wasAskedForPassword == 0 else {
                throw .file(path: file.path, reason: "key file is encrypted")
            }
            let isPresent = String(decoding: file.bytes, as: UTF8.self).contains("PRIVATE KEY-----")
            throw .file(
                path: file.path,
                reason: isPresent ? "holds a damaged private key" : "holds no PEM private key")
        }
    }

    /// Reads the OCSP response; without a good one the certificate works as well, so all that can be
    /// wrong with it is a warning.
    private static func readStaple(
        _ path: String?, _ certificate: OpaquePointer, now: Int64, _ warnings: inout [TLSWarning]
    ) -> OCSPStaple? {
        guard let path else { return nil }
        do throws(TLSError) {
            let staple = try OCSPStaple(path: path, certificate: certificate, now: now)
            if staple.saysRevoked { warnings.append(.revoked(path: path)) }
            return staple
        } catch {
            warnings.append(.stapleIgnored(reason: "\(error)"))
            return nil
        }
    }

    private static func warnings(
        _ facts: TLSCertificateFacts, _ files: TLSIdentityFiles, keyIsReadable: Bool, now: Int64
    ) -> [TLSWarning] {
        var warnings: [TLSWarning] = []
        if facts.notAfter <= now {
            warnings.append(.expired(path: files.chain, notAfter: facts.notAfter))
        }
        if facts.notBefore > now {
            warnings.append(.notYetValid(path: files.chain, notBefore: facts.notBefore))
        }
        if facts.names.isEmpty { warnings.append(.nameless(path: files.chain)) }
        if keyIsReadable { warnings.append(.keyReadableByOthers(path: files.key)) }
        return warnings
    }
}
