// FuzzCookie: any bytes as the values of fields that are read element by element (Cookie, Accept,
// Accept-Encoding, dates, entity tags), and as text that goes into events and cookies.

import Bytes
import HTTPWire

/// The door that libFuzzer knocks at.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    if let value = Cookie.value(named: "a", in: bytes) {
        for byte in value {
            precondition(byte > 0x20 && byte < 0x7F && byte != 0x3B && byte != 0x2C)
        }
    }
    let offers: [StaticString] = ["text/html", "application/json"]
    if let index = Negotiation.mediaType(accept: bytes, offers: offers) {
        precondition(index < offers.count)
    }
    _ = Negotiation.contentCoding(accept: bytes)
    if let seconds = HTTPDate.parse(bytes, now: 1_790_000_000), seconds >= 0 {
        var output = ByteBuffer()
        HTTPDate.append(epochSeconds: seconds, to: &output)
        let again = HTTPDate.parse(output.readable, now: 1_790_000_000)
        precondition(again == seconds)
    }
    _ = Authority.isValid(bytes)
    checkEntityTags(bytes)
    checkEvent(bytes)
    checkCookie(bytes)
    checkBase64(bytes)
    return 0
}

/// A tag that a list begins with is found, whatever follows; none is found in a list without quotes.
private func checkEntityTags(_ bytes: UnsafeRawBufferPointer) {
    let tag = Array("\"a\"".utf8)
    tag.withUnsafeBytes { tag in
        if !bytes.contains(UInt8(ascii: "\"")), !bytes.contains(UInt8(ascii: "*")) {
            precondition(!EntityTag.isListed(bytes, tag))
        }
        let list = Array("W/\"a\",".utf8) + bytes
        list.withUnsafeBytes { precondition(EntityTag.isListed($0, tag)) }
    }
}

/// Whatever the data, an event must be made of `data:` lines and one empty line.
private func checkEvent(_ bytes: UnsafeRawBufferPointer) {
    var output = ByteBuffer()
    do throws(WireError) {
        try EventStream.append(data: bytes, to: &output)
    } catch {
        preconditionFailure("data was refused")
    }
    var lines = output.array().split(separator: 0x0A, omittingEmptySubsequences: false)
    precondition(lines.popLast() == [] && lines.popLast() == [])
    for line in lines { precondition(line.starts(with: "data: ".utf8) && !line.contains(0x0D)) }
}

/// A cookie that is written must be one line and read back.
private func checkCookie(_ bytes: UnsafeRawBufferPointer) {
    var output = ByteBuffer()
    let value = String(decoding: bytes, as: UTF8.self)
    do throws(WireError) {
        try output.appendSetCookie(SetCookie(name: "a", value: value))
    } catch {
        return
    }
    let line = output.array()
    precondition(line.filter { $0 == 0x0A || $0 == 0x0D || $0 == 0x00 }.count == 2)
    let pair = Array("a=\(value)".utf8)
    let found = pair.withUnsafeBytes { Cookie.value(named: "a", in: $0).map { Array($0) } }
    precondition(found == Array(bytes))
}

/// What decodes must encode to the same text.
private func checkBase64(_ bytes: UnsafeRawBufferPointer) {
    for alphabet in [Base64.Alphabet.standard, .urlSafe] {
        var plain = ByteBuffer()
        guard Base64.decode(bytes, into: &plain, alphabet: alphabet) else { continue }
        var again = ByteBuffer()
        Base64.encode(plain.readable, into: &again, alphabet: alphabet)
        let text = again.array()
        precondition(text == Array(bytes))
    }
}
