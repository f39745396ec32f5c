// What a session does with bad input: it fails, says why, tells the peer, and harms no other.

import Bytes
import COpenSSL
import Testing

@testable import TLS

@Suite struct HostileInputTests {
    @Test(arguments: [
        "GET / HTTP/1.1\r\n\r\n", "G", "post /", "CONNECT a:1 HTTP/1.1", "PRI * HTTP/2.0",
    ])
    func `plain HTTP is told apart and answered in clear`(_ text: String) throws {
        let pair = try Pair(Fixtures.server("localhost"), Fixtures.client())
        #expect(pair.injectToServer(Array(text.utf8)) == .failed(.plainHTTP))
        // No alert: what goes out next is the caller's readable answer.
        #expect(pair.down.count == 0)
        #expect(pair.server.progress == .failed(.plainHTTP))
        #expect(!pair.server.isOpen)
    }

    @Test func `a server that answers in plain HTTP is told apart as well`() throws {
        let pair = try Pair(Fixtures.server("localhost"), Fixtures.client())
        #expect(pair.client.start(into: &pair.up) == .handshaking)
        let hello = pair.up.count
        #expect(hello > 0)
        let progress = Array("HTTP/1.1 400 Bad Request\r\n".utf8).withUnsafeBytes {
            pair.client.receive($0, plaintext: &pair.clientText, ciphertext: &pair.up)
        }
        #expect(progress == .failed(.plainHTTP))
        #expect(pair.up.count == hello)
    }

    @Test(arguments: [
        [0], [0x80, 0x2E, 0x01, 0x00, 0x02], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        [22, 3, 1, 0xFF, 0xFF, 1], [22, 3, 1, 0, 4, 1, 0, 0, 0], [21, 3, 3, 0, 2, 2, 40],
        [23, 3, 3, 0, 1, 0], [22, 9, 9, 0, 1, 1], [13, 10, 13, 10, 71],
    ])
    func `garbage fails and never opens`(_ garbage: [UInt8]) throws {
        let pair = try Pair(Fixtures.server("localhost"), Fixtures.client())
        let bytes = garbage + [UInt8](repeating: 0, count: 64)
        guard case .failed = pair.injectToServer(bytes) else {
            Issue.record("progress \(pair.server.progress)")
            return
        }
        #expect(pair.serverText.count == 0)
        #expect(!pair.server.isOpen)
    }

