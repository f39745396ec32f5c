// BrowserClient: serves signalbox.js, by which all tabs of a browser share one event stream. The
// script itself is in Resources/.

internal import Bytes
internal import HTTP
internal import HTTPWire

/// The script for browsers.
///
/// Any thread.
enum BrowserClient {
    /// Its text, without what only its authors need: comments and indentation.
    static let script: Payload = {
        var text = ByteBuffer()
        for line in PackageResources.signalbox_js.split(separator: UInt8(ascii: "\n")) {
            let code = line.drop { $0 == UInt8(ascii: " ") }
            guard !code.isEmpty, !comments.contains(where: { code.starts(with: $0.utf8) }) else {
                continue
            }
            text.append(Array(code))
            text.append(UInt8(ascii: "\n"))
        }
        return Payload(text.readable)
    }()

    /// What a line of comment begins with; no line of code does.
    private static let comments = ["//", "/**", "* ", "*/"]

    /// Its entity tag: FNV-1a of the text, so that it changes with it.
    static let tag: String = {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in script.bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return "\"" + String(hash, radix: 16) + "\""
    }()
}

extension GatewayLoop {
    func showClient(_ exchange: Exchange) {
        // Asked for each time, and mostly answered without a body: a new gateway is a new script.
        exchange.extraFields.append("Cache-Control: no-cache\r\nETag: ")
        exchange.extraFields.append(text: BrowserClient.tag)
        exchange.extraFields.append("\r\nX-Content-Type-Options: nosniff\r\n")
        if exchange.text(.ifNoneMatch) == BrowserClient.tag {
            exchange.respond(304)
            return
        }
        exchange.respond(
            200, type: "text/javascript; charset=utf-8", BrowserClient.script.bytes)
    }
}
