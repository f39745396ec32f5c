// The queue of events: what waits goes out together, once encoded for all who get the same, and is
// forgotten when all have been given it.

import Bytes
import Testing

@testable import Gateway

@Suite struct EventQueueTests {
    private let encoder = EventEncoder(epoch: SignalEpoch("k3f9abcd"), basePath: "/box")

    private func event(_ sequence: UInt64, _ name: String, _ data: String = "1") -> SignalEvent {
        SignalEvent(
            sequence: sequence, name: Payload(Array(name.utf8)), data: Payload(Array(data.utf8)),
            wallNanos: 1_000_000_000)
    }

    private func kind(
        _ pattern: String, _ format: StreamFormat = .named, isChunked: Bool = false
    ) throws -> StreamKind {
        StreamKind(
            filter: SignalFilter([try #require(SignalPattern(pattern))]), format: format,
            isChunked: isChunked, isCompressed: false)
    }

    /// What streams that want `pattern` are given of all that waits.
    private func given(
        _ queue: inout EventQueue, _ pattern: String, _ format: StreamFormat = .named,
        isChunked: Bool = false, after position: UInt64 = 0
    ) throws -> (payload: Payload, events: Int)? {
        let places = queue.end - UInt64(queue.count)..<queue.end
        return queue.payload(
            for: try kind(pattern, format, isChunked: isChunked), places, after: position, encoder)
    }

    private func text(_ payload: Payload?) -> String? {
        payload.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    @Test func `each group gets what it asks for, all in one piece`() throws {
        var queue = EventQueue()
        for (sequence, name) in [(4, "a.x"), (5, "b.x"), (6, "a.y")] as [(UInt64, String)] {
            queue.append(event(sequence, name), groups: 1)
        }
        let some = try given(&queue, "a.*")
        #expect(some?.events == 2)
        #expect(
            text(some?.payload) == """
                id: k3f9abcd-4
                event: a.x
                data: 1

                id: k3f9abcd-6
                event: a.y
                data: 1


                """)
        #expect(try given(&queue, "c") == nil)
        let chunk = try #require(
            text(try given(&queue, "b.*", isChunked: true)?.payload))
        #expect(chunk == "23\r\nid: k3f9abcd-5\nevent: b.x\ndata: 1\n\n\r\n")
        #expect(queue.sequences(0..<3) == 4...6 && queue.sequences(1..<2) == 5...5)
    }

    @Test func `groups with the same bytes share them`() throws {
        var queue = EventQueue()
        queue.append(event(1, "a.x"), groups: 1)
        queue.append(event(2, "a.y"), groups: 1)
        let one = try given(&queue, "a.*", isChunked: true)?.payload
        let other = try given(&queue, "**", isChunked: true)?.payload
        #expect(one != nil && one === other)
        // A single event is shared even by those who get others besides.
        let exact = try given(&queue, "a.x")?.payload
        let again = try given(&queue, "a.x")?.payload
        #expect(exact != nil && exact === again)
    }

    @Test func `a stream that came late gets the rest of the round`() throws {
        var queue = EventQueue()
        for sequence in 1...4 { queue.append(event(UInt64(sequence), "a"), groups: 1) }
        let rest = try given(&queue, "a", after: 2)
        #expect(rest?.events == 2)
        #expect(text(rest?.payload)?.contains("abcd-2\n") == false)
        #expect(try given(&queue, "a", after: 4) == nil)
    }

    @Test func `what all groups have been given is forgotten`() throws {
        var queue = EventQueue()
        for sequence in 1...4 { queue.append(event(UInt64(sequence), "a"), groups: 2) }
        let each = queue.byteCount / 4
        queue.passed(0..<3)
        #expect(queue.count == 4)
        queue.passed(0..<1)
        #expect(queue.count == 3 && queue.byteCount == 3 * each)
        // Places count on.
        #expect(queue.end == 4 && queue.sequences(1..<4) == 2...4)
        queue.append(event(5, "a"), groups: 1)
        queue.passed(3..<5)
        queue.passed(1..<3)
        // The last one has been given to all, but waits behind another.
        #expect(queue.count == 2 && queue.sequences(3..<5) == 4...5)
        queue.passed(3..<4)
        #expect(queue.isEmpty && queue.byteCount == 0 && queue.end == 5)
        // Nothing is not too little.
        queue.passed(5..<5)
        #expect(try given(&queue, "a") == nil)
    }

    @Test func `CloudEvents come as data, as lines, and as elements of an array`() throws {
        let object =
            #"{"specversion":"1.0","id":"k3f9abcd-7","source":"/box/v1/signals","type":"a.x","#
            + #""time":"1970-01-01T00:00:01.000Z","data":{"n":[1]}}"#
        var queue = EventQueue()
        queue.append(event(7, "a.x", #"{"n":[1]}"#), groups: 1)
        #expect(
            text(try given(&queue, "a.x", .cloudEvents)?.payload)
                == "id: k3f9abcd-7\ndata: \(object)\n\n")
        #expect(
            text(try given(&queue, "a.x", .lines)?.payload) == object + "\n")
        #expect(text(try given(&queue, "a.x", .array)?.payload) == object)
        queue.append(event(8, "a.x", "2"), groups: 1)
        let pair = try #require(text(try given(&queue, "a.x", .array)?.payload))
        #expect(pair.hasPrefix(object + ",{") && pair.hasSuffix(#""data":2}"#))
    }

    @Test(arguments: StreamFormat.allCases)
    func `a gap tells what is lost of which signal`(format: StreamFormat) {
        let gap = SignalGap(
            from: "old-1\u{7}\"\r\n",
            losses: [.init(signal: "a", upTo: 5), .init(signal: "b", upTo: 9)],
            position: 3, reason: .evicted)
        var out = ByteBuffer()
        encoder.append(gap, format, to: &out)
        let text = out.text()
        #expect(text.contains(#""signals":["a","b"]"#) && text.contains(#""to":"k3f9abcd-9""#))
        #expect(text.contains(#""lost":{"a":"k3f9abcd-5","b":"k3f9abcd-9"}"#))
        #expect(text.contains(#""reason":"evicted""#))
        // What a client sent as its id cannot begin a line of its own.
        #expect(!text.contains("\r") && text.contains(#"old-1\u0007\"\r\n"#))
        #expect(text.contains("event: signalbox.gap") == (format == .named))
        #expect(text.contains("k3f9abcd-3"))
    }
}