    @Test func `a failed session stays failed and swallows what follows`() throws {
        let pair = try Pair(Fixtures.server("localhost"), Fixtures.client(trust: "dev-ca.crt"))
        let failure = pair.injectToServer([UInt8](repeating: 0, count: 64))
        guard case .failed(let error) = failure else {
            Issue.record("progress \(failure)")
            return
        }
        _ = pair.client.start(into: &pair.up)
        let answered = pair.down.count
        #expect(
            pair.server.receive(
                pair.up.readable, plaintext: &pair.serverText, ciphertext: &pair.down) == failure)
        #expect(pair.down.count == answered)
        #expect(throws: error) { try pair.sendToClient([1]) }
        pair.server.close(into: &pair.down)
        #expect(pair.down.count == answered)
    }

    @Test func `any flipped bit in a record ends the session with an alert`() throws {
        for position in [0, 1, 3, 5, 12, 24] {
            let pair = try Pair.opened()
            try pair.sendToServer([1, 2, 3])
            var record = pair.up.array()
            pair.up.removeAll()
            record[position % record.count] ^= 0x40
            let progress = pair.injectToServer(record + [UInt8](repeating: 0, count: 20_000))
            guard case .failed = progress else {
                Issue.record("flip at \(position): \(progress)")
                continue
            }
            #expect(pair.serverText.count == 0)
            #expect(pair.down.count > 0)
        }
    }

    @Test func `what came before the bad record is delivered`() throws {
        let pair = try Pair.opened()
        try pair.sendToServer(Array("good".utf8))
        let good = pair.up.count
        try pair.sendToServer(Array("bad".utf8))
        var bytes = pair.up.array()
        bytes[good + 7] ^= 1
        guard case .failed(.malformed) = pair.injectToServer(bytes) else {
            Issue.record("progress \(pair.server.progress)")
            return
        }
        #expect(pair.serverText.text() == "good")
    }

    @Test func `a replayed record is refused`() throws {
        let pair = try Pair.opened()
        try pair.sendToServer([1])
        let record = pair.up.array()
        pair.pump()
        guard case .failed(.malformed) = pair.injectToServer(record) else {
            Issue.record("progress \(pair.server.progress)")
            return
        }
    }

    @Test func `a handshake that ends early is a truncation`() throws {
        let pair = try Pair(Fixtures.server("localhost"), Fixtures.client())
        _ = pair.client.start(into: &pair.up)
        let hello = pair.up.array()
        #expect(pair.injectToServer(Array(hello.dropLast())) == .handshaking)
        #expect(pair.down.count == 0)
        #expect(pair.server.receiveEnd() == .failed(.truncated))
        #expect(pair.injectToServer([hello[hello.count - 1]]) == .failed(.truncated))
    }

    @Test func `an end without close_notify is a truncation`() throws {
        let pair = try Pair.opened()
        #expect(pair.server.receiveEnd() == .failed(.truncated))
        #expect(throws: TLSError.truncated) { try pair.sendToClient([1]) }
    }

    @Test func `nothing can be sent before the handshake is done`() throws {
        let pair = try Pair(Fixtures.server("localhost"), Fixtures.client())
        #expect(throws: TLSError.notOpen) { try pair.sendToClient([1]) }
        _ = pair.client.start(into: &pair.up)
        #expect(throws: TLSError.notOpen) { try pair.sendToServer([1]) }
        pair.server.close(into: &pair.down)
        #expect(pair.down.count == 0)
    }

    @Test func `an old version is refused`() throws {
        let server = try Fixtures.server("localhost") { $0.minimumVersion = .tls13 }
        let client = try Fixtures.client(trust: "dev-ca.crt")
        #expect(copenssl_ctx_set_max_version(client.primary, TLS1_2_VERSION) == 1)
        let pair = try Pair(server, client)
        pair.shakeHands()
        #expect(pair.server.progress == .failed(.noCommonVersion))
        guard case .failed(.peerAlert(let alert)) = pair.client.progress else {
            Issue.record("client \(pair.client.progress)")
            return
        }
        #expect(alert == "protocol version")
    }

    @Test func `a client without a common cipher is refused`() throws {
        let client = try Fixtures.client(trust: "dev-ca.crt")
        #expect(copenssl_ctx_set_max_version(client.primary, TLS1_2_VERSION) == 1)
        #expect(SSL_CTX_set_cipher_list(client.primary, "AES128-SHA") == 1)
        let pair = try Pair(Fixtures.server("localhost"), client)
        pair.shakeHands()
        #expect(pair.server.progress == .failed(.noCommonCipher))
    }

    @Test func `renegotiation is refused and the session goes on`() throws {
        let pair = try Pair.opened(maximumVersion: TLS1_2_VERSION)
        SSL_clear_options(pair.client.ssl, UInt64(1) << 30)  // SSL_OP_NO_RENEGOTIATION
        #expect(SSL_renegotiate(pair.client.ssl) == 1)
        SSL_do_handshake(pair.client.ssl)
        Wire.settle(pair.client.context.wire.channel, into: &pair.up)
        #expect(pair.up.count > 0)
        let progress = pair.server.receive(
            pair.up.readable, plaintext: &pair.serverText, ciphertext: &pair.down)
        pair.up.removeAll()
        #expect(progress == .open)
        #expect(pair.serverText.count == 0)
        // The answer is the alert no_renegotiation, which this client takes as the end.
        #expect(pair.down.array().first == 21)
        pair.pump()
        guard case .failed = pair.client.progress else {
            Issue.record("client \(pair.client.progress)")
            return
        }
    }

    @Test func `errors left behind by others do not end a session`() throws {
        let pair = try Pair.opened()
        leaveError()
        #expect(ERR_peek_error() != 0)
        try pair.sendToServer([1, 2])
        let record = pair.up.array()
        pair.up.removeAll()
        // An incomplete record makes OpenSSL ask for more, which is where a stale error would hurt.
        #expect(pair.injectToServer(Array(record.dropLast())) == .open)
        leaveError()
        #expect(pair.injectToServer([record[record.count - 1]]) == .open)
        #expect(pair.serverText.array() == [1, 2])
        ERR_clear_error()
    }

    @Test func `a failing session leaves the queue empty and its neighbour alone`() throws {
        let server = try Fixtures.server("localhost")
        let client = try Fixtures.client(trust: "dev-ca.crt")
        let good = try Pair(server, client)
        let bad = try Pair(server, client)
        _ = good.client.start(into: &good.up)
        _ = bad.injectToServer([UInt8](repeating: 0, count: 64))
        #expect(ERR_peek_error() == 0)
        good.pump()
        #expect(good.server.isOpen && good.client.isOpen)
    }

    @Test func `random bytes never trap`() throws {
        let context = try Fixtures.server("localhost")
        var state: UInt64 = 42
        func next() -> UInt8 {
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        let pair = try Pair(context, Fixtures.client(trust: "dev-ca.crt"))
        _ = pair.client.start(into: &pair.up)
        let hello = pair.up.array()
        for round in 0..<400 {
            let session = try TLSSession(server: context)
            var plain = ByteBuffer()
            var out = ByteBuffer()
            var bytes = hello
            for _ in 0...(round % 4) { bytes[Int(next()) % bytes.count] = next() }
            bytes[0] = 22
            bytes.withUnsafeBytes {
                _ = session.receive($0, plaintext: &plain, ciphertext: &out)
                _ = session.receive($0, plaintext: &plain, ciphertext: &out)
            }
            #expect(!session.isOpen)
            #expect(plain.count == 0)
        }
    }
}

/// Leaves an error in the queue, as a careless caller of OpenSSL would.
private func leaveError() {
    // Parsing nonsense fails and reports it.
    let reader = BIO_new(BIO_s_mem())
    BIO_write(reader, "nonsense", 8)
    X509_free(PEM_read_bio_X509(reader, nil, nil, nil))
    BIO_free(reader)
}
