// OCSPStaple: a server's proof that its certificate has not been revoked, read from a file that
// somebody else keeps fresh (`openssl ocsp`, certbot). Nothing is fetched here.

internal import COpenSSL
internal import Glibc

/// An OCSP response that is sent along with a certificate (RFC 6066 §8, RFC 6960).
struct OCSPStaple {
    /// The response in DER.
    let bytes: [UInt8]
    /// When clients stop to believe it, seconds since 1970; nil if it does not say.
    let goodUntil: Int64?
    /// Whether it says that the certificate is revoked.
    let saysRevoked: Bool

    /// How far the clock of the responder may be ahead of ours, in seconds.
    private static let clockSlack: Int64 = 300

    /// Reads the response for `certificate` from the file at `path`.
    ///
    /// - Throws: `TLSError.file` if clients would not take it: it is stale, about another
    ///   certificate, or no response at all.
    init(path: String, certificate: OpaquePointer, now: Int64) throws(TLSError) {
        let file = try PEMFile(path: path)
        defer { ErrorQueue.clear() }
        let response = file.bytes.withUnsafeBufferPointer { bytes in
            var start = bytes.baseAddress
            return d2i_OCSP_RESPONSE(nil, &start, bytes.count)
        }
        defer { OCSP_RESPONSE_free(response) }
        guard let response, OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL,
            let basic = OCSP_response_get1_basic(response)
        else { throw .file(path: path, reason: "is not a successful OCSP response in DER") }
        defer { OCSP_BASICRESP_free(basic) }
        guard let single = Self.find(certificate, in: basic) else {
            throw .file(path: path, reason: "is about another certificate")
        }
        var since: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        var until: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        let status = OCSP_single_get0_status(single, nil, nil, &since, &until)
        guard let begin = TLSCertificateFacts.seconds(since), begin <= now + Self.clockSlack else {
            throw .file(path: path, reason: "is not valid yet")
        }
        goodUntil = TLSCertificateFacts.seconds(until)
        if let goodUntil, goodUntil <= now { throw .file(path: path, reason: "is stale") }
        saysRevoked = status == V_OCSP_CERTSTATUS_REVOKED
        bytes = file.bytes
    }

    /// Whether clients believe it at `now`.
    func isGood(at now: Int64) -> Bool { goodUntil.map { $0 > now } ?? true }

    /// The part of `basic` about the serial number of `certificate`.
    ///
    /// The name of the issuer is not compared: a certificate and its response come from the same
    /// hands, and the file is not the peer's.
    private static func find(_ certificate: OpaquePointer, in basic: OpaquePointer)
        -> OpaquePointer?
    {
        let wanted = X509_get0_serialNumber(certificate)
        for index in 0..<max(OCSP_resp_count(basic), 0) {
            guard let single = OCSP_resp_get0(basic, index),
                let id = OCSP_SINGLERESP_get0_id(single)
            else { continue }
            var serial: UnsafeMutablePointer<ASN1_INTEGER>?
            OCSP_id_get0_info(nil, nil, nil, &serial, id)
            if serial != nil, ASN1_INTEGER_cmp(serial, wanted) == 0 { return single }
        }
        return nil
    }
}
