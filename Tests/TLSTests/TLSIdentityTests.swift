// Loading certificates and keys: facts of good ones, reasons for bad ones, reload.

import Bytes
import COpenSSL
import Foundation
import Testing

@testable import TLS

@Suite struct TLSIdentityTests {
    @Test func `facts of a certificate are read`() throws {
        let facts = try TLSIdentity(Fixtures.files("other")).facts
        #expect(facts.subject == "CN=other")
        #expect(facts.names == ["other.example", "*.wild.example", "127.0.0.1"])
        #expect(facts.keyKind == "EC")
        #expect(facts.notAfter - facts.notBefore == 9 * 86_400)
        let now = Int64(Date().timeIntervalSince1970)
        #expect(facts.notBefore <= now && facts.notBefore > now - 3_600)
        #expect(try TLSIdentity(Fixtures.files("rsa")).facts.keyKind == "RSA")
    }

    @Test(arguments: [
        ("nowhere.crt", "ec.key", "nowhere.crt", "no such file"),
        ("ec.crt", "nowhere.key", "nowhere.key", "no such file"),
        ("ec.crt", "rsa.key", "rsa.key", "certificate and key do not match"),
        ("ec.crt", "other.key", "other.key", "certificate and key do not match"),
        ("ec.crt", "encrypted.key", "encrypted.key", "key file is encrypted"),
        ("ec.crt", "encrypted-sec1.key", "encrypted-sec1.key", "key file is encrypted"),
        ("ec.crt", "ec.crt", "ec.crt", "holds no PEM private key"),
        ("ec.key", "ec.key", "ec.key", "holds no PEM certificate"),
        ("garbage.pem", "ec.key", "garbage.pem", "holds no PEM certificate"),
        ("empty.pem", "ec.key", "empty.pem", "is empty"),
        ("damaged.crt", "ec.key", "damaged.crt", "holds a damaged certificate"),
        ("ec.crt", "damaged.key", "damaged.key", "holds a damaged private key"),
        ("", "ec.key", "", "is a directory"),
        ("small.crt", "small.key", "small.crt", "ee key too small"),
    ])
    func `a useless file is named with the reason`(
        _ chain: String, _ key: String, _ file: String, _ reason: String
    ) {
        let files = TLSIdentityFiles(chain: Fixtures.path(chain), key: Fixtures.path(key))
        #expect(throws: TLSError.file(path: Fixtures.path(file), reason: reason)) {
            try TLSContext(server: TLSSettings(identities: [files]))
        }
    }

    @Test func `the reason reads as one line`() {
        let error = TLSError.file(path: "/etc/a.key", reason: "key file is encrypted")
        #expect("\(error)" == "/etc/a.key: key file is encrypted")
    }

    @Test(arguments: [
        ("garbage.pem", "is not a successful OCSP response in DER"),
        ("ec.crt", "is not a successful OCSP response in DER"),
        ("empty.pem", "is empty"), ("missing", "no such file"),
    ])
    func `an OCSP response that is none is a warning`(_ file: String, _ reason: String) throws {
        let identity = try TLSIdentity(Fixtures.files("stapled", ocspResponse: file))
        #expect(identity.staple == nil)
        #expect(
            identity.warnings == [.stapleIgnored(reason: "\(Fixtures.path(file)): \(reason)")])
    }

    @Test func `an OCSP response is for its own certificate`() throws {
        let own = try TLSIdentity(Fixtures.files("stapled", ocspResponse: "stapled.ocsp"))
        #expect(own.staple != nil && own.warnings.isEmpty)
        let path = Fixtures.path("stapled.ocsp")
        let other = try TLSIdentity(Fixtures.files("ec", ocspResponse: "stapled.ocsp"))
        #expect(other.staple == nil)
        #expect(
            other.warnings == [.stapleIgnored(reason: "\(path): is about another certificate")])
    }

    @Test func `an OCSP response has its time`() throws {
        let path = Fixtures.path("stapled.ocsp")
        let certificates = try PEMFile(path: Fixtures.path("stapled.crt")).readCertificates()
        defer { for certificate in certificates { X509_free(certificate) } }
        let now = Int64(time(nil))
        let day: Int64 = 86_400
        let staple = try OCSPStaple(path: path, certificate: certificates[0], now: now)
        let end = try #require(staple.goodUntil)
        #expect(end > now && end <= now + day)
        #expect(staple.isGood(at: end - 1) && !staple.isGood(at: end))
        #expect(throws: TLSError.file(path: path, reason: "is stale")) {
            try OCSPStaple(path: path, certificate: certificates[0], now: end)
        }
        #expect(throws: TLSError.file(path: path, reason: "is not valid yet")) {
            try OCSPStaple(path: path, certificate: certificates[0], now: now - day)
        }
    }

    @Test func `a response about a revoked certificate is sent, with a warning`() throws {
        let identity = try TLSIdentity(Fixtures.files("stapled", ocspResponse: "revoked.ocsp"))
        #expect(identity.staple?.saysRevoked == true)
        #expect(identity.warnings == [.revoked(path: Fixtures.path("revoked.ocsp"))])
    }

    @Test func `what works but should be known is a warning`() throws {
        #expect(try TLSIdentity(Fixtures.files("ec")).warnings.isEmpty)
        #expect(
            try TLSIdentity(Fixtures.files("nameless")).warnings
                == [.nameless(path: Fixtures.path("nameless.crt"))])
        let open = TLSIdentityFiles(
            chain: Fixtures.path("ec.crt"), key: Fixtures.path("open.key"))
        #expect(
            try TLSIdentity(open).warnings
                == [.keyReadableByOthers(path: Fixtures.path("open.key"))])
        #expect(
            try Fixtures.server("other", "ec", "ec").warnings
                == [.unreachable(path: Fixtures.path("ec.crt"))])
    }

    @Test func `a listener needs a certificate`() {
        #expect(throws: TLSError.setting("a TLS listener needs a certificate")) {
            try Fixtures.server()
        }
    }

    @Test func `the whole chain is sent`() throws {
        // The development certificate's file ends with its authority.
        let pair = try Pair.opened()
        #expect(peerChainCount(pair.client) == 2)
    }

    @Test func `a failed reload keeps the old context serving`() throws {
        let folder = Fixtures.path("reload")
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let files = TLSIdentityFiles(chain: folder + "/a.crt", key: folder + "/a.key")
        func put(_ chain: String, _ key: String) throws {
            for (from, to) in [(chain, files.chain), (key, files.key)] {
                try? manager.removeItem(atPath: to)
                try manager.copyItem(atPath: Fixtures.path(from), toPath: to)
            }
        }
        let settings = TLSSettings(identities: [files])
        let client = try Fixtures.client()
        try put("ec.crt", "ec.key")
        var current = try TLSContext(server: settings)
        let idle = try Pair(current, client, host: "side.example")
        idle.shakeHands()

        try put("other.crt", "ec.key")
        #expect(throws: TLSError.self) { current = try TLSContext(server: settings) }
        let served = try Pair(current, client, host: "side.example")
        served.shakeHands()
        #expect(served.client.peerSubject == "CN=ec")

        try put("other.crt", "other.key")
        current = try TLSContext(server: settings)
        let renewed = try Pair(current, client, host: "other.example")
        renewed.shakeHands()
        #expect(renewed.client.peerSubject == "CN=other")

        // The connection from before is none the wiser.
        try idle.sendToServer([5])
        idle.pump()
        #expect(idle.serverText.array() == [5])
    }
}

/// Certificates that the peer of `session` sent.
private func peerChainCount(_ session: TLSSession) -> Int32 {
    OPENSSL_sk_num(SSL_get_peer_cert_chain(session.ssl))
}
