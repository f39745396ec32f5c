// AnswerText: what the answers of a gateway look like on a terminal: JSON with indentation, problem
// documents (RFC 9457) as sentences.

internal import Bytes
internal import Glibc
internal import HTTP
internal import HTTPWire
internal import JSON

extension ClientAnswer {
    /// Whether the answer says that it was done.
    var isSuccess: Bool { (200..<300).contains(status) }

    /// The body as it came.
    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as a JSON tree; nil if it is none.
    var json: JSONValue? {
        body.withUnsafeBytes { try? JSONValue.parse($0, maxDepth: 1024) }
    }

    /// Prints the body: as it came, or laid out for reading.
    func printBody(asJSON isVerbatim: Bool) {
        guard !body.isEmpty else { return }
        Terminal.print(isVerbatim ? text : JSONLayout.indented(body) ?? Terminal.plain(text))
    }

    /// Ends the program because the gateway says no; with `--json` the document goes to standard
    /// output for the program that asked.
    func fail(_ what: String, asJSON isVerbatim: Bool) -> Never {
        if isVerbatim, type.hasSuffix("json"), !body.isEmpty { Terminal.print(text) }
        Terminal.fail("\(what): \(problem)")
    }

    /// The answer in sentences: what was wrong, and where.
    var problem: String {
        let reason = String(decoding: StatusCode.reason(status), as: UTF8.self)
        guard let json, let document = json.object else {
            return Terminal.plain("\(status) \(reason)\(hint)")
        }
        var lines = ["\(status) \(json["title"]?.string ?? reason)"]
        if let detail = json["detail"]?.string { lines[0] += ": \(detail)" }
        for fault in json["errors"]?.array ?? [] {
            let pointer = fault["pointer"]?.string ?? ""
            lines.append(
                "  \(pointer.isEmpty ? "params" : pointer): \(fault["detail"]?.string ?? "")")
        }
        if let data = document["data"] { lines.append("  data: \(data.text)") }
        for line in json["stderr"]?.array ?? [] {
            lines.append("  stderr: \(line.string ?? line.text)")
        }
        if let id = json["request_id"]?.string { lines.append("  request id: \(id)") }
        return Terminal.plain(lines.joined(separator: "\n"))
    }
}

extension ClientAnswer {
    /// What an answer that is no problem document, such as that of a proxy, has to say.
    private var hint: String {
        if type == "text/plain", let line = text.split(separator: "\n").first {
            return ": \(line.prefix(200))"
        }
        return type.isEmpty ? "" : " (\(type), which is no answer of a gateway)"
    }
}

/// JSON laid out for reading.
enum JSONLayout {
    /// `text` with a line for each member and element; nil if it is not JSON.
    static func indented(_ text: [UInt8]) -> String? {
        text.withUnsafeBytes { bytes in
            guard (try? JSONScanner.validate(bytes, maxDepth: 1024)) != nil else { return nil }
            var output = ByteBuffer(capacity: bytes.count * 2)
            var depth = 0
            var index = 0
            while index < bytes.count {
                let byte = bytes[index]
                switch byte {
                case UInt8(ascii: "\""):
                    let end = stringEnd(bytes, from: index)
                    output.append(UnsafeRawBufferPointer(rebasing: bytes[index..<end]))
                    index = end
                    continue
                case UInt8(ascii: "{"), UInt8(ascii: "["):
                    output.append(byte)
                    let next = afterBlanks(bytes, from: index + 1)
                    // Both closing brackets come two behind the opening ones.
                    if next < bytes.count, bytes[next] == byte + 2 {
                        output.append(byte + 2)
                        index = next
                    } else {
                        depth += 1
                        newLine(depth, &output)
                    }
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    depth -= 1
                    newLine(depth, &output)
                    output.append(byte)
                case UInt8(ascii: ","):
                    output.append(byte)
                    newLine(depth, &output)
                case UInt8(ascii: ":"): output.append(": ")
                case 0x20, 0x09, 0x0A, 0x0D: break
                default: output.append(byte)
                }
                index += 1
            }
            return output.text()
        }
    }

    private static func newLine(_ depth: Int, _ output: inout ByteBuffer) {
        output.append("\n")
        for _ in 0..<depth { output.append("  ") }
    }

    private static func afterBlanks(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] <= 0x20 { index += 1 }
        return index
    }

    /// The offset behind the string that begins at `start`.
    private static func stringEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start + 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index + 1, bytes.count)
    }
}
