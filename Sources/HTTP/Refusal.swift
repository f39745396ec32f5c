// Refusal: why the server itself, not a handler, ends a request, with the status that says so.

internal import Bytes
package import HTTPWire

/// A request that the server refuses.
package enum Refusal: Error, Equatable, Sendable {
    /// There are too many connections to begin with.
    case tooManyConnections
    /// There are too many connections from its address.
    case tooManyFromAddress
    /// It breaks the rules of the message grammar.
    case wire(WireError)
    /// Its head did not arrive in time.
    case headTimeout
    /// Its body did not progress in time.
    case bodyTimeout
    /// Its peer had closed its sending side, and the answer was not there in time.
    case halfCloseTimeout
    /// Its body is larger than `limit` bytes.
    case bodyTooLarge(limit: Int)
    /// Its body is in a content coding that is not known here.
    case unknownCoding
    /// Its body is not what its content coding says.
    case badCoding(String)

    /// The status to answer with.
    package var status: Int {
        switch self {
        case .tooManyConnections: 503
        case .tooManyFromAddress: 429
        case .wire(let error): error.suggestedStatus
        case .headTimeout, .bodyTimeout, .halfCloseTimeout: 408
        case .bodyTooLarge: 413
        case .unknownCoding: 415
        case .badCoding: 400
        }
    }

    /// A stable name for programs.
    package var code: StaticString {
        switch self {
        case .tooManyConnections: "too_many_connections"
        case .tooManyFromAddress: "too_many_from_address"
        case .wire(let error): Self.code(of: error.suggestedStatus)
        case .headTimeout: "head_timeout"
        case .bodyTimeout: "body_timeout"
        case .halfCloseTimeout: "half_close_timeout"
        case .bodyTooLarge: "body_too_large"
        case .unknownCoding: "unsupported_content_coding"
        case .badCoding: "bad_content_coding"
        }
    }

    /// The name of a broken rule, by the status that answers it.
    private static func code(of status: Int) -> StaticString {
        switch status {
        case 414: "target_too_long"
        case 417: "expectation_failed"
        case 431: "head_too_large"
        case 500: "internal_error"
        case 501: "not_implemented"
        case 505: "version_not_supported"
        default: "bad_request"
        }
    }

    /// Whether the same request may succeed later without harm: no handler has begun with it.
    package var isRetryable: Bool {
        switch self {
        case .tooManyConnections, .tooManyFromAddress, .headTimeout, .bodyTimeout: true
        case .wire, .halfCloseTimeout, .bodyTooLarge, .unknownCoding, .badCoding: false
        }
    }

    /// What was wrong, as a clause.
    package var reason: String {
        switch self {
        case .tooManyConnections: "there are too many connections at the moment"
        case .tooManyFromAddress: "there are too many connections from this address"
        case .wire(let error): "\(error.reason)"
        case .headTimeout: "the request's head did not arrive in time"
        case .bodyTimeout: "the request's body did not arrive in time"
        case .halfCloseTimeout:
            """
            the client had closed its side of the connection, as one that leaves does, and its answer \
            was not ready within limits.half_close_timeout
            """
        case .bodyTooLarge(let limit): "the request's body is larger than \(Quantity.bytes(limit))"
        case .unknownCoding: "the only content codings understood are gzip and deflate"
        case .badCoding(let why): "the request's \(why)"
        }
    }
}
