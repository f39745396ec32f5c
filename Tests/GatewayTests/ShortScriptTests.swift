// The browsers' script as it is served: shorter, and the same program.

import Testing

@testable import Gateway

@Suite struct ShortScriptTests {
    @Test(
        "what only authors need goes, and nothing else",
        arguments: [
            ("// About\n  // it\ncall();\n", "call();\n"),
            ("/**\n * @param {a} b\n */\ncall( 1 );", "call(1);\n"),
            (
                "if (a in b) {\n  call(a, b);\n} else {\n  call(b);\n}",
                "if(a in b){call(a,b)}else{call(b)}\n"
            ),
            ("const one = 1;\nlet two = one + 1;", "let one=1;let two=one+1;\n"),
            ("first()\nsecond()", "first()\nsecond()\n"),
            ("async () => {\n  await call(\n    a,\n  );\n}", "async()=>{await call(a,)}\n"),
            ("a + +b - -c", "a+ +b- -c\n"),
            ("return all\n  ? first\n  : second;", "return all?first:second;\n"),
        ])
    func shortening(_ source: String, _ served: String) {
        #expect(String(decoding: ShortScript(source.utf8).text, as: UTF8.self) == served)
    }

    @Test(
        "words that are named become letters, in code alone",
        arguments: [
            ("// Short: last one\nconst one = { last: 1 };\none.last;", "let b={a:1};b.a;\n"),
            ("// Short: one\nones(one, someone, \"one\");", "ones(a,someone,\"one\");\n"),
            (
                "// Short: one\ncall('a \\' one', one, \"b \\\\\", one);",
                "call('a \\' one',c,\"b \\\\\",c);\n"
            ),
            // A letter that is a word already is no name for another one.
            ("// Short: one two\na(one, b(two));", "a(c,b(d));\n"),
            ("// Short: one\n// Short: two\none + two;", "a+b;\n"),
        ])
    func names(_ source: String, _ served: String) {
        #expect(String(decoding: ShortScript(source.utf8).text, as: UTF8.self) == served)
    }

    @Test func `a string that has no end ends with its line`() {
        #expect(ShortScript("call(\"a \\".utf8).text == Array("call(\"a \\\n".utf8))
    }

    @Test func `there are names for more words than there are letters`() {
        let words = (0..<60).map { "word\($0)" }
        let source =
            "// Short: " + words.joined(separator: " ") + "\n" + words.joined(separator: ",")
        let served = String(decoding: ShortScript(source.utf8).text, as: UTF8.self)
        let names = served.dropLast().split(separator: ",")
        #expect(Set(names).count == 60 && names.allSatisfy { $0.count <= 2 })
    }
}
