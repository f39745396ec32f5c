// TLSWarning: what is wrong with certificates and keys without keeping them from working.

/// Something in a certificate or key file that works today and deserves a line in the log.
package enum TLSWarning: Equatable, Sendable {
    /// The certificate ended at `notAfter` (seconds since 1970).
    case expired(path: String, notAfter: Int64)
    /// The certificate begins at `notBefore` (seconds since 1970).
    case notYetValid(path: String, notBefore: Int64)
    /// The certificate has no alternative names: clients will reject it, and SNI cannot find it.
    case nameless(path: String)
    /// Every name of the certificate is served by an earlier one with the same kind of key.
    case unreachable(path: String)
    /// Anybody on the machine can read the private key.
    case keyReadableByOthers(path: String)
    /// The OCSP response is of no use and is not sent; the reason names the file.
    case stapleIgnored(reason: String)
    /// The OCSP response says that the certificate is revoked; clients will be told so.
    case revoked(path: String)
}

extension TLSWarning: CustomStringConvertible {
    /// One line for a log.
    package var description: String {
        switch self {
        case .expired(let path, _): "\(path): the certificate has expired"
        case .notYetValid(let path, _): "\(path): the certificate is not valid yet"
        case .nameless(let path): "\(path): the certificate has no alternative names"
        case .unreachable(let path): "\(path): an earlier certificate serves the same names"
        case .keyReadableByOthers(let path): "\(path): the private key is readable by everybody"
        case .stapleIgnored(let reason): "\(reason); no OCSP response is sent"
        case .revoked(let path): "\(path): says that the certificate is revoked"
        }
    }
}
