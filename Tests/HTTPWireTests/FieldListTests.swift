import HTTPWire
import Testing

@Suite struct FieldListTests {
    @Test(arguments: [
        ("", []), (" ", []), (",", []), ("a", ["a"]), (" a\t", ["a"]), ("a,b", ["a", "b"]),
        (" a , , b ,", ["a", "b"]), ("a b, c", ["a b", "c"]), ("\"a,b\", c", ["\"a,b\"", "c"]),
        ("\"a\\\",b\", c", ["\"a\\\",b\"", "c"]), ("\"open, a", ["\"open, a"]),
        ("\"open\\", ["\"open\\"]), ("a\\,b", ["a\\", "b"]), (",,a", ["a"]),
    ])
    func `elements are split at commas outside quotes`(_ text: String, _ elements: [String]) {
        withBytes(text) { bytes in
            var list = FieldList(bytes)
            var found: [String] = []
            while let element = list.next() {
                found.append(String(decoding: element, as: UTF8.self))
            }
            #expect(found == elements)
            #expect(list.next() == nil)
        }
    }

    @Test(arguments: [
        ("a", false), ("a,b", false), ("a,,b", true), ("a,", true), (",a", true), ("", true),
    ])
    func `empty elements are skipped and noted`(_ text: String, _ hadEmpty: Bool) {
        withBytes(text) { bytes in
            var list = FieldList(bytes)
            while list.next() != nil {}
            #expect(list.hadEmpty == hadEmpty)
        }
    }

    @Test func `a token is found without regard to case`() {
        #expect(withBytes("x, Close ,y") { FieldList.contains($0, "close") })
        #expect(!withBytes("x, closed, \"close\"") { FieldList.contains($0, "close") })
    }
}
