// JSONText: what escapes mean, also in contents that no scanner has seen.

import Bytes
import Testing

@testable import JSON

@Suite struct `JSON text` {
    @Test(arguments: [
        ("", ""),
        ("plain", "plain"),
        ("é日😀", "é日😀"),
        (#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{C}\n\r\t"),
        (#"a\nb\nc"#, "a\nb\nc"),
        (#"\u0041"#, "A"),
        (#"\u00e9\u00E9"#, "éé"),
        (#"\u20AC"#, "€"),
        (#"\u0000"#, "\0"),
        (#"\ud83d\ude00"#, "😀"),
        (#"x\uD83D\uDE00y"#, "x😀y"),
        (#"\uDBFF\uDFFF"#, "\u{10FFFF}"),
        (#"\uD800\uDC00"#, "\u{10000}"),
        (#"\uD800"#, "\u{FFFD}"),
        (#"\uDC00"#, "\u{FFFD}"),
        (#"\uD800\uD800\uDC00"#, "\u{FFFD}\u{10000}"),
        (#"\uDC00\uD800"#, "\u{FFFD}\u{FFFD}"),
        (#"\uD800\n"#, "\u{FFFD}\n"),
        (#"\uD800x"#, "\u{FFFD}x"),
        (#"\uD800\u0041"#, "\u{FFFD}A"),
        (#"\\u0041"#, "\\u0041"),
    ])
    func `escapes are decoded`(raw: String, wanted: String) {
        withPlaced(Array(raw.utf8)) {
            #expect(Array(JSONText.string($0).utf8) == Array(wanted.utf8))
        }
    }

    @Test(arguments: [
        #"\"#, #"\u"#, #"\u12"#, #"\u12G4"#, #"\q"#, #"\uD800\u"#, #"\uD800\"#, #"a\"#,
    ])
    func `malformed contents do no harm`(raw: String) {
        withPlaced(Array(raw.utf8)) {
            #expect(JSONText.string($0).utf8.count <= 3 + raw.utf8.count)
        }
    }

    @Test func `decoding appends`() {
        var output = ByteBuffer()
        output.append("<")
        withPlaced(Array(#"a\u0062"#.utf8)) { JSONText.decode($0, into: &output) }
        #expect(output.text() == "<ab")
    }

    @Test(arguments: [
        ("id", true), (#"\u0069d"#, true), (#"i\u0064"#, true), ("Id", false), ("", false),
        ("idx", false), (#"\u0069"#, false), (#"id\u0000"#, false), (#"\id"#, true),
    ])
    func `comparison is by meaning`(raw: String, isEqual: Bool) {
        withPlaced(Array(raw.utf8)) { #expect(JSONText.equals($0, "id") == isEqual) }
    }

    @Test(arguments: [
        ("a\u{E9}", [#"a\u00e9"#, "a\u{E9}", #"\u0061\u00E9"#]), ("/", [#"\/"#, "/", #"\u002f"#]),
        ("\u{1F600}", [#"\ud83d\ude00"#, "\u{1F600}"]), ("", [""]),
        ("\"\\\n", [#"\"\\\n"#, #"\u0022\u005C\u000a"#]), ("\u{FFFD}", ["\u{FFFD}", #"\uFFFD"#]),
        ("e\u{301}", [#"e\u0301"#]),
    ])
    func `contents equal code points, and no others`(wanted: String, spellings: [String]) {
        let others = [#"\u00e9"#, "\u{E9}", #"\ud83d"#, #"\uDE00"#, "x", #"\n"#, "aa", #"//"#]
        for raw in spellings {
            withPlaced(Array(raw.utf8)) {
                #expect(JSONText.equals($0, codePoints: Array(wanted.utf8)), "\(raw)")
                #expect(JSONText.codePoints($0) == Array(wanted.utf8))
            }
        }
        for raw in others {
            withPlaced(Array(raw.utf8)) {
                #expect(!JSONText.equals($0, codePoints: Array(wanted.utf8)), "\(raw)")
            }
        }
    }

    @Test func `half surrogate pairs are three code points of their own`() {
        let halves = [#"\uD800"#, #"\uDBFF"#, #"\uDC00"#, "\u{FFFD}"]
        for one in halves {
            let points = withPlaced(Array(one.utf8)) { JSONText.codePoints($0) }
            for other in halves {
                withPlaced(Array(other.utf8)) {
                    #expect(JSONText.equals($0, codePoints: points) == (one == other))
                }
            }
        }
    }
}
