// ResponseHead: what a parser found in the head of one response of an upstream server.
//
// Like RequestHead it holds offsets into the parsed input and is used again and again. Writing
// responses is HeadWriter's.

/// The parsed head of one response.
///
/// Reusable; loop-confined.
///
/// Valid after `ResponseParser.parse` returned `.complete`. All ranges count from the first byte
/// handed to the parser.
package struct ResponseHead: ~Copyable {
    /// The status code, 100 to 599.
    package internal(set) var status = 0

    /// The reason phrase; may be empty, and means nothing (RFC 9112 §4).
    package internal(set) var reason = ByteRange.empty

    /// 0 for HTTP/1.0, 1 for HTTP/1.1 and any later 1.x.
    package internal(set) var versionMinor = 1

    /// How the end of the body is found.
    package internal(set) var framing = BodyFraming.none

    /// Whether another request may follow on this connection.
    package internal(set) var keepAlive = true

    /// Whether a final response is still to come (1xx other than 101, RFC 9110 §15.2).
    package var isInterim: Bool { status < 200 && status != 101 }

    /// Bytes that the head takes up in the input.
    package internal(set) var byteCount = 0

    var fields: FieldTable

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
}
