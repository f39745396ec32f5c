// What an idle session costs, in a process of its own so that nobody else allocates.

import Bytes
import COpenSSL
import Foundation
import Glibc
import Testing

@testable import TLS

/// Bytes that malloc has given out, from the report of malloc_info; 0 under other allocators.
private func heapByteCount() throws -> Int {
    typealias MallocInfo = @convention(c) (Int32, UnsafeMutablePointer<FILE>) -> Int32
    var text: UnsafeMutablePointer<CChar>?
    var count = 0
    let symbol = try #require(dlsym(nil, "malloc_info"))
    let stream = try #require(open_memstream(&text, &count))
    _ = unsafeBitCast(symbol, to: MallocInfo.self)(0, stream)
    fclose(stream)
    defer { free(text) }
    // The totals of all arenas follow the last of them.
    let report = String(cString: try #require(text))
    let totals = try #require(report.components(separatedBy: "</heap>").last)
    func size(_ element: String) -> Int {
        guard let line = totals.split(separator: "\n").first(where: { $0.contains(element) }),
            let start = line.range(of: "size=\"")?.upperBound
        else { return 0 }
        return Int(line[start...].prefix { $0.isNumber }) ?? 0
    }
    return size("<system type=\"current\"") + size("type=\"mmap\"") - size("type=\"fast\"")
        - size("type=\"rest\"")
}

/// Heap bytes of a server session, averaged over many, after one exchange and then idle.
private func idleSessionByteCount() throws -> Int {
    let server = try Fixtures.server("localhost", keys: TLSTicketKeys())
    let client = try Fixtures.client(trust: "dev-ca.crt")
    var sessions: [TLSSession] = []
    func open(_ count: Int) throws {
        for _ in 0..<count {
            let pair = try Pair(server, client)
            pair.shakeHands()
            try pair.sendToServer([1])
            try pair.sendToClient([1])
            pair.pump()
            sessions.append(pair.server)
        }
    }
    sessions.reserveCapacity(600)
    try open(100)
    let before = try heapByteCount()
    try open(500)
    return (try heapByteCount() - before) / 500
}

@Suite struct MemoryTests {
    @Test func `an idle session takes 14 KiB`() async {
        await #expect(processExitsWith: .success) {
            let each = try idleSessionByteCount()
            // OpenSSL's part is 13.6 KiB; record buffers that stay would add 33.
            #expect(each < 14 << 10, "\(each) bytes")
        }
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
