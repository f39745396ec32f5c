// UpstreamFields: which fields pass the gateway on their way to an upstream and back, and which the
// gateway sets itself.
//
// Towards the upstream everything passes but what belongs to one connection (RFC 9110 §7.6.1), what
// only a gateway may say, and what is meant for this gateway alone. On the way back there is a list
// of what passes: an answer may not set cookies or policies for the gateway's own origin.

internal import Bytes
internal import HTTP
internal import HTTPWire

/// The fields of calls to one upstream.
struct UpstreamFields {
    /// Values that are made for one call.
    struct Origin {
        /// The client's address, as a number or `unix`.
        var client: String
        /// Whether the client's connection is encrypted.
        var isSecure: Bool
        /// The host that the client asked for.
        var host: UnsafeRawBufferPointer
        /// The request's id.
        var requestID: UnsafeRawBufferPointer
        /// The client's trace context, if it is one.
        var trace: UnsafeRawBufferPointer?
    }

    private let fixed: [(name: String, value: String)]
    private let fixedNames: [[UInt8]]
    private let passesCredentials: Bool
    private let answerNames: [[UInt8]]

    /// How this gateway calls itself in `Via`.
    let pseudonym: [UInt8]

    // Made of numbers, not asked of the system: trace ids need not be secret.
    private var random: UInt64

    /// Prepares the fields for an upstream.
    init(_ settings: Settings.UpstreamModule, pseudonym: String, seed: UInt64) {
        fixed = settings.headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        fixedNames = settings.headers.keys.map { Array($0.utf8) }
        passesCredentials = settings.passesCredentials
        answerNames = settings.responseHeaders.map { Array($0.utf8) }
        self.pseudonym = Array(pseudonym.utf8)
        random = seed
    }

    // MARK: Requests

    /// Whether the request has been through this gateway before.
    func isLooping(_ exchange: Exchange) -> Bool {
        var found = false
        exchange.forEachField { known, name, value in
            guard known == .other, ASCII.equals(name, "via") else { return }
            var list = FieldList(value)
            while let element = list.next() {
                // "1.1 pseudonym (comment)": RFC 9110 §7.6.3
                let words = element.split(separator: 0x20)
                if words.count >= 2, words[1].elementsEqual(pseudonym) { found = true }
            }
        }
        return found
    }

    /// Adds to `request` what passes of the client's fields.
    ///
    /// - Parameter dropsContent: leaves out what describes the body, because it is not the client's
    ///   any more.
    func pass(
        _ exchange: Exchange, dropsContent: Bool, hasTrace: Bool, to request: inout ClientRequest
    ) {
        let named = connectionOptions(exchange)
        exchange.forEachField { known, name, value in
            guard mayPass(known, name, hasTrace: hasTrace) else { return }
            if dropsContent, known == .contentType || known == .contentEncoding { return }
            if !named.isEmpty, named.contains(where: { Self.equals(name, $0) }) { return }
            if fixedNames.contains(where: { Self.equals(name, $0) }) { return }
            // What the parser let in can be written again.
            try? request.append(name: name, value: value)
        }
    }

    /// Adds to `request` what the gateway says itself.
    mutating func set(_ origin: Origin, to request: inout ClientRequest) throws(ClientError) {
        let isV6 = origin.client.utf8.contains(UInt8(ascii: ":"))
        let isNumber = origin.client != "unix"
        var line = ByteBuffer(capacity: 128)
        line.append("for=")
        line.append(text: !isNumber ? "unknown" : isV6 ? "\"[\(origin.client)]\"" : origin.client)
        line.append(origin.isSecure ? ";proto=https" : ";proto=http")
        if origin.host.count > 0, !origin.host.contains(UInt8(ascii: "\"")) {
            line.append(";host=\"")
            line.append(origin.host)
            line.append(UInt8(ascii: "\""))
            try request.append(name: Self.bytes("X-Forwarded-Host"), value: origin.host)
        }
        try request.append(name: Self.bytes("Forwarded"), value: line.readable)
        if isNumber { try request.append("X-Forwarded-For", origin.client) }
        try request.append(
            name: Self.bytes("X-Forwarded-Proto"),
            value: Self.bytes(origin.isSecure ? "https" : "http"))
        try request.append(name: Self.bytes("X-Request-Id"), value: origin.requestID)
        line.removeAll()
        if let trace = origin.trace {
            line.append(trace)
        } else {
            TraceContext.append(next(), next(), next(), to: &line)
        }
        try request.append(name: Self.bytes("traceparent"), value: line.readable)
        line.removeAll()
        line.append("1.1 ")
        line.append(pseudonym)
        try request.append(name: Self.bytes("Via"), value: line.readable)
        for (name, value) in fixed { try request.append(name, value) }
    }

