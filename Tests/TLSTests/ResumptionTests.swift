// Tickets: sealed by one loop, opened by another, outliving one rotation.

import Bytes
import COpenSSL
import Testing

@testable import TLS

@Suite struct ResumptionTests {
    static let versions = [TLS1_2_VERSION, TLS1_3_VERSION]

    /// Connects, sends a byte each way and returns the pair.
    private func connect(
        _ server: TLSContext, _ client: TLSContext, _ resumption: TLSResumption? = nil
    ) throws -> Pair {
        let pair = try Pair(server, client, resuming: resumption)
        pair.shakeHands()
        try #require(pair.server.isOpen && pair.client.isOpen)
        try pair.sendToServer([1])
        try pair.sendToClient([2])
        pair.pump()
        #expect(pair.serverText.array() == [1])
        #expect(pair.clientText.array() == [2])
        #expect(pair.server.wasResumed == pair.client.wasResumed)
        return pair
    }

    private func server(_ keys: TLSTicketKeys?, _ version: Int32) throws -> TLSContext {
        let context = try Fixtures.server("localhost", keys: keys)
        #expect(copenssl_ctx_set_max_version(context.primary, version) == 1)
        return context
    }

    @Test(arguments: versions)
    func `a ticket of one loop is good on another`(_ version: Int32) throws {
        let keys = TLSTicketKeys()
        let client = try Fixtures.client(trust: "dev-ca.crt")
        let first = try connect(server(keys, version), client)
        #expect(!first.server.wasResumed)
        let resumption = try #require(first.client.resumption)
        let second = try connect(server(keys, version), client, resumption)
        #expect(second.server.wasResumed)
        #expect(second.server.applicationProtocol == "http/1.1")
        #expect(second.server.serverName == "localhost")
    }

    @Test(arguments: versions)
    func `a ticket outlives one rotation and not two`(_ version: Int32) throws {
        let keys = TLSTicketKeys()
        let client = try Fixtures.client(trust: "dev-ca.crt")
        let context = try server(keys, version)
        let old = try #require(connect(context, client).client.resumption)
        let rotated = keys.rotated()
        context.replaceTicketKeys(rotated)
        let second = try connect(context, client, old)
        #expect(second.server.wasResumed)
        // Under the previous key the client was given a fresh ticket, which outlives the next one.
        let fresh = try #require(second.client.resumption)
        context.replaceTicketKeys(rotated.rotated())
        #expect(try !connect(context, client, old).server.wasResumed)
        #expect(try connect(context, client, fresh).server.wasResumed)
    }

