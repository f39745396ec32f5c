// WireFault: every way in which a peer can break the grammar, as one flat list ordered by place.
//
// A fault says what was wrong and why in words that a person who debugs a client understands. What
// it does to the connection, and which status answers it, is decided here and nowhere else.

/// A rule that a peer broke, named by the place where it broke it.
package enum WireFault: UInt8, Error, CaseIterable, Sendable {
    // The PROXY protocol's header before everything else (ProxyHeader).
    case proxyHeaderMissing, proxyLineInvalid, proxyLineTooLong, proxyAddressInvalid
    case proxyVersionUnsupported, proxyFamilyUnsupported, proxyLengthInvalid, proxyChecksumWrong
    // Before and in the request line (RFC 9112 §2.2, §3).
    case leadingLinesTooMany, leadingLineBroken
    case methodInvalid, methodTooLong
    case targetMissing, targetByteInvalid, targetFragment, targetTooLong
    case targetFormInvalid, targetAuthorityInvalid
    case versionMissing, versionInvalid, versionUnsupported, requestLineBroken
    // Status line (RFC 9112 §4).
    case statusLineInvalid, statusCodeInvalid, reasonInvalid, statusLineBroken
    // Field lines (RFC 9112 §5).
    case fieldFolded, fieldNameEmpty, fieldNameInvalid, fieldNameTooLong, fieldNameBlank
    case fieldColonMissing, fieldValueInvalid, fieldValueNull, fieldBareLF, fieldBareCR
    case fieldsTooMany, headTooLarge
    // What fields say about the message (RFC 9110 §7.2, §10.1.1, RFC 9112 §6).
    case hostMissing, hostRepeated, hostInvalid
    case lengthInvalid, lengthRepeated, lengthWithCoding
    case codingInvalid, codingRepeated, codingUnknown, codingTooOld
    case expectationUnknown
    // Chunked coding (RFC 9112 §7.1).
    case chunkSizeMissing, chunkSizeInvalid, chunkSizeTooLong, chunkSizeTooLarge
    case chunkExtensionInvalid, chunkExtensionsTooLong, chunkLineBareLF, chunkLineBareCR
    case chunkDataUnterminated
    case trailerFolded, trailerNameInvalid, trailerNameTooLong, trailerValueInvalid
    case trailerBareLF, trailerBareCR, trailerForbidden, trailersTooLong
    case bodyTruncated
    // The path of a target that is otherwise sound (RFC 3986 §2, §6).
    case pathNotAbsolute, pathEscapeInvalid, pathControl, pathEncodedSlash, pathBackslash
    case pathNotUTF8, pathAboveRoot

    /// Whether the end of the message is no longer known, so that the connection must close.
    package var closesConnection: Bool {
        switch self {
        case .expectationUnknown, .pathNotAbsolute, .pathEscapeInvalid, .pathControl,
            .pathEncodedSlash, .pathBackslash, .pathNotUTF8, .pathAboveRoot:
            false
        default:
            true
        }
    }

    /// The status that answers a request with this fault.
    package var requestStatus: Int {
        switch self {
        case .targetTooLong: 414
        case .expectationUnknown: 417
        case .fieldNameTooLong, .fieldsTooMany, .headTooLarge: 431
        // RFC 9112 §3: a method longer than any known one; §6.1: a coding we do not understand.
        case .methodTooLong, .codingUnknown: 501
        case .versionUnsupported: 505
        default: 400
        }
    }
}

extension WireFault {
    /// What was wrong, as a clause for a problem document or a log line.
    package var reason: StaticString {
        switch self {
        case .leadingLinesTooMany: "too many empty lines precede the request"
        case .leadingLineBroken:
            "a CR before the request is not followed by LF, or an LF stands alone"
        case .methodInvalid: "the method is not a token"
        case .methodTooLong: "the method is longer than any known one"
        case .targetMissing: "the request target is empty"
        case .targetByteInvalid: "the request target contains a byte outside visible ASCII"
        case .targetFragment: "the request target contains a fragment"
        case .targetTooLong: "the request target is too long"
        case .targetFormInvalid: "the form of the request target does not fit the method"
        case .targetAuthorityInvalid: "the authority in the request target is not valid"
        case .versionMissing: "the request line names no HTTP version"
        case .versionInvalid: "the HTTP version is malformed"
        case .versionUnsupported: "only HTTP/1.1 and HTTP/1.0 are spoken here"
        case .requestLineBroken: "the request line does not end in CRLF"
        case .statusLineInvalid: "the response does not begin with an HTTP/1.x status line"
        case .statusCodeInvalid: "the status code is not three digits from 100 to 599"
        case .reasonInvalid: "the reason phrase contains a control character"
        case .statusLineBroken: "the status line does not end in CRLF"
        default: fieldReason
        }
    }

