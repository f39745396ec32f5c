// Client certificates: none, optional, required.

import Bytes
import Testing

@testable import TLS

@Suite struct ClientCertificateTests {
    private func connect(
        _ mode: TLSClientAuthentication, as name: String?, trust: TLSVersion = .tls12
    ) throws -> Pair {
        let server = try Fixtures.server("localhost") {
            $0.clientAuthentication = mode
            $0.clientTrust = .file(Fixtures.path("ca.crt"))
            $0.minimumVersion = trust
        }
        let client = try Fixtures.client(trust: "dev-ca.crt") {
            $0.identity = name.map { Fixtures.files($0) }
        }
        let pair = try Pair(server, client)
        pair.shakeHands()
        return pair
    }

    @Test(arguments: [TLSClientAuthentication.optional, .required])
    func `a good certificate is the caller's identity`(_ mode: TLSClientAuthentication) throws {
        let pair = try connect(mode, as: "alice")
        #expect(pair.server.isOpen)
        #expect(pair.server.peerVerification == .verified)
        #expect(pair.server.peerSubject == "CN=Älice,O=Example\\, Inc.")
    }

    @Test func `a server that does not ask is not told`() throws {
        let pair = try connect(.none, as: "alice")
        #expect(pair.server.isOpen)
        #expect(pair.server.peerVerification == .noCertificate)
        #expect(pair.server.peerSubject == nil)
    }

    @Test func `an optional certificate may be missing`() throws {
        let pair = try connect(.optional, as: nil)
        #expect(pair.server.isOpen)
        #expect(pair.server.peerVerification == .noCertificate)
    }

    @Test func `a required certificate may not`() throws {
        let pair = try connect(.required, as: nil)
        #expect(pair.server.progress == .failed(.certificateMissing))
        guard case .failed(.peerAlert) = pair.client.progress else {
            Issue.record("client \(pair.client.progress)")
            return
        }
    }

    @Test(arguments: [TLSClientAuthentication.optional, .required])
    func `a certificate of a stranger is rejected`(_ mode: TLSClientAuthentication) throws {
        let pair = try connect(mode, as: "mallory")
        guard case .failed(.certificateRejected) = pair.server.progress else {
            Issue.record("server \(pair.server.progress)")
            return
        }
        #expect(!pair.server.isOpen)
        // It tells the peer too.
        #expect(pair.client.progress == .failed(.peerAlert("unknown CA")))
    }

    @Test func `an expired certificate is rejected`() throws {
        let pair = try connect(.required, as: "expired")
        #expect(
            pair.server.progress == .failed(.certificateRejected("certificate has expired")))
    }

    @Test func `it works across a switch of certificates by name`() throws {
        let server = try Fixtures.server("ec", "other") {
            $0.clientAuthentication = .required
            $0.clientTrust = .file(Fixtures.path("ca.crt"))
        }
        for (name, isGood) in [("alice", true), ("mallory", false)] {
            let client = try Fixtures.client { $0.identity = Fixtures.files(name) }
            let pair = try Pair(server, client, host: "other.example")
            pair.shakeHands()
            #expect(pair.server.isOpen == isGood)
        }
    }

    @Test func `asking for certificates needs an authority`() {
        #expect(throws: TLSError.setting("client certificates need an authority that signs them")) {
            try Fixtures.server("localhost") {
                $0.clientAuthentication = .required
                $0.clientTrust = .anybody
            }
        }
    }

    @Test(arguments: [
        ("nowhere.crt", "no such file"), ("empty.pem", "is empty"),
        ("garbage.pem", "holds no PEM certificate"), ("ec.key", "holds no PEM certificate"),
        ("damaged.crt", "holds a damaged certificate"),
    ])
    func `a useless list of authorities is named`(_ file: String, _ reason: String) {
        #expect(throws: TLSError.file(path: Fixtures.path(file), reason: reason)) {
            try Fixtures.client(trust: file)
        }
    }
}
