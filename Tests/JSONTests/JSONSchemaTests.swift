// JSONSchema: each keyword with values that satisfy it and values that do not, the messages a caller
// gets, and schemas that cannot be.

import Foundation
import Testing

@testable import JSON

@Suite struct `JSON schema` {
    /// A schema, texts that conform, texts that do not.
    typealias Row = (schema: String, good: [String], bad: [String])

    static let rows: [Row] = [
        ("{}", ["1", "null", "[]", "{\"a\":1}"], []),
        ("true", ["1"], []),
        ("false", [], ["1", "null", "{}"]),
        (#"{"type":"null"}"#, ["null"], ["0", "false", "\"\""]),
        (#"{"type":"boolean"}"#, ["true", "false"], ["0", "null"]),
        (#"{"type":"integer"}"#, ["0", "-3", "1.0", "1e2", "10e-1"], ["1.5", "1e-1", "\"1\""]),
        (#"{"type":"number"}"#, ["0", "1.5", "1e400"], ["\"1\"", "null"]),
        (#"{"type":"string"}"#, ["\"\""], ["1"]),
        (#"{"type":"array"}"#, ["[]"], ["{}"]),
        (#"{"type":"object"}"#, ["{}"], ["[]"]),
        (#"{"type":["integer","null"]}"#, ["1", "null"], ["1.5", "\"\""]),
        (#"{"type":["integer","number"]}"#, ["1.5"], ["true"]),
        (
            #"{"enum":[1,"a",null,[1,{"b":2}]]}"#, ["1.0", "\"a\"", "[1,{\"b\":2}]"],
            ["2", "[1]", "true"]
        ),
        (#"{"enum":[]}"#, [], ["1"]),
        (#"{"const":{"a":1,"b":[2]}}"#, [#"{"b":[2.0],"a":1}"#], ["{}", #"{"a":1}"#]),
        (#"{"const":false}"#, ["false"], ["0", "null"]),
        (#"{"const":null}"#, ["null"], ["0", "false"]),
        (
            #"{"properties":{"a":{"type":"integer"},"b":false}}"#,
            ["{}", #"{"a":1}"#, #"{"c":1}"#, "1"], [#"{"a":""}"#, #"{"b":1}"#]
        ),
        (#"{"required":["a","b"]}"#, [#"{"a":1,"b":null}"#, "[]"], ["{}", #"{"a":1}"#]),
        (#"{"required":[]}"#, ["{}"], []),
        (
            #"{"properties":{"a":{}},"additionalProperties":false}"#, ["{}", #"{"a":1}"#],
            [#"{"b":1}"#]
        ),
        (#"{"additionalProperties":{"type":"string"}}"#, [#"{"a":""}"#], [#"{"a":1}"#]),
        (
            #"{"patternProperties":{"^x-":{"type":"string"}},"additionalProperties":false}"#,
            [#"{"x-a":""}"#], [#"{"x-a":1}"#, #"{"a":""}"#]
        ),
        (
            #"{"minProperties":1,"maxProperties":2}"#, [#"{"a":1}"#, #"{"a":1,"b":2}"#, "1"],
            ["{}", #"{"a":1,"b":2,"c":3}"#]
        ),
        (#"{"items":{"type":"integer"}}"#, ["[]", "[1,2]", "{}"], ["[1,\"\"]"]),
        (
            #"{"prefixItems":[{"type":"integer"},{"type":"string"}]}"#,
            ["[]", "[1]", "[1,\"a\"]", "[1,\"a\",null]"], ["[\"\"]", "[1,2]"]
        ),
        (#"{"prefixItems":[{}],"items":false}"#, ["[]", "[1]"], ["[1,2]"]),
        (#"{"items":[{"type":"integer"}]}"#, ["[1,\"\"]"], ["[\"\"]"]),
        (#"{"minItems":1,"maxItems":2}"#, ["[1]", "[1,2]", "\"\""], ["[]", "[1,2,3]"]),
        (
            #"{"uniqueItems":true}"#,
            ["[]", "[1,2,\"1\"]", "[[1],[2]]", "[{\"a\":1},{\"a\":2}]", "[0,false]"],
            ["[1,1.0]", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", "[[],[]]"]
        ),
        (#"{"uniqueItems":false}"#, ["[1,1]"], []),
        (
            #"{"minLength":2,"maxLength":3}"#, ["\"ab\"", "\"日本語\"", "\"😀😀\"", "1"],
            ["\"a\"", "\"abcd\"", "\"😀\""]
        ),
        (#"{"pattern":"^[a-z]+$"}"#, ["\"abc\"", "1"], ["\"\"", "\"ABC\""]),
        (#"{"minimum":1.5}"#, ["1.5", "2", "\"\""], ["1.4", "-3"]),
        (#"{"maximum":1e2}"#, ["100", "-1e400"], ["100.00000000000000000000001"]),
        (#"{"exclusiveMinimum":0}"#, ["1e-999"], ["0", "-0", "-1"]),
        (#"{"exclusiveMaximum":0.3}"#, ["0.29999999999999999999"], ["0.3", "0.30"]),
        (#"{"multipleOf":0.01}"#, ["19.99", "0", "-3"], ["19.999"]),
        (#"{"allOf":[{"minimum":1},{"maximum":3}]}"#, ["1", "3"], ["0", "4"]),
        (#"{"anyOf":[{"type":"string"},{"minimum":3}]}"#, ["\"\"", "3", "null"], ["2"]),
        (#"{"oneOf":[{"multipleOf":2},{"multipleOf":3}]}"#, ["2", "3"], ["6", "5"]),
        (#"{"not":{"type":"string"}}"#, ["1"], ["\"\""]),
        (
            ##"{"$defs":{"p":{"minimum":0}},"properties":{"a":{"$ref":"#/$defs/p"}}}"##,
            [##"{"a":0}"##], [##"{"a":-1}"##]
        ),
        (##"{"$defs":{"a/b %":{"type":"null"}},"$ref":"#/$defs/a~1b%20%25"}"##, ["null"], ["1"]),
        (
            ##"{"$ref":"#/$defs/n","$defs":{"n":{"type":"integer"}},"minimum":3}"##, ["3"],
            ["2", "\"\""]
        ),
        (
            ##"{"properties":{"next":{"$ref":"#"},"v":{"type":"integer"}},"required":["v"]}"##,
            [##"{"v":1,"next":{"v":2,"next":{"v":3}}}"##], [##"{"v":1,"next":{"v":2,"next":{}}}"##]
        ),
        (#"{"format":"date","default":1,"x-own":{"type":3},"if":false,"title":7}"#, ["1"], []),
    ]

    @Test(arguments: rows)
    func `a keyword accepts and refuses`(row: Row) throws {
        let schema = try JSONSchema(from: JSONValue.parse(row.schema))
        #expect(schema.unenforced.isEmpty)
        for text in row.good {
            #expect(schema.faults(in: try JSONValue.parse(text)).isEmpty, "\(text)")
        }
        for text in row.bad {
            #expect(!schema.faults(in: try JSONValue.parse(text)).isEmpty, "\(text)")
        }
    }

    @Test func `every fault is listed with its place`() throws {
        let schema = try JSONSchema(
            from: [
                "type": "object", "required": ["name", "mode"], "additionalProperties": false,
                "properties": [
                    "name": ["type": "string", "minLength": 1],
                    "mode": ["enum": ["fast", "safe"]],
                    "ports": ["items": ["type": "integer", "minimum": 1, "maximum": 65535]],
                    "to": ["oneOf": [["type": "string"], ["type": "null"]]],
                    "a/b": ["pattern": "^x"],
                ],
            ])
        let value = try JSONValue.parse(
            #"{"name":"","ports":[80,0,"http",70000,1.5],"to":7,"a/b":"y","extra":{}}"#)
        #expect(
            schema.faults(in: value).map(\.description) == [
                "the document lacks the member \"mode\"",
                "/name must have at least 1 characters, not 0",
                "/ports/1 must be at least 1",
                "/ports/2 must be integer, not string",
                "/ports/3 must be at most 65535",
                "/ports/4 must be integer, not number",
                "/to fits 0 of 2 forms and must fit exactly one",
                "/a~1b must match the pattern ^x",
                "/extra is not allowed",
            ])
    }

    @Test func `a list of faults ends at a hundred`() throws {
        let schema = try JSONSchema(from: ["items": ["type": "string"]])
        let value = JSONValue.array(Array(repeating: 1, count: 10_000))
        #expect(schema.faults(in: value).count == 100)
    }

    @Test(arguments: [
        ("1", ""), ("[]", ""), (#"{"type":"int"}"#, "/type"), (#"{"type":[1]}"#, "/type"),
        (#"{"type":1}"#, "/type"), (#"{"enum":1}"#, "/enum"), (#"{"required":"a"}"#, "/required"),
        (#"{"required":[1]}"#, "/required"), (#"{"properties":[]}"#, "/properties"),
        (#"{"properties":{"a":1}}"#, "/properties/a"), (#"{"items":3}"#, "/items"),
        (#"{"minItems":-1}"#, "/minItems"), (#"{"minLength":1.5}"#, "/minLength"),
        (#"{"maxLength":"1"}"#, "/maxLength"), (#"{"minimum":"1"}"#, "/minimum"),
        (#"{"exclusiveMinimum":true}"#, "/exclusiveMinimum"), (#"{"multipleOf":0}"#, "/multipleOf"),
        (#"{"multipleOf":-1}"#, "/multipleOf"), (#"{"uniqueItems":1}"#, "/uniqueItems"),
        (#"{"anyOf":[]}"#, "/anyOf"), (#"{"allOf":{}}"#, "/allOf"), (#"{"oneOf":[1]}"#, "/oneOf/0"),
        (#"{"not":null}"#, "/not"), (#"{"pattern":1}"#, "/pattern"), (#"{"$ref":1}"#, "/$ref"),
        (##"{"$ref":"other.json"}"##, "/$ref"), (##"{"$ref":"#name"}"##, "/$ref"),
        (##"{"$ref":"#/~2"}"##, "/$ref"), (##"{"$ref":""}"##, "/$ref"),
        (##"{"$ref":"#/$defs/none"}"##, "/$defs/none"),
        (#"{"patternProperties":{"a":1}}"#, "/patternProperties/a"),
    ])
    func `a schema that makes no sense is refused at the place`(text: String, place: String) throws
    {
        let document = try JSONValue.parse(text)
        let fault = #expect(throws: SchemaFault.self) { try JSONSchema(from: document) }
        #expect(fault?.pointer.description == place)
    }

    @Test(arguments: [
        ##"{"$ref":"#"}"##, ##"{"allOf":[{"$ref":"#"}]}"##,
        ##"{"not":{"anyOf":[{"$ref":"#/not"}]}}"##,
        ##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}"##,
        ##"{"items":{"oneOf":[true,{"$ref":"#/items"}]}}"##, ##"{"items":{"$ref":"#/items"}}"##,
    ])
    func `a schema that goes round in circles is refused`(text: String) throws {
        let document = try JSONValue.parse(text)
        let fault = #expect(throws: SchemaFault.self) { try JSONSchema(from: document) }
        #expect(fault?.message == "refers to itself without end")
    }

    @Test func `patterns that are not understood are reported and not enforced`() throws {
        let schema = try JSONSchema(
            from: [
                "properties": ["a": ["pattern": "(?=x)"]], "patternProperties": ["(": false],
            ])
        #expect(
            schema.unenforced.map(\.description).sorted() == [
                "/patternProperties/(", "/properties/a/pattern",
            ])
        #expect(schema.faults(in: ["a": "y", "(": 1]).isEmpty)
    }

    @Test func `a schema inside a larger document refers to that document`() throws {
        let document: JSONValue = [
            "methods": [["params": [["schema": ["$ref": "#/components/schemas/Port"]]]]],
            "components": ["schemas": ["Port": ["type": "integer"]]],
        ]
        let place = try JSONPointer("/methods/0/params/0/schema")
        let schema = try JSONSchema(from: document, at: place)
        #expect(schema.faults(in: 1).isEmpty)
        #expect(schema.faults(in: "1").count == 1)
    }

    @Test func `deep values are checked on a small stack`() throws {
        let schema = try JSONSchema(
            from: ["anyOf": [["type": "integer"], ["type": "array", "items": ["$ref": "#"]]]])
        var good: JSONValue = 1
        for _ in 0..<60 { good = [good] }
        var bad: JSONValue = "1"
        for _ in 0..<60 { bad = [bad] }
        var deep: JSONValue = "1"
        for _ in 0..<1_000 { deep = [deep] }
        let values = [good, bad, deep]
        let found = Found()
        let isDone = DispatchSemaphore(value: 0)
        let thread = Thread {
            found.messages = values.map { schema.faults(in: $0).map(\.message) }
            isDone.signal()
        }
        thread.stackSize = 512 << 10
        thread.start()
        isDone.wait()
        #expect(
            found.messages == [
                [], ["fits none of the 2 forms it may have"],
                ["fits none of the 2 forms it may have"],
            ])
    }

    @Test func `a check that would take too long is given up`() throws {
        // Each level doubles the work of the one below.
        var definitions = JSONObject()
        for level in 0..<40 {
            let next: JSONValue = ["$ref": .string("#/$defs/d\(level + 1)")]
            definitions["d\(level)"] = ["allOf": [next, next]]
        }
        definitions["d40"] = true
        let schema = try JSONSchema(from: ["$ref": "#/$defs/d0", "$defs": .object(definitions)])
        let faults = schema.faults(in: 1)
        #expect(faults.map(\.message) == ["is too costly to check against its schema"])
    }

    @Test func `a large array of unequal elements is checked quickly`() throws {
        let schema = try JSONSchema(from: ["uniqueItems": true])
        let value = JSONValue.array((0..<100_000).map { JSONValue(integerLiteral: $0) })
        #expect(schema.faults(in: value).isEmpty)
    }
}

/// What one thread finds and another reads after a semaphore.
private final class Found: @unchecked Sendable {
    var messages: [[String]] = []
}
