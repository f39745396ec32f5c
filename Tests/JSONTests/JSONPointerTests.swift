// JSONPointer: the examples of RFC 6901 and what it forbids, in trees and in text.

import Testing

@testable import JSON

@Suite struct `JSON pointer` {
    /// The document of RFC 6901 §5, with blanks.
    static let document = #"""
        { "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5,
          "k\"l": 6, " ": 7, "m~n": 8, "deep": {"list": [ {"x": [ 1, { "y" : null } ] } ]},
          "\u00e9": 9 }
        """#

    @Test(arguments: [
        ("/foo", #"["bar", "baz"]"#), ("/foo/0", #""bar""#), ("/foo/1", #""baz""#), ("/", "0"),
        ("/a~1b", "1"), ("/c%d", "2"), ("/e^f", "3"), ("/g|h", "4"), (#"/i\j"#, "5"),
        ("/k\"l", "6"), ("/ ", "7"), ("/m~0n", "8"), ("/deep/list/0/x/1/y", "null"), ("/é", "9"),
        ("/deep/list/0/x/1", #"{ "y" : null }"#),
    ])
    func `a pointer finds its value in tree and text`(text: String, wanted: String) throws {
        let pointer = try JSONPointer(text)
        #expect(pointer.description == text)
        let value = try JSONValue.parse(Self.document)
        #expect(pointer.value(in: value) == (try JSONValue.parse(wanted)))
        #expect(try span(pointer, Self.document).get() == wanted)
    }

    @Test(arguments: [
        "/foo/2", "/foo/-", "/foo/01", "/foo/+1", "/foo/-1", "/foo/x", "/foo/", "/foo/0/0", "/bar",
        "//", "/deep/list/00", "/deep/list/0/x/1/y/z", "/foo/99999999999999999999", "/a/b",
        "/foo/１", "/e\u{301}",
    ])
    func `a pointer to nothing finds nothing`(text: String) throws {
        let pointer = try JSONPointer(text)
        #expect(pointer.value(in: try JSONValue.parse(Self.document)) == nil)
        #expect(try span(pointer, Self.document).get() == nil)
    }

    @Test func `the empty pointer is the whole document`() throws {
        #expect(try JSONPointer("").value(in: [1]) == [1])
        #expect(try span(JSONPointer(""), " [1] ").get() == "[1]")
        #expect(JSONPointer().description.isEmpty)
    }

    @Test(arguments: [
        ("a", 0), ("foo/bar", 0), ("#/a", 0), ("/~", 2), ("/~2", 2), ("/a~", 3), ("/~~", 2),
    ])
    func `a malformed pointer is refused`(text: String, offset: Int) {
        #expect(throws: JSONError(.badPointer, at: offset)) { try JSONPointer(text) }
    }

    @Test func `escapes of a pointer are read and written in the right order`() throws {
        #expect(try JSONPointer("/~01").tokens == ["~1"])
        #expect(JSONPointer().appending("a/b").appending("~1").description == "/a~1b/~01")
    }

    @Test func `a fault in the text is reported at its place in the whole`() throws {
        let text = #"{"a":{"b":[1,x]}}"#
        #expect(span(try JSONPointer("/a"), text) == .failure(JSONError(.expectedValue, at: 13)))
        #expect(span(try JSONPointer("/z"), text) == .failure(JSONError(.expectedValue, at: 13)))
        #expect(span(try JSONPointer(""), text) == .failure(JSONError(.expectedValue, at: 13)))
    }

    private func span(_ pointer: JSONPointer, _ text: String) -> Result<String?, JSONError> {
        withPlaced(Array(text.utf8)) { bytes in
            do throws(JSONError) {
                let span = try pointer.span(in: bytes)
                return .success(span.map { String(decoding: $0.slice(of: bytes), as: UTF8.self) })
            } catch {
                return .failure(error)
            }
        }
    }
}
