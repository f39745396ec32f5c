// AnswerText: what the answers of a gateway look like on a terminal: results laid out for reading,
// problem documents (RFC 9457) as sentences.

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
        Terminal.print(isVerbatim ? text : Terminal.plain(JSONLayout.indented(body) ?? text))
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
