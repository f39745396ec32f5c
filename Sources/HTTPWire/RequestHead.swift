// RequestHead: what a parser found in the head of one request.
//
// It holds offsets, not bytes; they refer to the input that was handed to the parser and mean
// nothing once that has moved. One head per loop is enough: its storage is used again and again.

internal import Bytes

/// The four forms of a request target (RFC 9112 §3.2).
package enum TargetForm: UInt8, Sendable {
    /// `/path?query`
    case origin
    /// `http://host/path?query`
    case absolute
    /// `host:port`, of CONNECT only
    case authority
    /// `*`, of OPTIONS only
    case asterisk
}

/// The parsed head of one request.
///
/// Reusable; loop-confined.
///
/// Valid after `RequestParser.parse` returned `.complete`, and after it threw a `WireError` that
/// does not close the connection. All ranges count from the first byte handed to the parser.
package struct RequestHead: ~Copyable {
    /// The method.
    package internal(set) var method = Method.other

    /// Where the method stands; needed for `Method.other`.
    package internal(set) var methodRange = ByteRange.empty

    /// The whole target as sent; never empty.
    package internal(set) var target = ByteRange.empty

    /// Which form the target has.
    package internal(set) var form = TargetForm.origin

    /// The path, still percent-encoded; begins with a slash, or is empty.
    ///
    /// Empty in the forms authority and asterisk, and for `http://host`, where it means `/`.
    package internal(set) var path = ByteRange.empty

    /// The query without its question mark, still percent-encoded, or nil if there is none.
    package internal(set) var query: ByteRange?

    /// Host and optional port that the request is for, already validated.
    ///
    /// From the target if that has one, which then wins over Host (RFC 9112 §3.2.2), else from Host.
    /// Empty only for an HTTP/1.0 request without Host.
    package internal(set) var authority = ByteRange.empty

    /// Whether the path may be routed as it stands, without `PathNormaliser`.
    ///
    /// True if it has no percent sign, no backslash, no empty segment and no segment that begins
    /// with a dot. (`/.well-known` needs no normalising but is not plain; that only costs time.)
    package internal(set) var pathIsPlain = true

    /// 0 for HTTP/1.0, 1 for HTTP/1.1 and any later 1.x (RFC 9110 §2.5).
    package internal(set) var versionMinor = 1

    /// How the end of the body is found.
    package internal(set) var framing = BodyFraming.none

    /// Whether the client lets the connection live on after this exchange (RFC 9112 §9.3).
    package internal(set) var keepAlive = true

    /// Whether the client waits for 100 (Continue) before it sends the announced body.
    package internal(set) var expectsContinue = false

    /// Whether the client asks for another protocol, and says so in Connection as well.
    package internal(set) var hasUpgrade = false

    /// Bytes that the head takes up in the input, empty lines in front of it included.
    package internal(set) var byteCount = 0

    var fields: FieldTable

    /// Lists whose lines were joined for somebody who asked.
    private var joined: ContiguousArray<Payload> = []

    /// The Host that was found valid last: nearly all requests of a server carry the same.
    var knownHost = KnownHost()

    /// Makes a head with room for up to `fieldCapacity` field lines.
    package init(fieldCapacity: Int = WireLimits().fieldCount) {
        fields = FieldTable(capacity: fieldCapacity)
    }

    /// Number of field lines.
    package var fieldCount: Int { fields.count }

    /// The field line number `index`, in order of arrival.
    package func field(at index: Int) -> (name: ByteRange, value: ByteRange, known: KnownField) {
        fields.field(at: index)
    }

    /// The value of the first field line that is `known`, or nil.
    ///
    /// Constant time.
    package func first(_ known: KnownField) -> ByteRange? { fields.first(known) }

    /// Whether more than one field line is `known`.
    package func isRepeated(_ known: KnownField) -> Bool { fields.isRepeated(known) }

    /// The value of the list field `known`, its lines joined as one (RFC 9110 §5.2), or nil if there
    /// is none.
    ///
    /// - Parameters:
    ///   - known: a field whose definition allows several lines (RFC 9110 §5.3).
    ///   - base: the first byte that was handed to the parser.
    /// - Returns: bytes that are valid as long as the head and its input are.
    package mutating func list(
        _ known: KnownField, _ base: UnsafeRawPointer
    ) -> UnsafeRawBufferPointer? {
        guard let first = fields.first(known) else { return nil }
        guard fields.isRepeated(known) else { return Self.slice(first, base) }
        var text = ByteBuffer()
        for index in fields.firstIndex(known)..<fields.count {
            let field = fields.field(at: index)
            guard field.known == known else { continue }
            if !text.isEmpty { text.append(", ") }
            text.append(Self.slice(field.value, base))
        }
        let whole = Payload(text.readable)
        joined.append(whole)
        return whole.bytes
    }

    private static func slice(
        _ range: ByteRange, _ base: UnsafeRawPointer
    ) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: base + Int(range.start), count: Int(range.end &- range.start))
    }

    @inline(__always)
    mutating func reset() {
        fields.reset()
        if !joined.isEmpty { joined = [] }
        method = .other
        query = nil
        path = .empty
        authority = .empty
        pathIsPlain = true
        expectsContinue = false
        hasUpgrade = false
    }
}

/// A Host value of 8 to 16 bytes, as two words that may overlap.
struct KnownHost {
    private var count = 0
    private var first: UInt64 = 0
    private var last: UInt64 = 0

    /// Whether `value` is that one.
    @inline(__always)
    func matches(_ value: UnsafeRawBufferPointer) -> Bool {
        // SAFETY: the count is 8 or more if it is that of a value that was noted; at first it is 0.
        guard value.count == count, count >= 8, let base = value.baseAddress else { return false }
        return Words.load(base, 0) == first && Words.load(base, count &- 8) == last
    }

    /// Remembers `value`, if it has a length that `matches` can compare.
    @inline(__always)
    mutating func note(_ value: UnsafeRawBufferPointer) {
        guard value.count >= 8, value.count <= 16, let base = value.baseAddress else { return }
        count = value.count
        first = Words.load(base, 0)
        last = Words.load(base, count &- 8)
    }
}
