// JSONScanner on whole texts: what it accepts, what it refuses and where, what it leaves out. The
// byte-by-byte cases of strings are in JSONBytesTests, the comparison with another implementation
// in DifferentialTests.

import Bytes
import Testing

@testable import JSON

@Suite struct `JSON scanner` {
    @Test func `the corpus is all there`() {
        #expect(Corpus.accepted.count > 200)
        #expect(Corpus.rejected.count > 300)
        #expect(Corpus.policy.count > 25)
    }

    @Test(arguments: Corpus.accepted)
    func `a valid text is accepted`(row: CorpusRow) {
        for offset in 0..<16 {
            #expect(fault(in: row.bytes, offset: offset) == nil)
        }
    }

    @Test(arguments: Corpus.rejected)
    func `an invalid text is refused for the first thing wrong with it`(row: CorpusRow) throws {
        let found = try #require(fault(in: row.bytes))
        #expect([found.reason.rawValue, String(found.offset)] == row.words)
        // The tree parser has its own state machine.
        guard case .failure(let inTree) = tree(row.bytes) else {
            Issue.record("the tree parser accepts it")
            return
        }
        #expect(inTree == found)
    }

    @Test(arguments: Corpus.policy)
    func `where the grammar leaves a choice, it is the documented one`(row: CorpusRow) throws {
        try #require(row.words.count == 2)
        #expect(fault(in: row.bytes)?.reason.rawValue ?? "yes" == row.words[0])
        switch tree(row.bytes) {
        case .success: #expect(row.words[1] == "yes")
        case .failure(let error): #expect(error.reason.rawValue == row.words[1])
        }
    }

    @Test(arguments: Corpus.accepted)
    func `every beginning of an array, object or string is refused`(row: CorpusRow) throws {
        let first = try #require(row.bytes.first { $0 > 0x20 })
        guard "[{\"".utf8.contains(first), row.bytes.allSatisfy({ $0 > 0x20 }) else { return }
        for length in 0..<row.bytes.count {
            let found = fault(in: Array(row.bytes[..<length]))
            #expect(found != nil, "cut to \(length) bytes")
            #expect(found?.offset ?? 0 <= length)
        }
    }

    @Test(arguments: [
        ("{}", JSONKind.object, false, false),
        ("[]", .array, false, false),
        ("\" \\n\"", .string, false, false),
        ("-1", .number, false, false),
        ("true", .true, false, false),
        ("false", .false, false, false),
        ("null", .null, false, false),
        (" null", .null, true, false),
        ("null\t", .null, true, false),
        ("{\"a\": 1}", .object, true, false),
        ("{\"a\" :1}", .object, true, false),
        ("{ \"a\":1}", .object, true, false),
        ("{\"a\":1 }", .object, true, false),
        ("{\"a\":1, \"b\":2}", .object, true, false),
        ("{ }", .object, true, false),
        ("[1,\n2]", .array, true, true),
        ("[1,2\r]", .array, true, true),
        ("[1,2]\n", .array, true, true),
        ("\r\n[]", .array, true, true),
        ("[\" \",\"\\n\"]", .array, false, false),
    ])
    func `the shape says kind, blanks and line breaks`(
        text: String, kind: JSONKind, hasWhitespace: Bool, hasLineBreak: Bool
    ) throws {
        let shape = try withPlaced(Array(text.utf8)) { text in
            Result { try JSONScanner.validate(text) }
        }.get()
        let wanted = JSONShape(
            kind: kind, hasWhitespace: hasWhitespace, hasLineBreak: hasLineBreak)
        #expect(shape == wanted)
    }

