// The table of RFC 9112 §6.3, row by row. How heads with bad framing fields fail is in
// Vectors/smuggling.md.

import Testing

@testable import HTTPWire

@Suite struct BodyFramingTests {
    private static let chunked = "Transfer-Encoding: chunked\r\n"
    private static let five = "Content-Length: 5\r\n"

    @Test(arguments: [
        ("GET", "", BodyFraming.none), ("POST", "", .none), ("GET", five, .length(5)),
        ("POST", five, .length(5)), ("POST", "Content-Length: 0\r\n", .length(0)),
        ("HEAD", five, .length(5)), ("POST", chunked, .chunked), ("TRACE", chunked, .chunked),
    ])
    func `a request has the body that its fields announce`(
        _ method: String, _ field: String, _ framing: BodyFraming
    ) throws {
        var head = RequestHead()
        let text = "\(method) / HTTP/1.1\r\nHost: a\r\n\(field)\r\n"
        _ = try RequestParser().parse(Array(text.utf8).span, into: &head)
        #expect(head.framing == framing)
    }

    @Test(arguments: [
        (200, HTTPWire.Method.get, "", BodyFraming.untilClose), (200, .get, five, .length(5)),
        (200, .get, chunked, .chunked), (200, .head, "", .none), (200, .head, five, .none),
        (404, .head, chunked, .none), (100, .get, "", .none), (101, .get, "", .none),
        (199, .post, five, .none), (204, .delete, "", .none), (204, .delete, chunked, .none),
        (304, .get, five, .none), (304, .get, chunked, .none), (205, .get, "", .untilClose),
        (200, .connect, five, .none), (204, .connect, "", .none), (299, .connect, chunked, .none),
        (300, .connect, five, .length(5)), (500, .other, "", .untilClose),
    ])
    func `a response has the body that status, method and fields leave it`(
        _ status: Int, _ method: HTTPWire.Method, _ field: String, _ framing: BodyFraming
    ) throws {
        var head = ResponseHead()
        let text = "HTTP/1.1 \(status) X\r\n\(field)\r\n"
        _ = try ResponseParser().parse(Array(text.utf8).span, to: method, into: &head)
        #expect(head.framing == framing)
    }

    @Test(arguments: [
        (BodyFraming.none, false), (.length(0), false), (.length(1), true), (.chunked, true),
        (.untilClose, true),
    ])
    func `some framings bring bytes`(_ framing: BodyFraming, _ hasBody: Bool) {
        #expect(framing.hasBody == hasBody)
    }

    @Test(arguments: [
        ("0", 0), ("7", 7), ("007", 7), ("9223372036854775807", Int.max),
        ("9223372036854775808", nil), ("9999999999999999999", nil), ("00000000000000000000", nil),
        ("", nil), ("+1", nil), ("-1", nil), (" 1", nil), ("1 ", nil), ("1,1", nil), ("0x1", nil),
        ("1.0", nil), ("1_0", nil), ("a", nil), ("/", nil), (":", nil), ("\u{0661}", nil),
    ])
    func `a length is 1 to 19 digits and countable`(_ text: String, _ value: Int?) {
        #expect(withBytes(text) { FramingFields.decimal($0) } == value)
    }

    @Test(arguments: [
        ("chunked", nil), ("CHUNKED", nil), ("gzip", WireFault.codingUnknown),
        ("gzip, chunked", .codingUnknown), ("gzip,,chunked", .codingInvalid),
        ("a, b, chunked", .codingUnknown), ("chunked, gzip", .codingInvalid),
        ("chunked,chunked", .codingInvalid), ("", .codingInvalid), (",", .codingInvalid),
        ("chunked,", .codingInvalid), ("chunked;a=b", .codingInvalid),
        ("\"chunked\"", .codingInvalid),
        ("gzip;q=1, chunked", .codingInvalid), ("chunked chunked", .codingInvalid),
        ("chunked\u{85}", .codingInvalid),
    ])
    func `only chunked is a coding`(_ text: String, _ fault: WireFault?) {
        var thrown: WireFault?
        do throws(WireFault) {
            try withBytes(text) { (bytes) throws(WireFault) in
                try FramingFields.checkCoding(bytes)
            }
        } catch {
            thrown = error
        }
        #expect(thrown == fault)
    }
}
