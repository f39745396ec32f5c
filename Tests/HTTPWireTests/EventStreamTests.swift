import Bytes
import HTTPWire
import Testing

@Suite struct EventStreamTests {
    private func event(id: String?, event: String?, data: String) throws(WireError) -> String {
        try written { (output) throws(WireError) in
            try withBytes(id ?? "") { (idBytes) throws(WireError) in
                try withBytes(event ?? "") { (eventBytes) throws(WireError) in
                    try withBytes(data) { (dataBytes) throws(WireError) in
                        try EventStream.append(
                            id: id == nil ? nil : idBytes, event: event == nil ? nil : eventBytes,
                            data: dataBytes, to: &output)
                    }
                }
            }
        }
    }

    @Test func `an event has id, name and data`() throws {
        let text = try event(id: "k3f9-1042", event: "host.disk.full", data: "{\"free\":0}")
        #expect(text == "id: k3f9-1042\nevent: host.disk.full\ndata: {\"free\":0}\n\n")
        #expect(try event(id: nil, event: nil, data: "x") == "data: x\n\n")
        #expect(try event(id: "", event: nil, data: "x") == "id: \ndata: x\n\n")
    }

    @Test(arguments: [
        ("", [""]), ("a", ["a"]), ("a\nb", ["a", "b"]), ("a\rb", ["a", "b"]),
        ("a\r\nb", ["a", "b"]),
        ("\n", ["", ""]), ("\r\n", ["", ""]), ("\n\r", ["", "", ""]), ("a\n", ["a", ""]),
        ("\r\r", ["", "", ""]), ("a\n\nid: 7", ["a", "", "id: 7"]),
        ("a\revent: x", ["a", "event: x"]),
        ("12345678\r\n12345678\n1234567", ["12345678", "12345678", "1234567"]),
        ("1234567\r\nretry: 1", ["1234567", "retry: 1"]), (": c\n", [": c", ""]),
    ])
    func `no data can begin a field of its own`(_ data: String, _ lines: [String]) throws {
        let text = try event(id: nil, event: nil, data: data)
        #expect(text == lines.map { "data: \($0)\n" }.joined() + "\n")
    }

    @Test(arguments: ["a\nb", "a\rb", "a\0b", "\n"])
    func `ids and names cannot break their line`(_ text: String) {
        let misuse = WireError.misuse(.eventFieldInvalid)
        #expect(throws: misuse) { try event(id: text, event: nil, data: "") }
        #expect(throws: misuse) { try event(id: nil, event: text, data: "") }
    }

    @Test func `comments are split like data`() {
        let text = written { output in
            withBytes("15\ndata: x") { EventStream.append(comment: $0, to: &output) }
        }
        #expect(text == ": 15\n: data: x\n\n")
    }

    @Test func `a delay is written in milliseconds and never negative`() {
        #expect(written { EventStream.append(retryMilliseconds: 2740, to: &$0) } == "retry: 2740\n")
        #expect(written { EventStream.append(retryMilliseconds: -5, to: &$0) } == "retry: 0\n")
    }

    @Test(arguments: [
        ("k3f9-1042", true), ("é", true), ("", false), ("a\0", false), ("a\n", false),
        ("\ra", false),
        (String(repeating: "a", count: 256), true), (String(repeating: "a", count: 257), false),
    ])
    func `an id from outside is bounded and one line`(_ id: String, _ isValid: Bool) {
        #expect(withBytes(id) { EventStream.isValidLastEventID($0) } == isValid)
    }
}
