// What an idle session costs. The bound catches a context that keeps OpenSSL's record buffers
// (33 KiB a session), not a few bytes more or less.

import Bytes
import COpenSSL
import Foundation
import Testing

@testable import TLS

@Suite struct MemoryTests {
    /// Resident memory of the process, bytes.
    private func residentBytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        let pages = try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    @Test func `idle sessions do not keep their record buffers`() throws {
        let server = try Fixtures.server("localhost", keys: TLSTicketKeys())
        let client = try Fixtures.client(trust: "dev-ca.crt")
        var pairs: [Pair] = []
        func open(_ count: Int) throws {
            for _ in 0..<count {
                let pair = try Pair(server, client)
                pair.shakeHands()
                try pair.sendToServer([1])
                try pair.sendToClient([1])
                pair.pump()
                pair.up.release()
                pair.down.release()
                pair.serverText.release()
                pair.clientText.release()
                pairs.append(pair)
            }
        }
        try open(50)
        // Tests next door allocate too: the least of several rounds is the truest.
        var least = Int.max
        for _ in 0..<4 {
            let before = try residentBytes()
            try open(200)
            least = min(least, (try residentBytes() - before) / 200)
        }
        // Two ends of 14 KiB; the client's holds a certificate chain and a ticket besides.
        // Buffers of both ends would make it 100 KiB.
        #expect(least < 60 << 10, "\(least) bytes for both ends")
        #expect(pairs.allSatisfy { $0.server.isOpen })
    }

    @Test func `the wire gives back a spill that grew large`() throws {
        let pair = try Pair(Fixtures.server("localhost"), Fixtures.client(trust: "dev-ca.crt"))
        SSL_set_tlsext_max_fragment_length(pair.client.ssl, UInt8(TLSEXT_max_fragment_length_512))
        pair.shakeHands()
        let channel = pair.server.context.wire.channel
        #expect(channel.pointee.spill_capacity > 0)
        #expect(channel.pointee.spill_capacity <= 16 << 10)
        try pair.sendToClient([UInt8](repeating: 1, count: 4 << 20))
        #expect(channel.pointee.spill_capacity == 0)
        pair.pump()
        #expect(pair.clientText.count == 4 << 20)
    }
}
