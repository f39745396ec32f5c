// UpstreamFault: why an upstream gave no answer, in words for its caller: where it runs is nobody's
// business. The log has the rest.

internal import Glibc
internal import HTTP
internal import Notifier

/// Why an upstream gave no answer, or none that could be used.
struct UpstreamFault: Sendable {
    /// What kind of failure.
    enum Kind: Sendable {
        /// It was never reached; nothing of the call can have been seen.
        case unreachable
        /// It broke off, or what it said is no HTTP.
        case broken
        /// It took too long.
        case slow
        /// It has failed too often and is left alone for some seconds.
        case resting(seconds: Int)
        /// The call has been through this gateway before.
        case looping
    }

    /// What kind of failure.
    var kind: Kind

    /// What happened, to follow "it".
    var reason: String

    /// The fault that an error of the client is; nil for what is no fault of the upstream.
    init?(_ error: ClientError) {
        reason = Self.reason(error)
        switch error {
        case .requestInvalid, .reservedField, .authorityInvalid, .bodyLengthWrong, .queueFull,
            .closed, .timedOut(.queue):
            return nil
        case .unresolved, .connectFailed, .tls, .closedInHandshake: kind = .unreachable
        case .timedOut: kind = .slow
        case .noAnswer, .broken, .malformed, .truncated, .bodyTooLarge, .unsolicited,
            .interimsTooMany, .protocolSwitched:
            kind = .broken
        }
    }

    /// Makes a fault of its parts.
    init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    /// The HTTP status.
    var status: Int {
        switch kind {
        case .unreachable, .broken: 502
        case .slow: 504
        case .resting: 503
        case .looping: 508
        }
    }

    /// A stable name for programs.
    var code: StaticString {
        switch kind {
        case .unreachable: "upstream_unreachable"
        case .broken: "upstream_broken"
        case .slow: "timed_out"
        case .resting: "upstream_resting"
        case .looping: "upstream_loop"
        }
    }

    /// Whether the same call may succeed later without harm from having been tried.
    var isRetryable: Bool {
        switch kind {
        case .unreachable, .resting: true
        case .broken, .slow, .looping: false
        }
    }

    /// Seconds after which it makes sense to try again.
    var retryAfter: Int? {
        if case .resting(let seconds) = kind { return seconds }
        return nil
    }

    private static func reason(_ error: ClientError) -> String {
        switch error {
        case .unresolved: "its name has no address"
        case .connectFailed(let errors):
            "it takes no connection: \(errors.last.map(words) ?? "its name has no address")"
        case .broken(let error): "the connection broke: \(words(error))"
        default: "\(error)"
        }
    }

    private static func words(_ error: SystemError) -> String {
        String(cString: strerror(error.code)).lowercased()
    }
}
