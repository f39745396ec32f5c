// Endpoints and socket addresses: their text, and translation to the kernel's form and back.

import Notifier
import Testing

@testable import HTTP

@Suite struct EndpointTests {
    @Test(arguments: [
        (Endpoint.tcp(host: "127.0.0.1", port: 80), "127.0.0.1:80"),
        (.tcp(host: "::1", port: 443), "[::1]:443"),
        (.unix(path: "/run/x.sock"), "unix:/run/x.sock"),
    ])
    func `an endpoint reads as people write it`(endpoint: Endpoint, text: String) {
        #expect(endpoint.description == text)
    }

    @Test(arguments: [("127.0.0.1", "127.0.0.1:8080"), ("::1", "[::1]:8080")])
    func `a numeric host resolves to itself`(host: String, text: String) throws {
        let addresses = try SocketAddress.resolve(.tcp(host: host, port: 8080))
        let address = try #require(addresses.first)
        #expect(addresses.count == 1)
        #expect(address.description == text)
        #expect(address.host == host)
        #expect(address.port == 8080)
        #expect(address.withPort(9).port == 9)
        #expect(address.withPort(9).host == host)
    }

    @Test func `a Unix path that is too long is refused`() throws {
        let path = "/" + String(repeating: "x", count: 107)
        #expect(throws: SystemError.self) { try SocketAddress.resolve(.unix(path: path)) }
        let fitting = try SocketAddress.resolve(.unix(path: String(path.dropLast())))
        #expect(fitting.first?.description == "unix")
        #expect(fitting.first?.withPort(9).port == 0)
    }

    @Test func `a host that does not exist is an error that names it`() {
        #expect {
            try SocketAddress.resolve(.tcp(host: "no such host", port: 1))
        } throws: { error in
            "\(error)".contains("no such host")
        }
    }
}