    private var fieldReason: StaticString {
        switch self {
        case .fieldFolded: "a header line begins with a blank (obsolete folding)"
        case .fieldNameEmpty: "a header line has no field name"
        case .fieldNameInvalid: "a field name contains a byte that is not allowed there"
        case .fieldNameTooLong: "a field name is too long"
        case .fieldNameBlank: "a blank stands between field name and colon"
        case .fieldColonMissing: "a header line has no colon"
        case .fieldValueInvalid: "a field value contains a control character"
        case .fieldValueNull: "a field value contains a NUL"
        case .fieldBareLF: "a header line ends in a bare LF"
        case .fieldBareCR: "a header line contains a CR that no LF follows"
        case .fieldsTooMany: "the head has too many fields"
        case .headTooLarge: "the head is too large"
        case .hostMissing: "the Host field is missing"
        case .hostRepeated: "there is more than one Host field"
        case .hostInvalid: "the Host field is not a valid host and port"
        case .lengthInvalid: "Content-Length is not one plain decimal number"
        case .lengthRepeated: "there is more than one Content-Length field"
        case .lengthWithCoding: "Content-Length and Transfer-Encoding are both present"
        case .codingInvalid: "Transfer-Encoding is not exactly one chunked coding"
        case .codingRepeated: "there is more than one Transfer-Encoding field"
        case .codingUnknown: "only the transfer coding chunked is understood"
        case .codingTooOld: "Transfer-Encoding is not allowed in HTTP/1.0"
        case .expectationUnknown: "the expectation is not known"
        default: bodyReason
        }
    }

    private var bodyReason: StaticString {
        switch self {
        case .chunkSizeMissing: "a chunk has no size"
        case .chunkSizeInvalid: "a chunk size is not hexadecimal"
        case .chunkSizeTooLong: "a chunk size has more than 16 digits"
        case .chunkSizeTooLarge: "a chunk size is too large to count"
        case .chunkExtensionInvalid: "a chunk extension is malformed"
        case .chunkExtensionsTooLong: "the chunk extensions are too long"
        case .chunkLineBareLF: "a chunk size line ends in a bare LF"
        case .chunkLineBareCR: "a chunk size line contains a CR that no LF follows"
        case .chunkDataUnterminated: "chunk data is not followed by CRLF"
        case .trailerFolded: "a trailer line begins with a blank (obsolete folding)"
        case .trailerNameInvalid: "a trailer line has no valid field name"
        case .trailerNameTooLong: "a trailer field name is too long"
        case .trailerValueInvalid: "a trailer field value contains a control character"
        case .trailerBareLF: "a trailer line ends in a bare LF"
        case .trailerBareCR: "a trailer line contains a CR that no LF follows"
        case .trailerForbidden: "a trailer field is not allowed after the body"
        case .trailersTooLong: "the trailer section is too long"
        case .bodyTruncated: "the connection ended before the body was complete"
        case .pathNotAbsolute: "the path does not begin with a slash"
        case .pathEscapeInvalid: "the path contains a percent sign without two hexadecimal digits"
        case .pathControl: "the path contains an encoded control character"
        case .pathEncodedSlash: "the path contains an encoded slash"
        case .pathBackslash: "the path contains a backslash"
        case .pathNotUTF8: "the decoded path is not UTF-8"
        case .pathAboveRoot: "the path climbs above the root"
        default: proxyReason
        }
    }

    private var proxyReason: StaticString {
        switch self {
        case .proxyHeaderMissing: "the connection does not begin with a PROXY header"
        case .proxyLineInvalid: "the PROXY line is malformed"
        case .proxyLineTooLong: "the PROXY line is longer than 107 bytes"
        case .proxyAddressInvalid: "an address or a port in the PROXY header is not valid"
        case .proxyVersionUnsupported: "the PROXY header has an unknown version or command"
        case .proxyFamilyUnsupported: "the PROXY header is not about a stream connection"
        case .proxyLengthInvalid: "the lengths in the PROXY header do not fit together"
        case .proxyChecksumWrong: "the checksum of the PROXY header is wrong"
        default: "the message is malformed"
        }
    }
}
