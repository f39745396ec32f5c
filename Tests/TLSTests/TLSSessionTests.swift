// What a session does with good input: handshakes, data in both directions, closing.

import Bytes
import COpenSSL
import Testing

@testable import TLS

@Suite struct TLSSessionTests {
    static let versions = [TLS1_2_VERSION, TLS1_3_VERSION]

    @Test(arguments: [(TLS1_2_VERSION, "TLSv1.2"), (TLS1_3_VERSION, "TLSv1.3")])
    func `a handshake opens both ends and agrees on everything`(
        _ version: Int32, _ name: String
    ) throws {
        let pair = try Pair.opened(maximumVersion: version)
        #expect(pair.server.progress == .open)
        #expect(pair.client.progress == .open)
        #expect(pair.server.version == name)
        #expect(pair.client.version == name)
        #expect(pair.server.cipher == pair.client.cipher)
        #expect(pair.server.cipher?.contains("AES128-GCM") == (version == TLS1_2_VERSION))
        #expect(pair.server.applicationProtocol == "http/1.1")
        #expect(pair.client.applicationProtocol == "http/1.1")
        #expect(pair.server.serverName == "localhost")
        #expect(pair.client.peerSubject == "CN=localhost")
        #expect(pair.client.peerVerification == .verified)
        #expect(pair.client.peerFacts?.names == ["localhost", "127.0.0.1", "::1"])
        #expect(pair.server.peerVerification == .noCertificate)
        #expect(pair.server.peerSubject == nil)
        #expect(!pair.server.wasResumed)
    }

    @Test(arguments: versions, [1, 2, 5, 16, 100])
    func `handshake and data survive any cut`(_ version: Int32, _ chunk: Int) throws {
        let server = try Fixtures.server("localhost")
        #expect(copenssl_ctx_set_max_version(server.primary, version) == 1)
        let pair = try Pair(server, Fixtures.client(trust: "dev-ca.crt"))
        pair.shakeHands(chunk: chunk)
        #expect(pair.server.isOpen && pair.client.isOpen)
        let request = Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        try pair.sendToServer(request)
        try pair.sendToClient(request.reversed())
        pair.pump(chunk: chunk)
        #expect(pair.serverText.array() == request)
        #expect(pair.clientText.array() == request.reversed())
    }

    @Test(arguments: versions)
    func `a record cut at every place arrives whole`(_ version: Int32) throws {
        let pair = try Pair.opened(maximumVersion: version)
        try pair.sendToServer([1, 2, 3])
        let length = pair.up.count
        pair.pump()
        for cut in 0...length {
            pair.serverText.removeAll()
            try pair.sendToServer([1, 2, 3])
            let record = pair.up.array()
            pair.up.removeAll()
            #expect(pair.injectToServer(Array(record[..<cut])) == .open)
            #expect(pair.serverText.count == (cut == length ? 3 : 0))
            #expect(pair.injectToServer(Array(record[cut...])) == .open)
            #expect(pair.serverText.array() == [1, 2, 3])
        }
    }