    @Test func `an error reads as a sentence`() {
        let found = fault(in: Array(#"{"a_longer_key" "x"}"#.utf8))
        #expect(found?.description == "expected a colon after the object key, at byte 16")
    }
}

@Suite struct `JSON depth` {
    @Test(arguments: ["[", "{\"a\":", "[{\"a\":", "[ ", "[[],"])
    func `a million open brackets are refused at the limit`(unit: String) {
        let bytes = Array(String(repeating: unit, count: 1_000_000).utf8)
        let found = fault(in: bytes)
        #expect(found?.reason == .tooDeep)
        #expect(found?.offset ?? .max <= 64 * unit.utf8.count)
        guard case .failure(let inTree) = tree(bytes) else {
            Issue.record("the tree parser accepts it")
            return
        }
        #expect(inTree == found)
    }

    @Test(arguments: [1, 2, 63, 64, 65, 127, 128, 129, 512, 1023, 1024])
    func `a limit allows exactly that many containers`(limit: Int) {
        for pattern in ["[", "{", "[{", "[[{", "{{[", "[{{{[["] {
            let fits = nested(pattern, limit)
            #expect(fault(in: fits, maxDepth: limit) == nil)
            #expect((try? tree(fits, maxDepth: limit).get()) != nil)
            #expect(fault(in: fits, maxDepth: limit - 1)?.reason == .tooDeep)
            #expect(fault(in: nested(pattern, limit + 1), maxDepth: limit)?.reason == .tooDeep)
        }
    }

    @Test func `no limit goes beyond 1024`() {
        #expect(fault(in: nested("[", 1024), maxDepth: .max) == nil)
        #expect(fault(in: nested("[", 1025), maxDepth: .max)?.reason == .tooDeep)
    }

    @Test(arguments: [-1, 0])
    func `a limit of nothing allows scalars`(limit: Int) {
        #expect(fault(in: Array("1".utf8), maxDepth: limit) == nil)
        #expect(fault(in: Array("[]".utf8), maxDepth: limit)?.reason == .tooDeep)
    }

    @Test func `every bracket must be closed by its own kind at any depth`() {
        for depth in [1, 2, 63, 64, 65, 66, 128, 129, 200] {
            for pattern in ["[{", "[[{{"] {
                let text = nested(pattern, depth)
                for (place, byte) in text.enumerated() where byte == 0x5D || byte == 0x7D {
                    var wrong = text
                    wrong[place] = byte ^ 0x20
                    let found = fault(in: wrong, maxDepth: 1024)
                    #expect(found?.offset == place, "depth \(depth)")
                }
            }
        }
    }

    /// `depth` containers within each other, their kinds taken from `pattern` again and again.
    private func nested(_ pattern: String, _ depth: Int) -> [UInt8] {
        let kinds = Array(pattern)
        var text = ""
        for level in 0..<depth {
            let isObject = kinds[level % kinds.count] == "{"
            text += !isObject ? "[" : level + 1 < depth ? "{\"k\":" : "{"
        }
        for level in (0..<depth).reversed() {
            text += kinds[level % kinds.count] == "{" ? "}" : "]"
        }
        return Array(text.utf8)
    }
}

@Suite struct `JSON compaction` {
    @Test(arguments: [
        ("{ \"a\" : [ 1 , 2 ] }", "{\"a\":[1,2]}"),
        ("[\n  1,\n  2\n]\n", "[1,2]"),
        ("\r\n\"a b\"\t", "\"a b\""),
        ("[\"\\\" \", \"\\\\\", \" \"]", "[\"\\\" \",\"\\\\\",\" \"]"),
        ("[\"é 日 😀\", \"é 日 😀\"]", "[\"é 日 😀\",\"é 日 😀\"]"),
        ("1", "1"),
        (" 1 ", "1"),
        ("{}", "{}"),
        ("[1.50, 1E+2]", "[1.50,1E+2]"),
        (
            "[\"0123456789abcdef\\\\\" ,\"0123456\\\"  \" ]",
            "[\"0123456789abcdef\\\\\",\"0123456\\\"  \"]"
        ),
    ])
    func `blanks outside of strings go`(text: String, wanted: String) throws {
        var output = ByteBuffer()
        output.append("<")
        try compact(Array(text.utf8), &output)
        #expect(output.text() == "<" + wanted)
    }

    @Test func `nothing is appended on failure`() {
        var output = ByteBuffer()
        output.append("kept")
        #expect(throws: JSONError.self) { try compact(Array("[1, 2".utf8), &output) }
        #expect(output.text() == "kept")
    }

    @Test func `a compacted text means the same and has no blanks`() throws {
        var random = RandomJSON(seed: 7)
        for _ in 0..<2_000 {
            let text = random.document()
            var output = ByteBuffer()
            try compact(text, &output)
            let once = output.array()
            #expect(try tree(once).get() == tree(text).get())
            var again = ByteBuffer()
            let shape = try compact(once, &again)
            #expect(!shape.hasWhitespace && again.array() == once)
        }
    }

    @discardableResult
    private func compact(_ text: [UInt8], _ output: inout ByteBuffer) throws -> JSONShape {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: text.count, alignment: 1)
        defer { block.deallocate() }
        block.copyBytes(from: text)
        return try JSONScanner.compact(UnsafeRawBufferPointer(block), into: &output)
    }
}
