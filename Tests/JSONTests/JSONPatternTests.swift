// JSONPattern: the supported syntax, what is not supported, and that time stays linear.

import Testing

@testable import JSON

@Suite struct `JSON schema patterns` {
    @Test(
        arguments: [
            ("", ["", "a"], []),
            ("a", ["a", "xax"], ["", "b"]),
            ("^a$", ["a"], ["", "aa", "xa", "a\n"]),
            ("^$", [""], ["a", "\n"]),
            ("a|b", ["a", "b", "xb"], ["c"]),
            ("^(a|b|)$", ["a", "b", ""], ["c", "ab"]),
            ("^ab|cd$", ["abx", "xcd"], ["xab", "cdx"]),
            ("^a*$", ["", "a", "aaaa"], ["b", "ab"]),
            ("^a+$", ["a", "aa"], ["", "b"]),
            ("^a?b$", ["b", "ab"], ["aab"]),
            ("^a{2}$", ["aa"], ["a", "aaa"]),
            ("^a{2,}$", ["aa", "aaaaa"], ["a"]),
            ("^a{1,3}$", ["a", "aa", "aaa"], ["", "aaaa"]),
            ("^a{0}$", [""], ["a"]),
            ("^(ab){2}c$", ["ababc"], ["abc", "abab"]),
            ("^a*?b+?$", ["b", "aabb"], ["a"]),
            ("^.$", ["a", "é", "😀"], ["", "ab", "\n", "\r", "\u{2028}"]),
            ("^[abc]$", ["a", "b", "c"], ["d", "", "ab"]),
            ("^[^abc]$", ["d", "\n", "é"], ["a", ""]),
            ("^[a-z0-9_-]+$", ["a-b_9", "-"], ["A", " "]),
            ("^[-a]+$", ["-a-"], ["b"]),
            ("^[a\\-z]+$", ["a-z"], ["b"]),
            ("^[\\d.]+$", ["1.2"], ["a", ""]),
            ("^[\\D]+$", ["ab é"], ["1", "a1"]),
            ("^[^\\s]+$", ["ab"], ["a b", "\u{A0}"]),
            ("^[\\]\\\\]$", ["]", "\\"], ["["]),
            ("^[]$", [], ["", "a"]),
            ("^[^]$", ["a", "\n"], [""]),
            ("^\\d{3}-\\d{4}$", ["555-1234"], ["5555-123", "٣٣٣-١٢٣٤"]),
            ("^\\w+\\s\\W$", ["ab_9 !"], ["ab!!", "é !"]),
            ("^\\t\\n\\r\\f\\v\\0$", ["\t\n\r\u{C}\u{B}\0"], ["t"]),
            ("^\\x41\\u0042\\u{1F600}\\cJ$", ["AB😀\n"], ["AB"]),
            ("^\\.\\*\\+\\?\\^\\$\\|\\(\\)\\[\\]\\{\\}\\/\\\\$", [".*+?^$|()[]{}/\\"], ["a"]),
            ("\\bcat\\b", ["cat", "a cat!"], ["cats", "concat"]),
            ("\\Bcat", ["concat"], ["cat", "a cat"]),
            ("^(?:ab|c(d|e))+$", ["ab", "cdabce"], ["c", "abc"]),
            ("^(?<year>\\d+)$", ["2026"], ["x"]),
            ("(a*)*b", ["b", "aab"], ["aaaa", ""]),
            ("^(a|a?)+$", ["aaa", ""], ["b"]),
            ("^(()|a)*$", ["", "aa"], ["b"]),
            ("é+", ["éé", "caf\u{E9}"], ["e\u{301}"]),
            ("^[a-z]+(\\.[a-z]+)*$", ["host.disk.full"], ["host..full", ".host"]),
        ] as [(String, [String], [String])])
    func `a pattern matches what it says`(
        expression: String, matching: [String], other: [String]
    ) throws {
        let pattern = try #require(JSONPattern(expression))
        var budget = 1_000_000
        for text in matching {
            let isMatch = pattern.matches(text, budget: &budget)
            #expect(isMatch == true, "\(text)")
        }
        for text in other {
            let isMatch = pattern.matches(text, budget: &budget)
            #expect(isMatch == false, "\(text)")
        }
    }

    @Test(arguments: [
        "(", ")", "(a", "a)", "[", "[a", "*", "+a", "?", "a**", "{", "a{", "a{1", "a{1,", "a{2,1}",
        "a{,2}", "a{x}", "\\", "\\1", "\\k<n>", "\\p{L}", "\\e", "(?=a)", "(?!a)", "(?<=a)",
        "(?<!a)", "(?a)", "(?<n", "[b-a]", "[\\d-z]x[z-\\d]", "\\x4", "\\u123", "\\u{110000}",
        "\\u{}", "\\c1", "]", "}", "a{1001}", "(a{100}){100}", "[a-\\", "\\é",
    ])
    func `malformed and unsupported patterns are recognised`(expression: String) {
        #expect(JSONPattern(expression) == nil)
    }

    @Test func `groups may be nested to a limit`() {
        func nested(_ depth: Int) -> String {
            String(repeating: "(", count: depth) + "a" + String(repeating: ")", count: depth)
        }
        #expect(JSONPattern(nested(32)) != nil)
        #expect(JSONPattern(nested(33)) == nil)
        #expect(JSONPattern(nested(1_000_000)) == nil)
    }

    @Test(arguments: ["^(a+)+$", "^(a|aa)+$", "^(a|a?)+$", "^(.*a){12}$", "(x+x+)+y"])
    func `patterns that ruin backtracking matchers take linear time`(expression: String) throws {
        let pattern = try #require(JSONPattern(expression))
        let text = String(repeating: expression.contains("x") ? "x" : "a", count: 20_000) + "!"
        var budget = 2_000_000
        let isMatch = pattern.matches(text, budget: &budget)
        #expect(isMatch == false)
    }

    @Test func `a budget that runs out is no answer`() throws {
        let pattern = try #require(JSONPattern("(a?){500}b"))
        var budget = 10_000
        let isMatch = pattern.matches(String(repeating: "a", count: 1_000), budget: &budget)
        #expect(isMatch == nil)
    }
}
