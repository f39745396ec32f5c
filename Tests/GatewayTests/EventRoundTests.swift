// Rounds: what waits goes out together, once encoded for all who get the same.

import Bytes
import Testing

@testable import Gateway

@Suite struct EventRoundTests {
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

    private func text(_ payload: Payload?) -> String? {
        payload.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    @Test func `each group gets what it asks for, all in one piece`() throws {
        var round = EventRound()
        for (sequence, name) in [(4, "a.x"), (5, "b.x"), (6, "a.y")] as [(UInt64, String)] {
            round.append(event(sequence, name))
        }
        let some = round.payload(for: try kind("a.*"), encoder)
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
        #expect(round.payload(for: try kind("c"), encoder) == nil)
        let chunk = try #require(
            text(round.payload(for: try kind("b.*", isChunked: true), encoder)?.payload))
        #expect(
            chunk == "26\r\nid: k3f9abcd-5\nevent: b.x\ndata: 1\n\n\r\n"
                || chunk.hasSuffix("\n\n\r\n"))
        #expect(round.first == 4 && round.last == 6 && round.count == 3)
    }

    @Test func `groups with the same bytes share them`() throws {
        var round = EventRound()
        round.append(event(1, "a.x"))
        round.append(event(2, "a.y"))
        let one = round.payload(for: try kind("a.*", isChunked: true), encoder)?.payload
        let other = round.payload(for: try kind("**", isChunked: true), encoder)?.payload
        #expect(one != nil && one === other)
        // A single event is shared even by those who get others besides.
        let exact = round.payload(for: try kind("a.x"), encoder)?.payload
        #expect(exact === round.payload(for: try kind("a.x"), encoder)?.payload)
    }

    @Test func `a stream that came late gets the rest of the round`() throws {
        var round = EventRound()
        for sequence in 1...4 { round.append(event(UInt64(sequence), "a")) }
        let rest = round.payload(for: try kind("a"), after: 2, encoder)
        #expect(rest?.events == 2)
        #expect(text(rest?.payload)?.contains("abcd-2\n") == false)
        #expect(round.payload(for: try kind("a"), after: 4, encoder) == nil)
        round.removeAll()
        #expect(round.isEmpty && round.byteCount == 0)
        #expect(round.payload(for: try kind("a"), encoder) == nil)
    }

    @Test func `CloudEvents come as data, as lines, and as elements of an array`() throws {
        let object =
            #"{"specversion":"1.0","id":"k3f9abcd-7","source":"/box/v1/signals","type":"a.x","#
            + #""time":"1970-01-01T00:00:01.000Z","data":{"n":[1]}}"#
        var round = EventRound()
        round.append(event(7, "a.x", #"{"n":[1]}"#))
        #expect(
            text(round.payload(for: try kind("a.x", .cloudEvents), encoder)?.payload)
                == "id: k3f9abcd-7\ndata: \(object)\n\n")
        #expect(
            text(round.payload(for: try kind("a.x", .lines), encoder)?.payload) == object + "\n")
        #expect(text(round.payload(for: try kind("a.x", .array), encoder)?.payload) == object)
        round.append(event(8, "a.x", "2"))
        let pair = try #require(text(round.payload(for: try kind("a.x", .array), encoder)?.payload))
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
