// JSONValue, JSONObject, JSONTreeParser and JSONTreeWriter: trees from text and back.

import Bytes
import Testing

@testable import JSON

@Suite struct `JSON values` {
    @Test func `a text becomes a tree`() throws {
        let value = try JSONValue.parse(
            #" {"a":[1,-2.50,"x\n\u00e9",true,false,null,{},[]],"b":{"c":{"d":[[]]}}} "#)
        let wanted: JSONValue = [
            "a": [1, -2.5, "x\né", true, false, nil, [:], []], "b": ["c": ["d": [[]]]],
        ]
        #expect(value == wanted)
        #expect(value["a"]?[1]?.number?.text == "-2.50")
    }

    @Test(arguments: Corpus.accepted)
    func `every valid text becomes a tree that can be written`(row: CorpusRow) throws {
        let value = try tree(row.bytes).get()
        #expect(try JSONValue.parse(value.text) == value)
    }

    @Test func `writing and reading again changes nothing`() throws {
        var random = RandomJSON(seed: 11)
        for _ in 0..<2_000 {
            let text = random.document()
            let value = try tree(text).get()
            let written = value.text
            #expect(try JSONValue.parse(written) == value)
            #expect(try JSONValue.parse(written).text == written)
        }
    }

    @Test func `numbers keep their notation and members their order`() throws {
        let text = #"{"z":1.00,"a":1E+2,"m":-0,"k":123456789012345678901234567890}"#
        #expect(try JSONValue.parse(text).text == text)
    }

    @Test func `a tree as deep as memory allows can be written`() {
        var value: JSONValue = []
        for _ in 0..<2_000 { value = [value] }
        #expect(
            value.text == String(repeating: "[", count: 2_001)
                + String(repeating: "]", count: 2_001))
    }

    @Test func `half a surrogate pair becomes a replacement character`() throws {
        #expect(try JSONValue.parse(#""a\ud800b""#) == "a\u{FFFD}b")
    }

    @Test func `a duplicate key is refused where it stands`() {
        let wanted = JSONError(.duplicateKey, at: 15)
        #expect(
            tree(Array(#"{"a":1,"b":1,"a":2}"#.utf8)) == .failure(JSONError(.duplicateKey, at: 14)))
        #expect(
            tree(Array(#"[{"a":{},"b":[],"a":2}]"#.utf8))
                == .failure(JSONError(.duplicateKey, at: 17)))
        #expect(tree(Array(#"{"a":1,"b":12,"a":{"a":3}}"#.utf8)) == .failure(wanted))
    }

    @Test func `accessors answer for their own kind only`() {
        let values: [JSONValue] = [nil, true, 1, "s", [2], ["k": 3]]
        #expect(values.map(\.isNull) == [true, false, false, false, false, false])
        #expect(values.map(\.bool) == [nil, true, nil, nil, nil, nil])
        #expect(values.map(\.int) == [nil, nil, 1, nil, nil, nil])
        #expect(values.map(\.double) == [nil, nil, 1.0, nil, nil, nil])
        #expect(values.map(\.string) == [nil, nil, nil, "s", nil, nil])
        #expect(values.map { $0.array?.count } == [nil, nil, nil, nil, 1, nil])
        #expect(values.map { $0.object?.count } == [nil, nil, nil, nil, nil, 1])
        #expect(values.map { $0["k"] } == [nil, nil, nil, nil, nil, 3])
        #expect(values.map { $0[0] } == [nil, nil, nil, nil, 2, nil])
        #expect(values.map(\.kind) == [.null, .true, .number, .string, .array, .object])
        #expect(values[4][1] == nil && values[4][-1] == nil)
    }

    @Test func `equality is by value and not by notation`() throws {
        let same = [
            (#"{"a":1,"b":2}"#, #"{"b":2.0,"a":1e0}"#), ("[1.50]", "[15e-1]"),
            (#""\u0041""#, #""A""#),
        ]
        for (left, right) in same {
            let values = try [JSONValue.parse(left), JSONValue.parse(right)]
            #expect(values[0] == values[1])
            #expect(Set(values).count == 1)
        }
        let different = [
            ("[1,2]", "[2,1]"), ("1", #""1""#), ("0", "false"), ("null", "0"), ("{}", "[]"),
            ("[]", "null"), (#"{"a":1}"#, #"{"a":1,"b":1}"#), (#"{"a":1}"#, #"{"b":1}"#),
            ("\"é\"", "\"e\u{301}\""), ("[[]]", "[[[]]]"),
        ]
        for (left, right) in different {
            let values = try [JSONValue.parse(left), JSONValue.parse(right)]
            #expect(values[0] != values[1], "\(left) \(right)")
        }
    }
}

@Suite struct `JSON objects` {
    @Test(arguments: [0, 1, 5, 8, 9, 10, 50])
    func `members are found, replaced and removed at every size`(count: Int) throws {
        var object = JSONObject()
        for index in 0..<count {
            let isNew = object.append("k\(index)", JSONValue(integerLiteral: index))
            let isNewAgain = object.append("k\(index)", nil)
            #expect(isNew && !isNewAgain)
        }
        #expect(object.count == count && object.isEmpty == (count == 0))
        #expect(object["none"] == nil)
        for index in 0..<count {
            #expect(object["k\(index)"]?.int == index)
        }
        for index in 0..<count {
            object["k\(index)"] = .string("v\(index)")
            #expect(object["k\(index)"] == .string("v\(index)"))
            #expect(object.members[index].key == "k\(index)")
        }
        for index in 0..<count {
            object["k\(index)"] = nil
            #expect(object["k\(index)"] == nil)
            #expect(object.count == count - index - 1)
            if index + 1 < count { #expect(object["k\(index + 1)"] != nil) }
        }
    }

    @Test func `removing from a large object leaves the others findable`() {
        var object = JSONObject()
        for index in 0..<40 { object["k\(index)"] = JSONValue(integerLiteral: index) }
        for index in stride(from: 0, to: 40, by: 2) { object["k\(index)"] = nil }
        object["new"] = true
        for index in 0..<40 {
            #expect(object["k\(index)"]?.int == (index % 2 == 0 ? nil : index))
        }
        #expect(object["new"] == true && object.members.last?.key == "new")
    }

    @Test func `keys are compared by code points`() {
        let object: JSONObject = ["é": 1, "e\u{301}": 2]
        #expect(object.count == 2)
        #expect(object["é"] == 1 && object["e\u{301}"] == 2)
    }

    @Test func `of a literal's equal keys the last value counts`() {
        let object: JSONObject = ["a": 1, "b": 2, "a": 3]
        #expect(object.members.map(\.key) == ["a", "b"] && object["a"] == 3)
        let value: JSONValue = ["a": 1, "a": 2]
        #expect(value == ["a": 2])
    }
}
