// Event streams in any cut.

import Testing

@testable import HTTP

@Suite struct ClientEventStreamReaderTests {
    private func events(_ text: String, cut: Int = .max) throws -> [StreamedEvent] {
        var reader = EventStreamReader()
        return try read(text, cut: cut, with: &reader)
    }

    private func read(
        _ text: String, cut: Int = .max, with reader: inout EventStreamReader
    ) throws -> [StreamedEvent] {
        var found: [StreamedEvent] = []
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let end = cut == .max ? bytes.count : min(start + cut, bytes.count)
            try bytes[start..<end].withUnsafeBytes { piece in
                try reader.read(piece) { found.append($0) }
            }
            start = end
        }
        return found
    }

    @Test(arguments: [
        ("data: a\n\n", [StreamedEvent(name: "message", data: "a", id: "")]),
        ("data:a\n\n", [StreamedEvent(name: "message", data: "a", id: "")]),
        ("data:  a\n\n", [StreamedEvent(name: "message", data: " a", id: "")]),
        ("data\n\n", [StreamedEvent(name: "message", data: "", id: "")]),
        ("data: a\ndata: b\n\n", [StreamedEvent(name: "message", data: "a\nb", id: "")]),
        ("data: a\r\ndata: b\r\n\r\n", [StreamedEvent(name: "message", data: "a\nb", id: "")]),
        ("data: a\rdata: b\r\r", [StreamedEvent(name: "message", data: "a\nb", id: "")]),
        ("id: 7\nevent: x\ndata: {}\n\n", [StreamedEvent(name: "x", data: "{}", id: "7")]),
        (
            "id: 7\ndata: 1\n\ndata: 2\n\n",
            [
                StreamedEvent(name: "message", data: "1", id: "7"),
                StreamedEvent(name: "message", data: "2", id: "7"),
            ]
        ),
        (
            ": comment\n\nevent: x\n\ndata: 1\n\n",
            [StreamedEvent(name: "message", data: "1", id: "")]
        ),
        ("\u{FEFF}data: a\n\n", [StreamedEvent(name: "message", data: "a", id: "")]),
        ("data: a\n", []), ("nonsense: a\nfoo\n\n", []), ("\n\n\n", []),
        ("data: a:b\n\n", [StreamedEvent(name: "message", data: "a:b", id: "")]),
        ("id: a\0b\ndata: 1\n\n", [StreamedEvent(name: "message", data: "1", id: "")]),
    ])
    func `events are the same in every cut`(text: String, expected: [StreamedEvent]) throws {
        for cut in [Int.max, 1, 2, 3] {
            #expect(try events(text, cut: cut) == expected, "cut \(cut)")
        }
    }

    @Test func `the last id counts when its event is complete`() throws {
        var reader = EventStreamReader(lastEventID: "1")
        _ = try read("id: 2\ndata: x\n", with: &reader)
        #expect(reader.lastEventID == "1")
        _ = try read("\n", with: &reader)
        #expect(reader.lastEventID == "2")
        // An id alone, as in a heartbeat that moves the position, counts as well.
        _ = try read("id: 3\n\nid: 4\n", with: &reader)
        #expect(reader.lastEventID == "3")
        reader.startAgain()
        let next = try read("data: y\n\n", with: &reader)
        #expect(next == [StreamedEvent(name: "message", data: "y", id: "3")])
    }

    @Test(arguments: [
        ("retry: 2740\n", Duration?.some(.milliseconds(2740))), ("retry: -1\n", nil),
        ("retry: 1.5\n", nil), ("retry:\n", nil), ("retry: 99999999999999999999\n", nil),
    ])
    func `the time to wait is a plain number`(text: String, expected: Duration?) throws {
        var reader = EventStreamReader()
        _ = try read(text, with: &reader)
        #expect(reader.retry == expected)
    }

    @Test(arguments: [
        "data: " + String(repeating: "a", count: 100), String(repeating: "data: aaa\n", count: 40),
        ":" + String(repeating: "a", count: 100),
    ])
    func `an event beyond the limit is an error`(text: String) {
        for cut in [Int.max, 1] {
            var reader = EventStreamReader(limit: 64)
            do {
                _ = try read(text, cut: cut, with: &reader)
                Issue.record("accepted")
            } catch {
                #expect(error as? ClientError == .bodyTooLarge(limit: 64))
            }
        }
    }
}
