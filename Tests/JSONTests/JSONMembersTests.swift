// JSONMembers and JSONElements: cutting the top level of a text, and refusing keys that come twice.

import Testing

@testable import JSON

@Suite struct `JSON members and elements` {
    @Test(
        arguments: [
            ("{}", []),
            (" { } ", []),
            ("{\"a\":1}", ["a=1"]),
            ("{ \"a\" : 1 , \"b\" : [ 2 , 3 ] }", ["a=1", "b=[ 2 , 3 ]"]),
            ("{\"\":{}, \"a\\nb\":\"x\"}", ["={}", "a\\nb=\"x\""]),
        ] as [(String, [String])])
    func `members come in order, without the blanks around them`(
        text: String, wanted: [String]
    ) throws {
        #expect(try members(text).get() == wanted)
    }

    @Test(
        arguments: [
            ("[]", []), ("[ ]", []), ("[1]", ["1"]),
            (" [ 1 , [ 2 ] , \"a\" ]\n", ["1", "[ 2 ]", "\"a\""]),
        ] as [(String, [String])])
    func `elements come in order, without the blanks around them`(
        text: String, wanted: [String]
    ) throws {
        #expect(try elements(text).get() == wanted)
    }

    @Test(arguments: Corpus.rejected)
    func `a fault is found like by the scanner`(row: CorpusRow) {
        guard let found = fault(in: row.bytes) else { return }
        let text = String(decoding: row.bytes, as: UTF8.self)
        guard Array(text.utf8) == row.bytes else { return }
        switch text.first {
        case "{": #expect(members(text) == .failure(found))
        case "[": #expect(elements(text) == .failure(found))
        default: break
        }
    }

    @Test(arguments: ["[]", "1", "\"\"", "null"])
    func `another value than an object has no members`(text: String) {
        #expect(members(text) == .failure(JSONError(.notAnObject, at: 0)))
    }

    @Test(arguments: ["{}", "1", "\"\"", "null"])
    func `another value than an array has no elements`(text: String) {
        #expect(elements(text) == .failure(JSONError(.notAnArray, at: 0)))
    }

    @Test(arguments: [
        ("{\"a\":1,\"a\":2}", 8),
        ("{\"a\":1,\"\\u0061\":2}", 8),
        ("{\"\\u0061\":1,\"a\":2}", 13),
        ("{\"\\u0061\":1,\"\\u0061\":2}", 13),
        ("{\"\":1,\"b\":2,\"\":3}", 13),
        ("{\"\\ud800\":1,\"\\uD800\":2}", 13),
        ("{\"\\ud83d\\ude00\":1,\"😀\":2}", 19),
    ])
    func `a key must not come twice, escapes decoded`(text: String, offset: Int) throws {
        #expect(members(text) == .failure(JSONError(.duplicateKey, at: offset)))
        #expect(try members(text, duplicates: .allow).get().count >= 2)
    }

    @Test(arguments: [
        "{\"\\ud800\":1,\"\\ud801\":2}", "{\"\\ud800\":1,\"\\ufffd\":2}",
        "{\"é\":1,\"e\u{301}\":2}",
        "{\"a\":1,\"A\":2}", "{\"\\u0000\":1,\"\":2}",
    ])
    func `keys that differ by a bit are different`(text: String) throws {
        #expect(try members(text).get().count == 2)
    }

    @Test(arguments: [2, 7, 8, 9, 10, 17, 100, 2_000])
    func `a repeated key is found among many, wherever it is`(count: Int) throws {
        let keys = (0..<count).map { "\"key-\($0)\"" }
        let text = keys.map { "\($0):0" }.joined(separator: ",")
        #expect(try members("{\(text)}").get().count == count)
        for repeated in [0, count / 2, count - 1] {
            let found = members("{\(text),\(keys[repeated]):0}")
            #expect(found == .failure(JSONError(.duplicateKey, at: text.utf8.count + 3)))
            let escaped = members("{\(text),\"\\u006bey-\(repeated)\":0}")
            #expect(escaped == .failure(JSONError(.duplicateKey, at: text.utf8.count + 3)))
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `many containers before many blanks are cut in linear time`() throws {
        let inside = String(repeating: "[],", count: 200_000) + "0"
        let blanks = String(repeating: " ", count: 1_000_000)
        #expect(try elements("[\(inside)]\(blanks)").get().count == 200_001)
        #expect(
            elements("[\(inside)\(blanks)") == .failure(JSONError(.unexpectedEnd, at: 1_600_002)))
    }

    @Test func `keys within the members may repeat, they are not looked at`() throws {
        #expect(try members("{\"a\":{\"b\":1,\"b\":2}}").get().count == 1)
    }

    @Test func `the depth limit counts the outer container`() throws {
        #expect(try members("{\"a\":[]}", maxDepth: 2).get().count == 1)
        #expect(members("{\"a\":[]}", maxDepth: 1) == .failure(JSONError(.tooDeep, at: 5)))
        #expect(elements("[]", maxDepth: 0) == .failure(JSONError(.tooDeep, at: 0)))
        #expect(members("{}", maxDepth: .min) == .failure(JSONError(.tooDeep, at: 0)))
    }

    private func members(
        _ text: String, maxDepth: Int = 64, duplicates: JSONScanner.DuplicateKeys = .refuse
    ) -> Result<[String], JSONError> {
        withPlaced(Array(text.utf8)) { bytes in
            var found: [String] = []
            do throws(JSONError) {
                try JSONScanner.members(of: bytes, maxDepth: maxDepth, duplicates: duplicates) {
                    key, value in
                    let parts = [key, value].map {
                        String(decoding: $0.slice(of: bytes), as: UTF8.self)
                    }
                    found.append(parts.joined(separator: "="))
                }
            } catch {
                return .failure(error)
            }
            return .success(found)
        }
    }

    private func elements(_ text: String, maxDepth: Int = 64) -> Result<[String], JSONError> {
        withPlaced(Array(text.utf8)) { bytes in
            var found: [String] = []
            do throws(JSONError) {
                try JSONScanner.elements(of: bytes, maxDepth: maxDepth) {
                    found.append(String(decoding: $0.slice(of: bytes), as: UTF8.self))
                }
            } catch {
                return .failure(error)
            }
            return .success(found)
        }
    }
}

@Suite struct `JSON spans` {
    @Test func `a span outside of the text is empty`() {
        withPlaced([1, 2, 3]) { text in
            #expect(Array(JSONSpan(start: 1, end: 3).slice(of: text)) == [2, 3])
            for (start, end) in [(0, 4), (-1, 2), (2, 1), (Int.min, Int.max), (4, 4)] {
                #expect(JSONSpan(start: start, end: end).slice(of: text).isEmpty)
            }
        }
    }

    @Test(arguments: [(0, 0, 0, 0), (0, 1, 0, 0), (0, 2, 1, 1), (3, 9, 4, 8)])
    func `the quotes can be taken off`(start: Int, end: Int, wantedStart: Int, wantedEnd: Int) {
        let wanted = JSONSpan(start: wantedStart, end: wantedEnd)
        #expect(JSONSpan(start: start, end: end).unquoted == wanted)
    }
}
