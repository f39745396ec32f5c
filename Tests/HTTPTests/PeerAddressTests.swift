// Addresses in little room say what they said before.

import Notifier
import Testing

@testable import HTTP

@Suite struct PeerAddressTests {
    @Test(arguments: ["127.0.0.1", "192.0.2.255", "::1", "2001:db8::ffff:1"])
    func `an address comes out as it went in`(host: String) throws {
        let address = try SocketAddress.numeric(host, port: 65_534)
        let kept = PeerAddress(address).socketAddress
        #expect(kept.description == address.description)
        #expect(kept.host == host && kept.port == 65_534 && kept.length == address.length)
    }

    @Test func `of a Unix socket the family is kept`() throws {
        let kept = try PeerAddress(SocketAddress.unixPeer()).socketAddress
        #expect(kept.description == "unix" && kept.port == 0 && kept.path == nil)
    }

    @Test func `it takes a quarter of the kernel's form`() {
        #expect(MemoryLayout<PeerAddress>.size <= 32)
        #expect(MemoryLayout<SocketAddress>.size > 128)
    }
}
