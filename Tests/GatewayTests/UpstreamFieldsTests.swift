// UpstreamFields: names that a client may not speak in the gateway's place, in any letters.

import HTTPWire
import Testing

@testable import Gateway

@Suite struct `Fields towards upstreams` {
    private func isInternal(_ name: String) -> Bool {
        Array(name.utf8).withUnsafeBytes { UpstreamFields.isInternal($0) }
    }

    @Test(arguments: [
        "X-Forwarded-User", "X-Forwarded-Prefix", "X-Forwarded", "X-Real-IP", "X-Client-IP",
        "X-Cluster-Client-IP", "X-Original-URL", "X-Rewrite-URL", "X-Remote-User", "Remote-User",
        "X-Auth-Request-Email", "X-Authenticated-User", "X-SSL-Client-Verify", "SSL-Client-Cert",
        "X-TLS-Version", "X-Signalbox-User", "X-HTTP-Method-Override", "X-Method-Override",
        "X-Accel-Redirect", "X-Sendfile", "Client-IP", "CF-Connecting-IP", "True-Client-IP",
        "Proxy", "HTTP2-Settings", "X_Forwarded_For", "Content_Length", "_",
    ])
    func `a gateway's words are dropped in any letters`(name: String) {
        for spelling in [name, name.lowercased(), name.uppercased()] {
            #expect(isInternal(spelling), "\(spelling)")
        }
    }

    @Test(arguments: [
        "X-Api-Version", "X-Requested-With", "DNT", "Sec-CH-UA", "Tenant", "X", "Client", "Remote",
        "Signature", "Proxy-Status", "Idempotency-Key", "Content-MD5", "True", "HTTP2",
    ])
    func `others pass`(name: String) { #expect(!isInternal(name)) }

    @Test(arguments: [
        ("Content-Type", true), ("ETag", true), ("Location", true), ("Link", true),
        ("Set-Cookie", false), ("Server", false), ("Connection", false),
        ("Transfer-Encoding", false), ("X-Request-Id", false), ("WWW-Authenticate", false),
        ("Access-Control-Allow-Origin", false), ("X-Own", true), ("x-OWN", true), ("Own", false),
    ])
    func `of answers the listed ones pass`(name: String, passes: Bool) {
        var settings = Settings.UpstreamModule(
            url: "", address: .unix(path: "/"), basePath: "", usesTLS: false)
        settings.responseHeaders = ["x-own", "connection"]
        let fields = UpstreamFields(settings, pseudonym: "p", seed: 1)
        Array(name.utf8).withUnsafeBytes { bytes in
            #expect(fields.mayReturn(KnownField.recognise(bytes), bytes) == passes)
        }
    }
}