    @Test(arguments: versions)
    func `a ticket under foreign keys means a full handshake`(_ version: Int32) throws {
        let client = try Fixtures.client(trust: "dev-ca.crt")
        let resumption = try #require(
            connect(server(TLSTicketKeys(), version), client).client.resumption)
        #expect(
            try !connect(server(TLSTicketKeys(), version), client, resumption).server.wasResumed)
        #expect(try !connect(server(nil, version), client, resumption).server.wasResumed)
    }

    @Test(arguments: versions)
    func `without keys there are no tickets`(_ version: Int32) throws {
        let context = try server(nil, version)
        let client = try Fixtures.client(trust: "dev-ca.crt")
        let pair = try connect(context, client)
        let again = try connect(context, client, pair.client.resumption)
        #expect(!again.server.wasResumed)
        context.replaceTicketKeys(TLSTicketKeys())
        #expect(try !connect(context, client, pair.client.resumption).server.wasResumed)
    }

    @Test func `one ticket is sent for each handshake`() throws {
        let client = try Fixtures.client(trust: "dev-ca.crt")
        let context = try server(TLSTicketKeys(), TLS1_3_VERSION)
        let first = try connect(context, client)
        let second = try connect(context, client, first.client.resumption)
        let third = try connect(context, client, second.client.resumption)
        #expect(third.server.wasResumed)
        for pair in [first, second, third] {
            #expect(SSL_get_num_tickets(pair.server.ssl) == 1)
        }
    }

    @Test func `a resumption survives a connection that ended rudely`() throws {
        let client = try Fixtures.client(trust: "dev-ca.crt")
        let context = try server(TLSTicketKeys(), TLS1_3_VERSION)
        // The first pair is freed without close_notify in either direction.
        let resumption = try #require(connect(context, client).client.resumption)
        #expect(try connect(context, client, resumption).server.wasResumed)
    }

    @Test func `a ticket from before a change of authorities is not accepted`() throws {
        let keys = TLSTicketKeys()
        func context(_ authorities: String) throws -> TLSContext {
            try Fixtures.server("localhost", keys: keys) {
                $0.clientAuthentication = .optional
                $0.clientTrust = .file(Fixtures.path(authorities))
            }
        }
        let client = try Fixtures.client(trust: "dev-ca.crt") {
            $0.identity = Fixtures.files("alice")
        }
        let first = try connect(context("both.crt"), client)
        let resumption = try #require(first.client.resumption)
        // Same authorities: resumed, and the certificate is remembered.
        let second = try connect(context("both.crt"), client, resumption)
        #expect(second.server.wasResumed)
        #expect(second.server.peerSubject == first.server.peerSubject)
        // Her authority is gone: no way around the full handshake, which now fails.
        let third = try Pair(context("stranger.crt"), client, resuming: resumption)
        third.shakeHands()
        guard case .failed(.certificateRejected) = third.server.progress else {
            Issue.record("server \(third.server.progress)")
            return
        }
    }

    @Test(arguments: versions)
    func `a ticket without a certificate does not open a listener that requires one`(
        _ version: Int32
    ) throws {
        let keys = TLSTicketKeys()
        func context(_ mode: TLSClientAuthentication) throws -> TLSContext {
            let context = try Fixtures.server("localhost", keys: keys) {
                $0.clientAuthentication = mode
                $0.clientTrust = .file(Fixtures.path("ca.crt"))
            }
            #expect(copenssl_ctx_set_max_version(context.primary, version) == 1)
            return context
        }
        let client = try Fixtures.client(trust: "dev-ca.crt")
        for mode in [TLSClientAuthentication.none, .optional] {
            let resumption = try #require(connect(context(mode), client).client.resumption)
            #expect(try connect(context(mode), client, resumption).server.wasResumed)
            let strict = try Pair(context(.required), client, resuming: resumption)
            strict.shakeHands()
            #expect(strict.server.progress == .failed(.certificateMissing))
        }
    }

    @Test(
        "a session is resumed for the name it was made for, and no other (RFC 6066 §3)",
        arguments: versions,
        [
            ("side.example", "side.example", true), ("side.example", "SIDE.Example", true),
            ("side.example", "other.example", false), ("other.example", "side.example", false),
            ("other.example", "a.wild.example", false), ("a.wild.example", "a.wild.example", true),
            ("unknown.example", "side.example", false), ("side.example", "unknown.example", false),
            // Addresses are not sent as names.
            ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "side.example", false),
            ("side.example", "127.0.0.1", false),
        ])
    func names(_ version: Int32, _ row: (first: String, second: String, isResumed: Bool)) throws {
        let keys = TLSTicketKeys()
        func server() throws -> TLSContext {
            let context = try Fixtures.server("ec", "other", keys: keys)
            #expect(copenssl_ctx_set_max_version(context.primary, version) == 1)
            return context
        }
        let client = try Fixtures.client { $0.trust = .anybody }
        let first = try Pair(server(), client, host: row.first)
        first.shakeHands()
        try first.sendToClient([1])
        first.pump()
        // As a client that does not care would use it.
        let resumption = try #require(
            TLSResumption(first.client.ssl, host: row.second, scope: client.scope))
        let second = try Pair(server(), client, host: row.second, resuming: resumption)
        second.shakeHands()
        #expect(second.server.isOpen && second.client.isOpen)
        #expect(second.server.wasResumed == row.isResumed)
        #expect(second.client.wasResumed == row.isResumed)
        let asked = row.second == "127.0.0.1" ? nil : row.second.lowercased()
        #expect(second.server.serverName?.lowercased() == asked)
    }

    @Test func `a client resumes only what it would verify the same way`() throws {
        let context = try Fixtures.server("localhost", keys: TLSTicketKeys())
        let careless = try Fixtures.client { $0.trust = .anybody }
        let careful = try Fixtures.client(trust: "dev-ca.crt")
        let carelessly = try #require(connect(context, careless).client.resumption)
        #expect(try connect(context, careless, carelessly).client.wasResumed)
        #expect(try !connect(context, careful, carelessly).client.wasResumed)
        let carefully = try #require(connect(context, careful).client.resumption)
        #expect(carefully.host == "localhost")
        let elsewhere = try Pair(context, careful, host: "127.0.0.1", resuming: carefully)
        elsewhere.shakeHands()
        #expect(elsewhere.client.isOpen && !elsewhere.client.wasResumed)
        // Another context with the same trust is as good, e.g. after a reload.
        let reloaded = try Fixtures.client(trust: "dev-ca.crt")
        #expect(try connect(context, reloaded, carefully).client.wasResumed)
    }

    @Test func `rotation keeps the current key as the previous one`() {
        let keys = TLSTicketKeys()
        #expect(keys.current.count == TLSTicketKeys.keyByteCount)
        #expect(keys.previous == nil)
        let rotated = keys.rotated()
        #expect(rotated.previous == keys.current)
        #expect(rotated.current != keys.current)
    }
}
