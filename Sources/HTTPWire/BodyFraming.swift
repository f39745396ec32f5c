// BodyFraming: where a message body ends, decided once per head (RFC 9112 §6.3).
//
// The table of the RFC, tightened wherever it lets a recipient choose: what two programs could read
// in two ways is refused. Not here: undoing the coding (ChunkedDecoder).

import Bytes

/// How the end of a message body is found.
package enum BodyFraming: Equatable, Sendable {
    /// There is no body.
    case none
    /// The body has this many bytes; 0 if a Content-Length of 0 was sent.
    case length(Int)
    /// The body is in chunked coding.
    case chunked
    /// The body ends with the connection; responses only.
    case untilClose

    /// Whether body bytes follow the head.
    package var hasBody: Bool {
        switch self {
        case .none, .length(0): false
        case .length, .chunked, .untilClose: true
        }
    }
}

/// What the framing fields of a head say.
struct FramingFields {
    var versionMinor: Int
    var length: Int?
    var isChunked = false

    /// Reads the framing fields that `table` found in `bytes`.
    ///
    /// - Throws: What both directions refuse: Content-Length twice (even twice the same), not 1-19
    ///   digits, or next to Transfer-Encoding; Transfer-Encoding twice, in HTTP/1.0, or anything but
    ///   `chunked`. RFC 9112 §6.1 and §6.3 let a recipient repair some of these; smuggling lives
    ///   from different repairs.
    init(
        _ table: borrowing FieldTable, in bytes: UnsafeRawBufferPointer, versionMinor: Int
    ) throws(WireFault) {
        self.versionMinor = versionMinor
        let coding = table.first(.transferEncoding)
        let length = table.first(.contentLength)
        if let coding {
            guard length == nil else { throw .lengthWithCoding }
            guard versionMinor >= 1 else { throw .codingTooOld }
            guard !table.isRepeated(.transferEncoding) else { throw .codingRepeated }
            try Self.checkCoding(bytes[coding])
            isChunked = true
        } else if let length {
            guard !table.isRepeated(.contentLength) else { throw .lengthRepeated }
            guard let count = Self.decimal(bytes[length]) else { throw .lengthInvalid }
            self.length = count
        }
    }

    /// The framing of a request (RFC 9112 §6.3 rules 3 to 7).
    var ofRequest: BodyFraming {
        if isChunked { return .chunked }
        if let length { return .length(length) }
        return .none
    }

    /// The framing of a response with `status` to a `method` request (RFC 9112 §6.3).
    func ofResponse(status: Int, to method: Method) -> BodyFraming {
        if method == .head || status < 200 || status == 204 || status == 304 { return .none }
        if method == .connect, status < 300 { return .none }
        if isChunked { return .chunked }
        if let length { return .length(length) }
        return .untilClose
    }

    /// The value of 1 to 19 decimal digits, or nil if it is anything else or above `Int.max`.
    static func decimal(_ digits: UnsafeRawBufferPointer) -> Int? {
        guard digits.count > 0, digits.count <= 19 else { return nil }
        // 19 digits fit into 64 bits without sign, so only the end result needs a check.
        var value: UInt64 = 0
        for byte in digits {
            guard ASCII.isDigit(byte) else { return nil }
            value = value &* 10 &+ UInt64(byte &- 48)
        }
        return Int(exactly: value)
    }

    /// Throws unless `value` is `chunked` alone; tells unknown codings from broken lists.
    ///
    /// RFC 9112 §6.1: 501 for a coding we do not understand; §6.3: 400 if chunked is not the last.
    static func checkCoding(_ value: UnsafeRawBufferPointer) throws(WireFault) {
        guard !Words.spell(value, "chunked") else { return }
        var list = FieldList(value)
        var hasChunked = false
        var elementCount = 0
        while let element = list.next() {
            // Nothing may follow chunked, and parameters of it do not exist.
            guard !hasChunked, element.count > 0 else { throw .codingInvalid }
            for byte in element where !ASCII.isToken(byte) { throw .codingInvalid }
            hasChunked = Words.spell(element, "chunked")
            elementCount += 1
        }
        // `chunked` in the company of nothing but empty elements is a known filter bypass.
        guard elementCount > 0, !hasChunked || elementCount > 1, !list.hadEmpty else {
            throw .codingInvalid
        }
        throw .codingUnknown
    }
}
