// Method: the request methods of RFC 9110 §9 and PATCH (RFC 5789), recognised by one comparison.

internal import Bytes

/// A request method; anything not listed is `other`, and its bytes say what.
package enum Method: UInt8, CaseIterable, Sendable {
    case get, head, post, put, delete, options, patch, trace, connect, other

    /// The name as sent, or nil for `other`.
    package var name: StaticString? {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .patch: "PATCH"
        case .trace: "TRACE"
        case .connect: "CONNECT"
        case .other: nil
        }
    }

    /// Whether the method asks only to read (RFC 9110 §9.2.1).
    package var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace: true
        case .post, .put, .delete, .patch, .connect, .other: false
        }
    }

    /// Whether repeating the request changes nothing more (RFC 9110 §9.2.2).
    package var isIdempotent: Bool {
        switch self {
        case .get, .head, .options, .trace, .put, .delete: true
        case .post, .patch, .connect, .other: false
        }
    }

    /// The method that `bytes` spell; methods are case-sensitive (RFC 9110 §9.1).
    static func recognise(_ bytes: UnsafeRawBufferPointer) -> Method {
        // No method is longer than CONNECT and OPTIONS, so seven bytes tell them apart.
        guard bytes.count <= 7 else { return .other }
        var word: UInt64 = 0
        for byte in bytes.reversed() { word = word << 8 | UInt64(byte) }
        return switch word {
        case Words.load("GET\0\0\0\0\0"): .get
        case Words.load("PUT\0\0\0\0\0"): .put
        case Words.load("HEAD\0\0\0\0"): .head
        case Words.load("POST\0\0\0\0"): .post
        case Words.load("PATCH\0\0\0"): .patch
        case Words.load("TRACE\0\0\0"): .trace
        case Words.load("DELETE\0\0"): .delete
        case Words.load("OPTIONS\0"): .options
        case Words.load("CONNECT\0"): .connect
        default: .other
        }
    }
}
