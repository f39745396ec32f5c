// ALPN, server names, kinds of key, stapled responses, hosts.

import Bytes
import COpenSSL
import Testing

@testable import TLS

@Suite struct NegotiationTests {
    @Test(arguments: [
        (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), ([], nil),
    ])
    func `a client that can speak HTTP 1.1 is served`(_ offer: [String], _ agreed: String?) throws {
        let pair = try Pair(
            Fixtures.server("localhost"),
            Fixtures.client(trust: "dev-ca.crt") { $0.protocols = offer })
        pair.shakeHands()
        #expect(pair.server.isOpen && pair.client.isOpen)
        #expect(pair.server.applicationProtocol == agreed)
        #expect(pair.client.applicationProtocol == agreed)
    }

    @Test(arguments: [["h2"], ["h2", "spdy/3"], ["http/1.0"]])
    func `a client that speaks other protocols only gets the alert`(_ offer: [String]) throws {
        let pair = try Pair(
            Fixtures.server("localhost"),
            Fixtures.client(trust: "dev-ca.crt") { $0.protocols = offer })
        pair.shakeHands()
        #expect(pair.server.progress == .failed(.noCommonProtocol))
        #expect(pair.client.progress == .failed(.peerAlert("no application protocol")))
    }

    @Test func `a server without protocols ignores the offer`() throws {
        let pair = try Pair(
            Fixtures.server("localhost") { $0.protocols = [] },
            Fixtures.client(trust: "dev-ca.crt") { $0.protocols = ["h2"] })
        pair.shakeHands()
        #expect(pair.server.isOpen)
        #expect(pair.server.applicationProtocol == nil)
    }

