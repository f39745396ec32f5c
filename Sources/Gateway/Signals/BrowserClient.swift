// BrowserClient: serves signalbox.js, by which all tabs of a browser share one event stream. The
// script itself is in Resources/.

internal import Bytes
internal import HTTP
internal import HTTPWire

/// The script for browsers.
///
/// Any thread.
enum BrowserClient {
    /// Its text, without what only its authors need.
    static let script = Payload(ShortScript(PackageResources.signalbox_js).text)

    /// The opaque part of its entity tag: FNV-1a of the text, so that it changes with it.
    static let tag: Payload = {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in script.bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        var tag = ByteBuffer()
        tag.append(text: "\"" + String(hash, radix: 16) + "\"")
        return Payload(tag.readable)
    }()
}

extension GatewayLoop {
    func showClient(_ exchange: Exchange) {
        var isKnown = false
        var isWanted = true
        exchange.forEachField { name, _, value in
            if name == .ifMatch, !EntityTag.isAny(value) { isWanted = false }
            if name == .ifNoneMatch, EntityTag.isListed(value, BrowserClient.tag.bytes) {
                isKnown = true
            }
        }
        // That of If-Match comes first (RFC 9110 §13.2.2).
        guard isWanted else {
            exchange.respondProblem(
                412, "precondition_failed", "The entity tag is weak: If-Match fits it by * alone.")
            return
        }
        // Asked for each time, and mostly answered without a body: a new gateway is a new script.
        // The tag is weak because the compressed script has it as well (RFC 9110 §8.8.3.3).
        exchange.extraFields.append("Cache-Control: no-cache\r\nETag: W/")
        exchange.extraFields.append(BrowserClient.tag.bytes)
        exchange.extraFields.append("\r\nX-Content-Type-Options: nosniff\r\n")
        if isKnown {
            // What chooses among the answers is told with 304, too (RFC 9110 §15.4.5).
            exchange.extraFields.append("Vary: Accept-Encoding\r\n")
            exchange.respond(304)
            return
        }
        exchange.respond(
            200, type: "text/javascript; charset=utf-8", BrowserClient.script.bytes)
    }
}
