// WireError: what this target throws, and whose fault it is.
//
// A peer's fault is answered and, if the framing is lost, ends the connection. Misuse is a fault of
// our own side, caught before wrong bytes reach the wire: the caller asked for a field value with a
// line break in it, say, because a module supplied one.

/// A broken rule of HTTP/1.1, and who broke it.
package enum WireError: Error, Equatable, Sendable {
    /// The peer sent something invalid; `suggestedStatus` answers it.
    case peer(WireFault, suggestedStatus: Int)

    /// This side was about to send something invalid.
    case misuse(WireMisuse)

    /// The error for a request with `fault`.
    static func request(_ fault: WireFault) -> WireError {
        .peer(fault, suggestedStatus: fault.requestStatus)
    }

    /// The error for a response with `fault`; as a gateway we call that a bad answer from upstream.
    static func response(_ fault: WireFault) -> WireError {
        .peer(fault, suggestedStatus: 502)
    }

    /// The status to answer with.
    package var suggestedStatus: Int {
        switch self {
        case .peer(_, let status): status
        case .misuse: 500
        }
    }

    /// Whether the connection cannot be used for another message.
    package var closesConnection: Bool {
        switch self {
        case .peer(let fault, _): fault.closesConnection
        case .misuse: true
        }
    }

    /// What was wrong, as a clause for a problem document or a log line.
    package var reason: StaticString {
        switch self {
        case .peer(let fault, _): fault.reason
        case .misuse(let misuse): misuse.reason
        }
    }
}

/// Something this side must not put on the wire.
package enum WireMisuse: UInt8, CaseIterable, Sendable {
    case statusInvalid, fieldNameInvalid, fieldValueInvalid
    case methodInvalid, targetInvalid
    case cookieNameInvalid, cookieValueInvalid, cookieAttributeInvalid
    case eventFieldInvalid

    /// What was wrong, as a clause for a log line.
    package var reason: StaticString {
        switch self {
        case .statusInvalid: "a status code is not from 100 to 599"
        case .fieldNameInvalid: "a field name to be sent is not a token"
        case .fieldValueInvalid: "a field value to be sent contains a control character"
        case .methodInvalid: "a method to be sent is not a token"
        case .targetInvalid: "a request target to be sent is empty or not visible ASCII"
        case .cookieNameInvalid: "a cookie name to be sent is not a token"
        case .cookieValueInvalid: "a cookie value to be sent contains a byte not allowed there"
        case .cookieAttributeInvalid: "a cookie attribute contains a control character or semicolon"
        case .eventFieldInvalid: "an event name or id to be sent contains a line break or NUL"
        }
    }
}