    /// The fields that the client says are for its connection alone, if it names any.
    private func connectionOptions(_ exchange: Exchange) -> [[UInt8]] {
        guard exchange.field(.connection) != nil else { return [] }
        var names: [[UInt8]] = []
        exchange.forEachField { known, _, value in
            guard known == .connection else { return }
            var list = FieldList(value)
            while let option = list.next() {
                if !ASCII.equals(option, "close"), !ASCII.equals(option, "keep-alive") {
                    names.append(option.map(ASCII.lower))
                }
            }
        }
        return names
    }

    /// Whether a client's field may reach the upstream.
    private func mayPass(
        _ known: KnownField, _ name: UnsafeRawBufferPointer, hasTrace: Bool
    ) -> Bool {
        switch known {
        case .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .requestID,
            .traceparent:
            false
        case .tracestate: hasTrace
        case .authorization, .cookie, .xsrfProtection: passesCredentials
        case .other: !Self.isInternal(name)
        default: !ClientRequest.isReserved(known)
        }
    }

    /// Whether only a gateway may say this, or somebody may believe so.
    ///
    /// Names with an underscore are among them: to servers in the way of CGI they are the same as
    /// those with a hyphen, so that `X_Forwarded_For` would be believed.
    static func isInternal(_ name: UnsafeRawBufferPointer) -> Bool {
        if name.contains(UInt8(ascii: "_")) { return true }
        guard let first = name.first else { return true }
        switch ASCII.lower(first) {
        case UInt8(ascii: "x"):
            return extensionNames.contains { begins(name, $0) }
        case UInt8(ascii: "r"): return begins(name, "remote-")
        case UInt8(ascii: "s"): return begins(name, "ssl-")
        case UInt8(ascii: "c"): return begins(name, "client-ip") || begins(name, "cf-connecting-")
        case UInt8(ascii: "t"): return begins(name, "true-client-ip")
        case UInt8(ascii: "h"): return begins(name, "http2-settings")
        // A CGI program would find it as HTTP_PROXY in its environment.
        case UInt8(ascii: "p"): return ASCII.equals(name, "proxy")
        default: return false
        }
    }

    /// Beginnings of names by which proxies tell servers who asks for what.
    private static let extensionNames: [StaticString] = [
        "x-forwarded", "x-real-ip", "x-client-", "x-cluster-", "x-original-", "x-rewrite-",
        "x-remote-", "x-auth-request-", "x-authenticated-", "x-ssl-", "x-tls-", "x-signalbox-",
        "x-http-method", "x-method-override", "x-accel-", "x-sendfile",
    ]

    // MARK: Answers

    /// Whether a field of an answer may reach the client.
    func mayReturn(_ known: KnownField, _ name: UnsafeRawBufferPointer) -> Bool {
        switch known {
        case .contentType, .contentEncoding, .cacheControl, .etag, .lastModified, .vary, .location,
            .retryAfter, .allow, .contentRange:
            return true
        case .wwwAuthenticate where passesCredentials: return true
        case .other where Self.isOrdinary(name): return true
        default: break
        }
        guard !answerNames.isEmpty, !ClientRequest.isReserved(known) else { return false }
        return answerNames.contains { Self.equals(name, $0) }
    }

    private static func isOrdinary(_ name: UnsafeRawBufferPointer) -> Bool {
        guard let first = name.first else { return false }
        switch ASCII.lower(first) {
        case UInt8(ascii: "a"):
            return ASCII.equals(name, "age") || ASCII.equals(name, "accept-ranges")
        case UInt8(ascii: "c"):
            return ASCII.equals(name, "content-language")
                || ASCII.equals(name, "content-disposition")
                || ASCII.equals(name, "content-security-policy")
        case UInt8(ascii: "d"): return ASCII.equals(name, "deprecation")
        case UInt8(ascii: "e"): return ASCII.equals(name, "expires")
        case UInt8(ascii: "l"): return ASCII.equals(name, "link")
        case UInt8(ascii: "r"): return begins(name, "ratelimit")
        case UInt8(ascii: "s"): return ASCII.equals(name, "sunset")
        default: return false
        }
    }

    // MARK: Parts

    /// The next number of SplitMix64.
    private mutating func next() -> UInt64 {
        random &+= 0x9E37_79B9_7F4A_7C15
        var word = random
        word = (word ^ (word &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word &>> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word &>> 31)
    }

    private static func bytes(_ literal: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
    }

    private static func begins(_ name: UnsafeRawBufferPointer, _ literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard name.count >= count else { return false }
        return ASCII.equals(UnsafeRawBufferPointer(rebasing: name[..<count]), literal)
    }

    /// Whether two names are the same but for the case of letters.
    private static func equals(_ name: UnsafeRawBufferPointer, _ other: [UInt8]) -> Bool {
        name.count == other.count
            && zip(name, other).allSatisfy { ASCII.lower($0) == ASCII.lower($1) }
    }
}
