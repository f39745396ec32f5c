import Bytes
import Testing

@testable import Notifier

@Suite struct LineFramingTests {
    /// What was passed over of each line that was too long; the last is still being passed over.
    private final class Skipped { var lines = [""] }

    /// What was found, as text: `.line` as it is, `?` before a partial line, `!` before the
    /// beginning of a line that is too long.
    private func frame(
        _ chunks: [ArraySlice<UInt8>], maxLength: Int, _ skipped: Skipped = Skipped()
    ) -> [String] {
        var framing = LineFraming(maxLength: maxLength)
        let pool = BufferPool()
        var found: [String] = []
        func note(_ item: LineFraming.Found) -> Bool {
            switch item {
            case .line(let bytes): found.append(String(decoding: bytes, as: UTF8.self))
            case .partial(let bytes): found.append("?" + String(decoding: bytes, as: UTF8.self))
            case .overlong(let bytes): found.append("!" + String(decoding: bytes, as: UTF8.self))
            case .skipped(let bytes, let isLast):
                skipped.lines[skipped.lines.count - 1] += String(decoding: bytes, as: UTF8.self)
                if isLast { skipped.lines.append("") }
            }
            return true
        }
        for chunk in chunks {
            let isWanted = chunk.withUnsafeBytes { framing.feed($0, pool, note) }
            #expect(isWanted)
        }
        framing.finish(pool, note)
        return found
    }

    static let cases: [(String, [String])] = [
        ("one\ntwo\nthree", ["one", "two", "?three"]),
        ("one\r\ntwo\r\n", ["one", "two"]),
        ("\n\n\r\n", ["", "", ""]),
        ("", []),
        ("\r", ["?\r"]),
        ("a\rb\n", ["a\rb"]),
        ("a\r\r\n", ["a\r"]),
        ("a\0b\n", ["a\0b"]),
        ("12345678\n", ["12345678"]),
        ("12345678\r\n", ["12345678"]),
        ("12345678\r", ["?12345678\r"]),
    ]

    @Test(arguments: cases)
    func `lines are the same however the bytes are cut`(text: String, lines: [String]) {
        let bytes = Array(text.utf8)
        #expect(frame([bytes[...]], maxLength: 8) == lines)
        #expect(frame(bytes.indices.map { bytes[$0...$0] }, maxLength: 8) == lines)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let chunks = [bytes[..<first], bytes[first..<second], bytes[second...]]
                #expect(frame(chunks, maxLength: 8) == lines)
            }
        }
    }

    @Test(arguments: ["123456789", "12345678\rx", "1234567890123456789", "123456789\r"])
    func `a line that is too long is reported once, wherever it is cut`(long: String) {
        let bytes = Array("a\n\(long)\nb\n".utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let chunks = [bytes[..<first], bytes[first..<second], bytes[second...]]
                let skipped = Skipped()
                let found = frame(chunks, maxLength: 8, skipped)
                #expect(found.count == 3)
                #expect(found.first == "a" && found.last == "b")
                let beginning = found[1]
                #expect(beginning.hasPrefix("!"))
                #expect(long.hasPrefix(beginning.dropFirst()) && beginning.utf8.count <= 9)
                // Nothing of it is lost on the way, but perhaps the CR of its end.
                #expect(skipped.lines.count == 2 && skipped.lines[1] == "")
                let all = beginning.dropFirst() + skipped.lines[0]
                #expect(all == long || all + "\r" == long, "\(all)")
            }
        }
    }

    @Test func `the rest of a line that is too long is no partial line`() {
        let bytes = Array("123456789012345678901234".utf8)
        #expect(frame(bytes.indices.map { bytes[$0...$0] }, maxLength: 8) == ["!12345678"])
    }

    @Test func `a sink that wants no more gets no more`() {
        var framing = LineFraming(maxLength: 8)
        let pool = BufferPool()
        var count = 0
        let isWanted = Array("a\nb\nc\n".utf8).withUnsafeBytes { chunk in
            framing.feed(chunk, pool) { _ in
                count += 1
                return count < 2
            }
        }
        #expect(!isWanted)
        #expect(count == 2)
    }

    @Test func `long lines across many chunks come whole`() {
        let text = String(repeating: "x", count: 300_000)
        let bytes = Array("\(text)\n\(text)\n".utf8)
        let chunks = stride(from: 0, to: bytes.count, by: 65536).map {
            bytes[$0..<min($0 + 65536, bytes.count)]
        }
        #expect(frame(chunks, maxLength: 300_000) == [text, text])
    }
}
