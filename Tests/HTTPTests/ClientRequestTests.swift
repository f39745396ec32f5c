// What goes on the wire for a request, and what never does.

import Bytes
import HTTPWire
import Testing

@testable import HTTP

@Suite struct ClientRequestTests {
    private func head(_ request: borrowing ClientRequest) -> String {
        var output = ByteBuffer()
        request.composeHead(into: &output)
        return output.text()
    }

    @Test func `a request has its line, its host and its fields in order`() throws {
        var request = try ClientRequest(.get, target: "/a?b=c", authority: "example.org:81")
        try request.append("Accept", "text/html")
        try request.append("X-Note", "")
        #expect(
            head(request)
                == "GET /a?b=c HTTP/1.1\r\nHost: example.org:81\r\nAccept: text/html\r\nX-Note: \r\n\r\n"
        )
    }

    @Test(arguments: [
        (HTTPWire.Method.get, false), (.head, false), (.delete, false), (.options, false),
        (.post, true), (.put, true), (.patch, true),
    ])
    func `methods that usually have a body say that there is none`(
        method: HTTPWire.Method, says: Bool
    ) throws {
        let request = try ClientRequest(method, target: "/", authority: "a")
        #expect(head(request).contains("Content-Length: 0\r\n") == says)
    }

    @Test func `a body is framed by its length, or chunked if that is not known`() throws {
        var request = try ClientRequest(.post, target: "/", authority: "a")
        request.body = .bytes(Payload(Array("hello".utf8)))
        #expect(head(request).hasSuffix("\r\nContent-Length: 5\r\n\r\n"))
        request.body = .stream(length: 7)
        #expect(head(request).hasSuffix("\r\nContent-Length: 7\r\n\r\n"))
        request.body = .stream(length: nil)
        #expect(head(request).hasSuffix("\r\nTransfer-Encoding: chunked\r\n\r\n"))
    }

    @Test func `a method of any name can be sent`() throws {
        let name: StaticString = "PROPFIND"
        let bytes = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        let request = try ClientRequest(name: bytes, target: "/", authority: "a")
        #expect(request.method == .other)
        #expect(head(request).hasPrefix("PROPFIND / HTTP/1.1\r\n"))
        let get: StaticString = "GET"
        let known = UnsafeRawBufferPointer(start: get.utf8Start, count: get.utf8CodeUnitCount)
        let named = try ClientRequest(name: known, target: "/", authority: "a")
        #expect(named.method == .get)
    }

    @Test(arguments: [
        ("/a b", "host"), ("", "host"), ("/a\r\nX: y", "host"), ("/ü", "host"),
        ("/", "ho st"), ("/", ""), ("/", "host\r\nX: y"), ("/", "user@host"), ("/", "host:99999"),
    ])
    func `targets and hosts that break the grammar are refused`(target: String, host: String) {
        #expect(throws: ClientError.self) {
            _ = try ClientRequest(.get, target: target, authority: host)
        }
    }

    @Test func `tunnels are not built`() {
        #expect(throws: ClientError.requestInvalid(.methodInvalid)) {
            _ = try ClientRequest(.connect, target: "a:1", authority: "a:1")
        }
    }

    @Test(arguments: [
        ("X-A", "a\r\nX-B: b"), ("X-A", "a\nb"), ("X-A", "a\0"), ("X A", "a"), ("", "a"),
        ("X-A:", "a"), ("X-A\r\n", "a"),
    ])
    func `fields that would break the head are refused and leave no trace`(
        name: String, value: String
    ) throws {
        var request = try ClientRequest(.get, target: "/", authority: "a")
        do {
            try request.append(name, value)
            Issue.record("\(name) was accepted")
        } catch {
            guard case .requestInvalid = error else {
                Issue.record("\(error)")
                return
            }
        }
        #expect(head(request) == "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    }

    @Test(arguments: [
        ("content-length", KnownField.contentLength), ("Transfer-Encoding", .transferEncoding),
        ("HOST", .host), ("Connection", .connection), ("Upgrade", .upgrade), ("Expect", .expect),
        ("TE", .te), ("Trailer", .trailer), ("Keep-Alive", .keepAlive),
        ("Proxy-Connection", .proxyConnection),
    ])
    func `fields that frame the message are the client's own`(
        name: String, field: KnownField
    ) throws {
        var request = try ClientRequest(.get, target: "/", authority: "a")
        do {
            try request.append(name, "1")
            Issue.record("\(name) was accepted")
        } catch {
            #expect(error == .reservedField(field))
        }
    }

    @Test(arguments: [
        (HTTPWire.Method.get, ClientBody.none, true), (.put, .bytes(Payload([1])), true),
        (.put, .stream(length: 1), false), (.post, .none, false), (.patch, .none, false),
        (.delete, .none, true), (.head, .none, true),
    ])
    func `only what is harmless to repeat can be repeated`(
        method: HTTPWire.Method, body: ClientBody, isRepeatable: Bool
    ) throws {
        var request = try ClientRequest(method, target: "/", authority: "a")
        request.body = body
        #expect(request.isRepeatable == isRepeatable)
    }

    @Test func `an origin names itself as Host wants it`() {
        let plain = ClientOrigin(.tcp(host: "a", port: 80), addresses: [])
        #expect(plain.authority == "a")
        let other = ClientOrigin(.tcp(host: "::1", port: 8080), addresses: [])
        #expect(other.authority == "[::1]:8080")
        #expect(ClientOrigin(.unix(path: "/x"), addresses: []).authority == "localhost")
    }
}