    @Test func `data in the flight that completes the handshake is delivered`() throws {
        let pair = try Pair(Fixtures.server("localhost"), Fixtures.client(trust: "dev-ca.crt"))
        _ = pair.client.start(into: &pair.up)
        _ = pair.server.receive(
            pair.up.readable, plaintext: &pair.serverText, ciphertext: &pair.down)
        pair.up.removeAll()
        // The client's Finished and its first request leave in one segment.
        #expect(
            pair.client.receive(
                pair.down.readable, plaintext: &pair.clientText, ciphertext: &pair.up) == .open)
        try pair.sendToServer(Array("first".utf8))
        try pair.sendToServer(Array(" second".utf8))
        let progress = pair.server.receive(
            pair.up.readable, plaintext: &pair.serverText, ciphertext: &pair.down)
        #expect(progress == .open)
        #expect(pair.serverText.text() == "first second")
    }

    @Test(arguments: versions)
    func `many records of one byte arrive in one call`(_ version: Int32) throws {
        let pair = try Pair.opened(maximumVersion: version)
        let message = (0..<500).map { UInt8(truncatingIfNeeded: $0) }
        for byte in message { try pair.sendToServer([byte]) }
        _ = pair.server.receive(
            pair.up.readable, plaintext: &pair.serverText, ciphertext: &pair.down)
        #expect(pair.serverText.array() == message)
    }

    @Test(arguments: versions, [Int.max, 1_460, 16_384, 65_536])
    func `a mebibyte goes both ways`(_ version: Int32, _ chunk: Int) throws {
        let pair = try Pair.opened(maximumVersion: version)
        var state: UInt32 = 7
        let message = (0..<(1 << 20)).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
        try pair.sendToServer(message)
        // 65 records at the most, each with at most 29 bytes of its own.
        #expect(pair.up.count <= message.count + 65 * 29)
        try pair.sendToClient(message)
        pair.pump(chunk: chunk)
        #expect(pair.serverText.array() == message)
        #expect(pair.clientText.array() == message)
    }

    @Test func `sending appends behind what is already in the buffer`() throws {
        let pair = try Pair.opened()
        pair.down.append("before")
        try pair.sendToClient([1])
        #expect(pair.down.text().hasPrefix("before"))
        pair.down.consume(6)
        try pair.sendToClient([2])
        pair.pump()
        #expect(pair.clientText.array() == [1, 2])
    }

    @Test func `sending nothing sends nothing`() throws {
        let pair = try Pair.opened()
        try pair.sendToClient([])
        #expect(pair.down.count == 0)
    }

    @Test func `a peer that asked for small records gets small records`() throws {
        let pair = try Pair(Fixtures.server("localhost"), Fixtures.client(trust: "dev-ca.crt"))
        SSL_set_tlsext_max_fragment_length(pair.client.ssl, UInt8(TLSEXT_max_fragment_length_512))
        pair.shakeHands()
        let message = [UInt8](repeating: 3, count: 100_000)
        try pair.sendToClient(message)
        // More overhead than was reserved for: the rest went through the spill, in order.
        #expect(pair.down.count >= message.count + 196 * 22)
        pair.pump()
        #expect(pair.clientText.array() == message)
    }

    @Test func `sessions of one context take turns at the wire`() throws {
        let server = try Fixtures.server("localhost")
        let client = try Fixtures.client(trust: "dev-ca.crt")
        let pairs = try (0..<4).map { _ in try Pair(server, client) }
        for pair in pairs { _ = pair.client.start(into: &pair.up) }
        // One byte each in turn, through handshake and data.
        func turns() {
            while pairs.contains(where: { !$0.up.isEmpty || !$0.down.isEmpty }) {
                for pair in pairs where !pair.up.isEmpty {
                    _ = pair.server.receive(
                        UnsafeRawBufferPointer(rebasing: pair.up.readable.prefix(1)),
                        plaintext: &pair.serverText, ciphertext: &pair.down)
                    pair.up.consume(1)
                }
                for pair in pairs where !pair.down.isEmpty {
                    _ = pair.client.receive(
                        UnsafeRawBufferPointer(rebasing: pair.down.readable.prefix(1)),
                        plaintext: &pair.clientText, ciphertext: &pair.up)
                    pair.down.consume(1)
                }
            }
        }
        turns()
        for (index, pair) in pairs.enumerated() {
            #expect(pair.server.isOpen && pair.client.isOpen)
            try pair.sendToServer(Array("to server \(index)".utf8))
            try pair.sendToClient(Array("to client \(index)".utf8))
        }
        turns()
        for (index, pair) in pairs.enumerated() {
            #expect(pair.serverText.text() == "to server \(index)")
            #expect(pair.clientText.text() == "to client \(index)")
        }
    }

    @Test func `a session outlives its context's other sessions and its owner's reference`() throws
    {
        var server: TLSContext? = try Fixtures.server("localhost")
        let client = try Fixtures.client(trust: "dev-ca.crt")
        let abandoned = try Pair(#require(server), client)
        _ = abandoned.client.start(into: &abandoned.up)
        let pair = try Pair(#require(server), client)
        server = nil
        pair.shakeHands()
        try pair.sendToServer([9])
        pair.pump()
        #expect(pair.serverText.array() == [9])
    }

    @Test(arguments: versions)
    func `close_notify ends one direction only`(_ version: Int32) throws {
        let pair = try Pair.opened(maximumVersion: version)
        try pair.sendToServer(Array("last words".utf8))
        pair.client.close(into: &pair.up)
        #expect(!pair.client.isOpen)
        #expect(throws: TLSError.notOpen) { try pair.sendToServer([1]) }
        _ = pair.server.receive(
            pair.up.readable, plaintext: &pair.serverText, ciphertext: &pair.down)
        pair.up.removeAll()
        #expect(pair.serverText.text() == "last words")
        #expect(pair.server.progress == .peerClosed)
        // The other direction goes on.
        #expect(pair.server.isOpen)
        try pair.sendToClient(Array("answer".utf8))
        pair.pump()
        #expect(pair.clientText.text() == "answer")
        #expect(pair.client.progress == .open)
        pair.server.close(into: &pair.down)
        pair.pump()
        #expect(pair.client.progress == .peerClosed)
        #expect(pair.client.receiveEnd() == .peerClosed)
        #expect(pair.server.receiveEnd() == .peerClosed)
    }

    @Test func `closing twice says goodbye once`() throws {
        let pair = try Pair.opened()
        pair.server.close(into: &pair.down)
        let count = pair.down.count
        #expect(count > 0)
        pair.server.close(into: &pair.down)
        #expect(pair.down.count == count)
    }

    @Test func `bytes after close_notify are ignored`() throws {
        let pair = try Pair.opened()
        pair.client.close(into: &pair.up)
        pair.up.append("noise")
        pair.pump()
        #expect(pair.server.progress == .peerClosed)
        #expect(pair.injectToServer([22, 3, 3]) == .peerClosed)
        #expect(pair.serverText.count == 0)
    }

    @Test func `keys can be updated under way`() throws {
        let pair = try Pair.opened()
        for _ in 0..<3 {
            #expect(SSL_key_update(pair.client.ssl, SSL_KEY_UPDATE_REQUESTED) == 1)
            try pair.sendToServer([1])
            pair.pump()
            try pair.sendToClient([2])
            pair.pump()
        }
        #expect(pair.serverText.array() == [1, 1, 1])
        #expect(pair.clientText.array() == [2, 2, 2])
    }

    @Test func `a name that is no host name is refused`() throws {
        let context = try Fixtures.client()
        for host in ["", ".", "a\0b", String(repeating: "a", count: 300)] {
            #expect(throws: TLSError.self) { try TLSSession(client: context, host: host) }
        }
    }
}
