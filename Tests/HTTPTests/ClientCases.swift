// Responses for the client's tests: good ones, malformed ones, and ones that break off.

import HTTPWire
import Testing

@testable import HTTP

/// A response and what its owner must hear.
struct ClientCase: Sendable, CustomTestStringConvertible {
    let name: String
    let response: String
    var body = ""
    var method = HTTPWire.Method.get
    var endsWithConnection = false
    /// Whether the connection may carry another request.
    var keeps = true
    var testDescription: String { name }

    static let good: [ClientCase] = [
        .init(
            name: "a length", response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            body: "hello"),
        .init(
            name: "chunks",
            response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n", body: "hello"),
        .init(
            name: "the connection's end",
            response: "HTTP/1.1 200 OK\r\n\r\nhello", body: "hello", endsWithConnection: true,
            keeps: false),
        .init(name: "an empty body", response: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        .init(name: "204", response: "HTTP/1.1 204 No Content\r\n\r\n"),
        .init(
            name: "304 with a length",
            response: "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"),
        .init(
            name: "HEAD", response: "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", method: .head),
        .init(
            name: "HEAD of chunks",
            response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", method: .head),
        .init(
            name: "interim responses",
            response: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", body: "ok"),
        .init(
            name: "the peer's wish to close",
            response: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            body: "ok", keeps: false),
        .init(
            name: "HTTP/1.0", response: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
            body: "ok", keeps: false),
        .init(
            name: "HTTP/1.0 with keep-alive",
            response: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
            body: "ok"),
        .init(
            name: "an interim response that announces a body",
            response: "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", body: "ok", keeps: false),
        .init(
            name: "a 204 that announces a body",
            response: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", keeps: false),
    ]
}

/// A response that is no response, or only part of one.
struct ClientBadCase: Sendable, CustomTestStringConvertible {
    let name: String
    let response: String
    let error: ClientError
    var body = ""
    var testDescription: String { name }

    static let faults: [ClientBadCase] = [
        .init(name: "no HTTP", response: "SSH-2.0-x\r\n", error: peer(.statusLineInvalid)),
        .init(
            name: "two lengths",
            response: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            error: peer(.lengthRepeated)),
        .init(
            name: "length and chunks",
            response: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0",
            error: peer(.lengthWithCoding)),
        .init(
            name: "a bare LF in chunks",
            response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\nabc",
            error: peer(.chunkLineBareLF), body: "ab"),
        .init(
            name: "another protocol",
            response: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            error: .protocolSwitched),
        .init(
            name: "too many interims",
            response: String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 17),
            error: .interimsTooMany),
    ]

    static let truncations: [ClientBadCase] = [
        .init(name: "nothing", response: "", error: .noAnswer),
        .init(name: "half a status line", response: "HTTP/1.", error: .truncated),
        .init(name: "half a head", response: "HTTP/1.1 200 OK\r\nA: b", error: .truncated),
        .init(
            name: "an interim alone", response: "HTTP/1.1 100 Continue\r\n\r\n",
            error: .truncated),
        .init(
            name: "part of a length",
            response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", error: .truncated,
            body: "hell"),
        .init(
            name: "none of a length",
            response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", error: .truncated),
        .init(
            name: "part of a chunk",
            response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell",
            error: .truncated, body: "hell"),
        .init(
            name: "no last chunk",
            response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            error: .truncated, body: "hello"),
        .init(
            name: "no end of the trailers",
            response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n",
            error: .truncated),
    ]

    private static func peer(_ fault: WireFault) -> ClientError {
        .malformed(.peer(fault, suggestedStatus: 502))
    }
}
