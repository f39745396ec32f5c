// Conditions: which data they hold for, by the values of JSON and not by how they are written.

import Bytes
import Testing

@testable import Gateway

@Suite struct SignalConditionTests {
    private func holds(_ condition: String, _ data: String) -> Bool? {
        SignalCondition(condition).map { condition in
            Array(data.utf8).withUnsafeBytes { condition.holds($0) }
        }
    }

    @Test(
        "a condition compares the value at one place",
        arguments: [
            ("/mount:/", #"{"mount":"/"}"#, true), ("/mount:/", #"{"mount":"/var"}"#, false),
            ("/free:0", #"{"free":0}"#, true), ("/free:0", #"{"free":"0"}"#, true),
            ("/free:\"0\"", #"{"free":0}"#, false), ("/free:\"0\"", #"{"free":"0"}"#, true),
            ("/ok:true", #"{"ok":true}"#, true), ("/ok:null", #"{"ok":null}"#, true),
            ("/ok:null", "{}", false), ("/a/1/b:x", #"{"a":[0,{"b":"x"}]}"#, true),
            ("/t:a:b", #"{"t":"a:b"}"#, true), ("/t:ü", #"{"t":"\u00fc"}"#, true),
            (":5", "5", true), ("/t:", #"{"t":""}"#, true), ("/x~1y:1", #"{"x/y":1}"#, true),
            ("/t:x", "[1,2]", false), ("/t:x", "", false), ("/o:{}", #"{"o":{}}"#, true),
            ("/ok:true", #"{"ok":"true"}"#, true), ("/ok:\"true\"", #"{"ok":true}"#, false),
            ("/ok:true", #"{"ok":false}"#, false), ("/ok:false", #"{"ok":null}"#, false),
        ])
    func places(_ condition: String, _ data: String, _ expected: Bool) {
        #expect(holds(condition, data) == expected)
    }

    @Test(
        "equal numbers match, however they are written",
        arguments: [
            ("1", "1.0", true), ("1", "1e0", true), ("1.0", "1", true), ("10e-1", "1.00", true),
            ("0.1", "0.10", true), ("-0", "0", true), ("0", "-0.0", true), ("100", "1E+2", true),
            ("1", "-1", false), ("1", "10", false), ("1", "1.01", false), ("0", "false", false),
            ("0", "null", false), ("1", "\"1.0\"", false), ("1.0", "\"1.0\"", true),
            ("9007199254740992", "9007199254740993", false),
            ("9007199254740993", "9007199254740993.0", true), ("01", "1", false),
            ("1", "[1]", false), ("1", "{}", false), ("+1", "1", false), (" 1", "1", false),
            ("1e400", "10e399", true), ("1e400", "1e401", false), ("NaN", "0", false),
        ])
    func numbers(_ value: String, _ number: String, _ expected: Bool) {
        #expect(holds("/n:\(value)", #"{"n":\#(number)}"#) == expected)
    }

    @Test(
        "strings match by what they mean",
        arguments: [
            (#""aé""#, #""a\u00e9""#, true), (#"aé"#, #""a\u00E9""#, true),
            (#""a\u00e9""#, #""aé""#, true), (#""a\u00e9""#, #""\u0061\u00E9""#, true),
            (#""\/""#, #""/""#, true), (#""/""#, #""\/""#, true), (#"\/"#, #""/""#, false),
            (#""\ud83d\ude00""#, "\"😀\"", true), ("😀", #""\uD83D\uDE00""#, true),
            (#""\ud83d""#, #""\ud83d""#, true), (#""\ud83d""#, #""\udbff""#, false),
            (#""\n""#, #""\u000a""#, true), (#""a b""#, #""a b""#, true),
            ("\"e\u{301}\"", "\"\u{E9}\"", false), (#""é""#, "\"e\u{301}\"", false),
            ("\"\"", "\"\"", true), ("\"\"", "0", false), ("a\"", #""a\"""#, true),
        ])
    func strings(_ value: String, _ string: String, _ expected: Bool) {
        #expect(holds("/t:\(value)", #"{"t":\#(string)}"#) == expected)
    }

    @Test(
        "objects and arrays match by their members and elements",
        arguments: [
            (#"{"a":1,"b":[2]}"#, #"{"b":[2.0],"a":1e0}"#, true), ("[]", "[]", true),
            ("[1,2]", "[2,1]", false), ("[1]", "[1,1]", false), ("[ 1 ]", "[1]", true),
            (#"{"a":1}"#, #"{"a":1,"b":2}"#, false), ("{}", "[]", false),
            (#"["\u0061"]"#, #"["a"]"#, true), ("{}", "\"{}\"", true), ("[", "\"[\"", true),
            ("[", "[]", false), (#"{"a":1,"a":2}"#, #"{"a":1,"a":2}"#, true),
        ])
    func containers(_ value: String, _ data: String, _ expected: Bool) {
        #expect(holds("/o:\(value)", #"{"o":\#(data)}"#) == expected)
    }

    @Test func `a container beyond the limit is not looked at`() {
        let blanks = String(repeating: "0", count: SignalCondition.containerLimit)
        #expect(holds("/o:[1]", #"{"o":[1.0]}"#) == true)
        #expect(holds("/o:[1]", #"{"o":[1.\#(blanks)]}"#) == false)
    }

    @Test(arguments: [
        "", "mount", "mount:/", "/~2:x", "/a:\"x", "/a:\"", #"/a:"x\"#, #"/a:"\u12""#, #"/a:"x"y"#,
        #"/a:"x" "#, #"/a:"\q""#, "/a:\"\u{1}\"", #"/a:"a"b""#,
    ])
    func `what is no condition is refused`(_ text: String) {
        #expect(SignalCondition(text) == nil)
    }

    @Test func `data that nest deeper than most are looked into`() {
        let deep = String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
        #expect(holds("/n:1", #"{"deep":\#(deep),"n":1}"#) == true)
    }

    @Test(
        "conditions of the same meaning are one, and of different ones are not",
        arguments: [
            (#"/t:"a""#, #"/t:"\u0061""#, true), (#"/t:"/""#, #"/t:"\/""#, true),
            ("/t:a", #"/t:"a""#, false), ("/n:1", "/n:1", true),
            // The one admits the string "1", the other the string "1.0".
            ("/n:1", "/n:1.0", false), ("/n:1", "/m:1", false),
            ("/t:\u{E9}", "/t:e\u{301}", false), ("/\u{E9}:1", "/e\u{301}:1", false),
        ])
    func equality(_ one: String, _ other: String, _ expected: Bool) throws {
        let one = try #require(SignalCondition(one))
        let other = try #require(SignalCondition(other))
        #expect((one == other) == expected)
        #expect(Set([one, other]).count == (expected ? 1 : 2))
        let pattern = try #require(SignalPattern("a"))
        #expect(
            (SignalFilter([pattern], where: [one]) == SignalFilter([pattern], where: [other]))
                == expected)
        #expect(
            SignalFilter([pattern], where: [one, other])
                == SignalFilter([pattern], where: [other, one]))
    }

    // MARK: Chance

    /// A string of some characters, and texts of it with and without escapes.
    private func spell(_ scalars: [Unicode.Scalar], _ dice: inout Dice) -> String {
        var text = ""
        for scalar in scalars {
            let mustEscape = scalar == "\"" || scalar == "\\" || scalar.value < 0x20
            guard mustEscape || Int.random(in: 0..<3, using: &dice) == 0 else {
                text.unicodeScalars.append(scalar)
                continue
            }
            if scalar == "/" || scalar == "\"" || scalar == "\\", Bool.random(using: &dice) {
                text += "\\"
                text.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16, uppercase: Bool.random(using: &dice))
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return text
    }

    @Test(arguments: 0..<6)
    func `random strings match exactly if their characters are the same`(seed: Int) throws {
        var dice = Dice(state: UInt64(seed))
        let alphabet: [Unicode.Scalar] = [
            "a", "/", "\"", "\\", "\u{E9}", "\u{1F600}", "\n", "\u{301}",
        ]
        var matches = 0
        for _ in 0..<600 {
            let count = Int.random(in: 0...3, using: &dice)
            let one = (0..<count).map { _ in alphabet.randomElement(using: &dice) ?? "a" }
            let isCopy = Bool.random(using: &dice)
            let other =
                isCopy ? one : (0..<count).map { _ in alphabet.randomElement(using: &dice) ?? "a" }
            let data = "{\"t\":\"\(spell(other, &dice))\"}"
            let quoted = "/t:\"\(spell(one, &dice))\""
            #expect(holds(quoted, data) == (one == other), "\(quoted) \(data)")
            // As it is, unless it would be taken for a string in quotation marks.
            if one.first != "\"" {
                var bare = "/t:"
                bare.unicodeScalars.append(contentsOf: one)
                #expect(holds(bare, data) == (one == other), "\(bare) \(data)")
            }
            matches += one == other ? 1 : 0
        }
        #expect((300..<600).contains(matches))
    }
}
