// ErrorQueue: OpenSSL's per-thread list of errors, emptied before a call and read after it.
//
// What one session leaves in the queue would otherwise be taken for the failure of the next
// (SSL_get_error looks at the queue, not at the session).

internal import COpenSSL

/// OpenSSL's errors of the calling thread.
enum ErrorQueue {
    /// Empties the queue.
    ///
    /// Looking first costs 20 ns, clearing an empty queue 140.
    @inline(__always)
    static func clear() {
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    /// Takes the oldest error, which names the cause, empties the queue and returns OpenSSL's text.
    static func takeReason() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        return reason(of: code)
    }

    /// Takes the oldest error as the failure of a session whose certificate check said `verdict`.
    static func takeFailure(verdict: Int) -> TLSError {
        let code = ERR_get_error()
        ERR_clear_error()
        let reason = copenssl_error_reason(code)
        guard code != 0, copenssl_error_library(code) == ERR_LIB_SSL else {
            // An allocation that failed reports no SSL reason; a forged signature or point does
            // so from libcrypto, and that is the peer's fault.
            return code == 0 || reason == ERR_R_MALLOC_FAILURE
                ? .unavailable(self.reason(of: code)) : .malformed(self.reason(of: code))
        }
        // Alerts the peer sent are reported as 1000 + alert number.
        if reason >= SSL_AD_REASON_OFFSET { return .peerAlert(alertName(reason)) }
        switch reason {
        case SSL_R_NO_APPLICATION_PROTOCOL:
            return .noCommonProtocol
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_VERSION_TOO_HIGH,
            SSL_R_NO_PROTOCOLS_AVAILABLE:
            return .noCommonVersion
        case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS,
            SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_NO_SUITABLE_KEY_SHARE,
            SSL_R_NO_SUITABLE_GROUPS:
            return .noCommonCipher
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return .certificateMissing
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return .certificateRejected(verificationText(verdict))
        default:
            return .malformed(self.reason(of: code))
        }
    }

    /// OpenSSL's words for the verdict of a certificate check.
    static func verificationText(_ verdict: Int) -> String {
        X509_verify_cert_error_string(verdict).map { String(cString: $0) } ?? "unknown"
    }

    private static func reason(of code: UInt) -> String {
        guard code != 0 else { return "out of memory" }
        return ERR_reason_error_string(code).map { String(cString: $0) } ?? "unknown reason"
    }

    private static func alertName(_ reason: Int32) -> String {
        let alert = reason - Int32(SSL_AD_REASON_OFFSET)
        return SSL_alert_desc_string_long(alert).map { String(cString: $0) } ?? "unknown"
    }
}
