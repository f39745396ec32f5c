// JSONWriter and JSONEscape: commas, escapes, and that nothing which is written is refused.

import Bytes
import Testing

@testable import JSON

@Suite struct `JSON writer` {
    @Test func `commas and colons come by themselves`() {
        let text = written { writer in
            writer.beginObject()
            writer.key("a")
            writer.int(-1)
            writer.key("b")
            writer.beginArray()
            writer.null()
            writer.bool(true)
            writer.bool(false)
            writer.beginArray()
            writer.endArray()
            writer.beginObject()
            writer.endObject()
            writer.string("x")
            writer.double(0.5)
            writer.endArray()
            writer.key("c" as String)
            writer.beginObject()
            writer.key("d")
            writer.value(["e": [1, 2]])
            writer.endObject()
            writer.endObject()
        }
        #expect(
            text == #"{"a":-1,"b":[null,true,false,[],{},"x",0.5],"c":{"d":{"e":[1,2]}}}"#)
    }

    @Test func `writing goes on behind what is there`() {
        var output = ByteBuffer()
        output.append("data: ")
        JSONWriter.append(to: &output) { $0.int(Int.min) }
        output.append("\n")
        JSONWriter.append(to: &output) { $0.string("é") }
        #expect(output.text() == "data: -9223372036854775808\n\"é\"")
    }

    @Test func `a writer can own its buffer`() {
        var writer = JSONWriter()
        writer.beginArray()
        writer.int(1)
        writer.int(2)
        writer.endArray()
        #expect(writer.finish().text() == "[1,2]")
    }

    @Test(arguments: [
        (0.0, "0.0"), (-0.0, "-0.0"), (1.5, "1.5"), (1e100, "1e+100"),
        (Double.leastNonzeroMagnitude, "5e-324"),
        (Double.greatestFiniteMagnitude, "1.7976931348623157e+308"), (.infinity, "null"),
        (-.infinity, "null"), (.nan, "null"), (0.1, "0.1"), (1e16, "1e+16"),
    ])
    func `doubles are numbers or null`(value: Double, wanted: String) {
        let text = written { $0.double(value) }
        #expect(text == wanted)
        #expect(fault(in: Array(text.utf8)) == nil)
    }

    @Test func `raw JSON is written as it is`() {
        let text = withPlaced(Array("[1, 2]x".utf8)) { bytes in
            written { writer in
                writer.beginArray()
                writer.raw(UnsafeRawBufferPointer(rebasing: bytes[0..<6]))
                writer.raw(JSONSpan(start: 1, end: 2), of: bytes)
                writer.endArray()
            }
        }
        #expect(text == "[[1, 2],1]")
    }

    @Test func `numbers keep their notation`() throws {
        let number = try #require(JSONNumber("1.50E+2"))
        #expect(written { $0.number(number) } == "1.50E+2")
    }

    private func written(_ body: (inout JSONWriter) -> Void) -> String {
        var output = ByteBuffer()
        JSONWriter.append(to: &output, body)
        return output.text()
    }
}

@Suite struct `JSON escaping` {
    @Test(arguments: [
        ("", ""), ("plain", "plain"), ("\"", "\\\""), ("\\", "\\\\"), ("/", "/"), ("\n", "\\n"),
        ("\r\t\u{8}\u{C}", "\\r\\t\\b\\f"), ("\0", "\\u0000"), ("\u{1}", "\\u0001"),
        ("\u{1F}", "\\u001f"), ("\u{B}", "\\u000b"), ("\u{7F}", "\u{7F}"), ("é日😀", "é日😀"),
        ("\u{2028}\u{2029}", "\u{2028}\u{2029}"), ("</script>", "</script>"),
        ("a\"b\\c\nd", "a\\\"b\\\\c\\nd"),
    ])
    func `what must be escaped is, and nothing else`(text: String, wanted: String) {
        #expect(escaped(Array(text.utf8)) == Array(wanted.utf8))
    }

    @Test(
        arguments: [
            ([0x80], 1), ([0xFF], 1), ([0xC3], 1), ([0xC3, 0x28], 1), ([0xE2, 0x82], 1),
            ([0xF0, 0x9F, 0x98], 1), ([0xF0, 0x9F, 0x41], 1), ([0xC0, 0x80], 2),
            ([0xED, 0xA0, 0x80], 3),
            ([0xF4, 0x90, 0x80, 0x80], 4), ([0xE0, 0x80, 0x80], 3), ([0xF5], 1),
            ([0xE2, 0x82, 0xC3], 2),
        ] as [([UInt8], Int)])
    func `broken UTF-8 is replaced like the standard library does`(bytes: [UInt8], count: Int) {
        let wanted = String(decoding: bytes, as: UTF8.self)
        #expect(escaped(bytes) == Array(wanted.utf8))
        #expect(wanted.unicodeScalars.count { $0 == "\u{FFFD}" } == count)
    }

    @Test func `a special byte is escaped at every place`() throws {
        for length in 0...40 {
            for place in 0...length {
                for special: [UInt8] in [[0x22], [0x5C], [0x0A], [0x00], [0xC3, 0xA9], [0xFF]] {
                    var bytes = [UInt8](repeating: 0x61, count: length)
                    bytes.insert(contentsOf: special, at: place)
                    let text = [0x22] + escaped(bytes) + [0x22]
                    let value = try tree(text).get()
                    #expect(value == .string(String(decoding: bytes, as: UTF8.self)))
                }
            }
        }
    }

    @Test func `any bytes become a valid string that reads back`() throws {
        var numbers = SeededNumbers(seed: 3)
        for _ in 0..<3_000 {
            let bytes = (0..<Int.random(in: 0...30, using: &numbers)).map { _ in
                UInt8.random(in: 0...255, using: &numbers)
            }
            let value = try tree([0x22] + escaped(bytes) + [0x22]).get()
            #expect(value == .string(String(decoding: bytes, as: UTF8.self)))
        }
    }

    private func escaped(_ bytes: [UInt8]) -> [UInt8] {
        withPlaced(bytes) { bytes in
            var output = ByteBuffer()
            JSONEscape.append(bytes, to: &output)
            return output.array()
        }
    }
}
