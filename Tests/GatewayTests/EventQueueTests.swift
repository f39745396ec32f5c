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

    /// What streams are given that want the events at `places`.
    private func given(
        _ queue: inout EventQueue, _ places: [UInt64], _ format: StreamFormat = .named,
        isChunked: Bool = false, after position: UInt64 = 0
    ) -> (payload: Payload, events: Int)? {
        let kind = StreamKind(
            filter: SignalFilter([]), format: format, isChunked: isChunked, isCompressed: false)
        return queue.payload(for: kind, ContiguousArray(places), after: position, encoder)
    }

    private func text(_ payload: Payload?) -> String? {
        payload.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    @Test func `each group gets what it asks for, all in one piece`() {
        var queue = EventQueue()
        for (sequence, name) in [(4, "a.x"), (5, "b.x"), (6, "a.y")] as [(UInt64, String)] {
            queue.append(event(sequence, name), groups: 1)
        }
        let some = given(&queue, [0, 2])
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
        #expect(given(&queue, []) == nil)
        let chunk = text(given(&queue, [1], isChunked: true)?.payload)
        #expect(chunk == "23\r\nid: k3f9abcd-5\nevent: b.x\ndata: 1\n\n\r\n")
        #expect(queue.sequence(0) == 4 && queue.sequence(2) == 6)
    }

    @Test func `groups with the same bytes share them`() {
        var queue = EventQueue()
        for sequence in 1...3 { queue.append(event(UInt64(sequence), "a"), groups: 2) }
        let one = given(&queue, [0, 2], isChunked: true)?.payload
        let other = given(&queue, [0, 2], isChunked: true)?.payload
        #expect(one != nil && one === other)
        #expect(given(&queue, [0, 1], isChunked: true)?.payload !== one)
        // A single event is shared even by those who get others besides.
        let exact = given(&queue, [1])?.payload
        let again = given(&queue, [1])?.payload
        #expect(exact != nil && exact === again)
    }

    @Test func `a stream that came late gets the rest of the round`() {
        var queue = EventQueue()
        for sequence in 1...4 { queue.append(event(UInt64(sequence), "a"), groups: 1) }
        let whole = given(&queue, [0, 1, 3])
        let rest = given(&queue, [0, 1, 3], after: 2)
        #expect(whole?.events == 3 && rest?.events == 1)
        #expect(text(rest?.payload)?.hasPrefix("id: k3f9abcd-4\n") == true)
        #expect(given(&queue, [0, 1, 3], after: 4) == nil)
        // It does not pass for what the others get.
        #expect(given(&queue, [0, 1, 3])?.payload === whole?.payload)
    }

    @Test func `what all groups have been given is forgotten`() {
        var queue = EventQueue()
        for sequence in 1...4 { queue.append(event(UInt64(sequence), "a"), groups: 2) }
        let each = queue.byteCount / 4
        queue.passed([0, 1, 2])
        #expect(queue.count == 4)
        queue.passed([0])
        #expect(queue.count == 3 && queue.byteCount == 3 * each)
        // Places count on.
        #expect(queue.end == 4 && queue.sequence(1) == 2)
        queue.append(event(5, "a"), groups: 1)
        queue.passed([3, 4])
        queue.passed([1, 2])
        // The last one has been given to all, but waits behind another.
        #expect(queue.count == 2 && queue.sequence(4) == 5)
        queue.passed([3])
        #expect(queue.isEmpty && queue.byteCount == 0 && queue.end == 5)
        // Nothing is not too little.
        queue.passed([])
        #expect(queue.count == 0 && queue.end == 5)
    }

    @Test func `CloudEvents come as data, as lines, and as elements of an array`() throws {
        let object =
            #"{"specversion":"1.0","id":"k3f9abcd-7","source":"/box/v1/signals","type":"a.x","#
            + #""time":"1970-01-01T00:00:01.000Z","data":{"n":[1]}}"#
        var queue = EventQueue()
        queue.append(event(7, "a.x", #"{"n":[1]}"#), groups: 1)
        #expect(
            text(given(&queue, [0], .cloudEvents)?.payload)
                == "id: k3f9abcd-7\ndata: \(object)\n\n")
        #expect(
            text(given(&queue, [0], .lines)?.payload) == object + "\n")
        #expect(text(given(&queue, [0], .array)?.payload) == object)
        queue.append(event(8, "a.x", "2"), groups: 1)
        let pair = try #require(text(given(&queue, [0, 1], .array)?.payload))
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