    @Test(arguments: [[""], [String(repeating: "x", count: 256)]])
    func `a protocol without a name or with too long a one is refused`(_ names: [String]) throws {
        #expect(throws: TLSError.setting("an application protocol has 1 to 255 bytes")) {
            try Fixtures.server("localhost") { $0.protocols = names }
        }
    }

    @Test(arguments: [
        ("side.example", "CN=ec"), ("other.example", "CN=other"), ("OTHER.example", "CN=other"),
        ("a.wild.example", "CN=other"), ("unknown.example", "CN=ec"),
        ("a.b.wild.example", "CN=ec"), ("wild.example", "CN=ec"), ("127.0.0.1", "CN=ec"),
    ])
    func `the name asked for chooses the certificate`(_ host: String, _ subject: String) throws {
        let pair = try Pair(
            Fixtures.server("ec", "other"), Fixtures.client { $0.trust = .anybody }, host: host)
        pair.shakeHands()
        #expect(pair.client.peerSubject == subject)
        #expect(pair.server.isOpen)
        // What the branches have in common still holds after the switch.
        #expect(pair.server.applicationProtocol == "http/1.1")
    }

    @Test(arguments: [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", "CN=ec"), ("ECDHE-RSA-AES128-GCM-SHA256", "CN=rsa"),
    ])
    func `RSA and ECDSA certificates stand side by side in TLS 1.2`(
        _ cipher: String, _ subject: String
    ) throws {
        for names in [["ec", "rsa"], ["rsa", "ec"], ["other", "rsa", "ec"]] {
            let server = try TLSContext(
                server: TLSSettings(identities: names.map { Fixtures.files($0) }))
            #expect(server.warnings.isEmpty)
            let client = try Fixtures.client()
            #expect(copenssl_ctx_set_max_version(client.primary, TLS1_2_VERSION) == 1)
            #expect(SSL_CTX_set_cipher_list(client.primary, cipher) == 1)
            let pair = try Pair(server, client, host: "side.example")
            pair.shakeHands()
            #expect(pair.client.peerSubject == subject)
            #expect(pair.server.cipher == cipher)
        }
    }

    @Test(arguments: [("ECDSA+SHA256", "CN=ec"), ("RSA-PSS+SHA256", "CN=rsa")])
    func `RSA and ECDSA certificates stand side by side in TLS 1.3`(
        _ signatures: String, _ subject: String
    ) throws {
        let client = try Fixtures.client()
        var list = Array(signatures.utf8CString)
        #expect(SSL_CTX_ctrl(client.primary, SSL_CTRL_SET_SIGALGS_LIST, 0, &list) == 1)
        let pair = try Pair(Fixtures.server("ec", "rsa"), client, host: "side.example")
        pair.shakeHands()
        #expect(pair.client.peerSubject == subject)
        #expect(pair.client.peerVerification == .verified)
    }

    @Test(arguments: [
        ("other.example", true), ("other.example.", true), ("x.wild.example", true),
        ("127.0.0.1", true),
        ("x.y.wild.example", false), ("wild.example", false), ("127.0.0.2", false),
        ("example", false), ("[::1]", false),
    ])
    func `a client accepts its host and no other`(_ host: String, _ isGood: Bool) throws {
        let pair = try Pair(Fixtures.server("other"), Fixtures.client(), host: host)
        pair.shakeHands()
        #expect(pair.client.isOpen == isGood)
        if !isGood {
            guard case .failed(.certificateRejected(let reason)) = pair.client.progress else {
                Issue.record("client \(pair.client.progress)")
                return
            }
            #expect(reason.hasSuffix("mismatch"))
            #expect(pair.server.progress == .failed(.peerAlert("bad certificate")))
        }
    }

    @Test(arguments: ["localhost", "127.0.0.1", "::1", "[::1]"])
    func `the development certificate is good for this machine`(_ host: String) throws {
        let pair = try Pair(
            Fixtures.server("localhost"), Fixtures.client(trust: "dev-ca.crt"), host: host)
        pair.shakeHands()
        #expect(pair.client.isOpen && pair.server.isOpen)
        // Addresses are never sent as names (RFC 6066 section 3).
        #expect(pair.server.serverName == (host == "localhost" ? host : nil))
    }

    @Test func `an unknown authority is rejected by the client`() throws {
        let pair = try Pair(
            Fixtures.server("other"), Fixtures.client(trust: "stranger.crt"),
            host: "other.example")
        pair.shakeHands()
        guard case .failed(.certificateRejected) = pair.client.progress else {
            Issue.record("client \(pair.client.progress)")
            return
        }
        #expect(pair.server.progress == .failed(.peerAlert("unknown CA")))
    }

    @Test func `an expired certificate is served with a warning and rejected by the client`() throws
    {
        let server = try Fixtures.server("expired")
        guard case .expired(let path, let notAfter)? = server.warnings.first else {
            Issue.record("warnings \(server.warnings)")
            return
        }
        #expect(path == Fixtures.path("expired.crt"))
        #expect(notAfter == server.certificates[0].notAfter)
        let pair = try Pair(server, Fixtures.client(), host: "expired.example")
        pair.shakeHands()
        #expect(
            pair.client.progress
                == .failed(.certificateRejected("certificate has expired")))
    }

    @Test func `a client that trusts anybody says what is wrong`() throws {
        let pair = try Pair(
            Fixtures.server("other"), Fixtures.client { $0.trust = .anybody }, host: "other.example"
        )
        pair.shakeHands()
        #expect(pair.client.isOpen)
        guard case .rejected = pair.client.peerVerification else {
            Issue.record("verification \(pair.client.peerVerification)")
            return
        }
    }

    @Test func `the system's authorities do not include ours`() throws {
        let pair = try Pair(
            Fixtures.server("other"), TLSContext(client: TLSClientSettings()),
            host: "other.example")
        pair.shakeHands()
        guard case .failed(.certificateRejected) = pair.client.progress else {
            Issue.record("client \(pair.client.progress)")
            return
        }
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `an OCSP response is stapled for who asks`(_ version: Int32) throws {
        let response = Fixtures.files("stapled", ocspResponse: "stapled.ocsp")
        let server = try TLSContext(
            server: TLSSettings(identities: [Fixtures.files("ec"), response]))
        #expect(copenssl_ctx_set_max_version(server.primary, version) == 1)
        for (host, asks) in [
            ("stapled.example", true), ("stapled.example", false), ("side.example", true),
        ] {
            let pair = try Pair(server, Fixtures.client(), host: host)
            if asks {
                SSL_ctrl(
                    pair.client.ssl, SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE,
                    Int(TLSEXT_STATUSTYPE_ocsp), nil)
            }
            pair.shakeHands()
            #expect(pair.client.isOpen)
            var stapled: UnsafeMutablePointer<UInt8>?
            let count = SSL_ctrl(
                pair.client.ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, &stapled)
            let isExpected = asks && host == "stapled.example"
            #expect((count > 0) == isExpected)
            if isExpected {
                let file = try PEMFile(path: Fixtures.path("stapled.ocsp"))
                #expect(
                    file.bytes == Array(UnsafeBufferPointer(start: stapled, count: max(count, 0))))
            }
        }
    }
}
