// The walk over the text: lines, order, double keys, and agreement with the decoder about what is
// JSON5 and what is not.

import Testing

@testable import Gateway

struct SettingsLocatorTests {
    private func path(_ steps: SettingPath.Step...) -> SettingPath {
        steps.reduce(SettingPath()) { path, step in
            switch step {
            case .key(let name): path.member(name)
            case .index(let index): path.element(index)
            }
        }
    }

    @Test func `every key has its line`() throws {
        let text = """
            // { comment: 1 }
            {
              a: 1, /* b: 2
              */ b: [
                { c: 'x: {' },

                2,
              ],
              "d.e": {
                'f\\u0067': "\\
            ", h: 1
              },
            }
            """
        let locator = try SettingsLocator([UInt8](text.utf8))
        #expect(locator.line(of: path(.key("a"))) == 3)
        #expect(locator.line(of: path(.key("b"))) == 4)
        #expect(locator.line(of: path(.key("b"), .index(0), .key("c"))) == 5)
        #expect(locator.line(of: path(.key("b"), .index(1))) == 7)
        #expect(locator.line(of: path(.key("d.e"))) == 9)
        #expect(locator.line(of: path(.key("d.e"), .key("fg"))) == 10)
        #expect(locator.line(of: path(.key("d.e"), .key("h"))) == 11)
        #expect(locator.line(of: path(.key("d.e"), .key("none"))) == 9)
        #expect(locator.line(of: path()) == 1)
    }

    @Test func `carriage returns make no lines of their own`() throws {
        let locator = try SettingsLocator([UInt8]("{\r\n a: 1,\r\n b: 2 }\r\n".utf8))
        #expect(locator.line(of: path(.key("b"))) == 3)
    }

    @Test func `all double keys are found`() throws {
        let locator = try SettingsLocator([UInt8]("{ a: { b: 1, b: 2 },\n a: 3,\n 'a': 4 }".utf8))
        #expect(
            locator.duplicates == [
                .init(path: path(.key("a"), .key("b")), firstLine: 1, line: 1),
                .init(path: path(.key("a")), firstLine: 1, line: 2),
                .init(path: path(.key("a")), firstLine: 1, line: 3),
            ])
    }

    @Test func `without a text there are no lines`() {
        #expect(SettingsLocator().line(of: path(.key("a"))) == nil)
    }

    /// Texts of which some are JSON5.
    static let samples = [
        "{a:1,}", "{a:1,,}", "[1 2]", "[,]", "{,}", "{null:1}", "{a-b:1}", "{1a:1}", "{'':1}",
        "{a:0x10,b:+1,c:.5,d:5.,e:-Infinity,f:NaN,g:-0x1F,h:1e3}", "{a:01}", "{a:.}", "{a:0x}",
        "{a:1e}", "{a:1e+5}", "{a:- 1}", "{a:1.5.2}", "{a:infinity}", "{a:undefined}", "{a:tru}",
        "{a:'\\x41\\u0041\\'\\/'}", "{a:'\\v'}", "{a:'\\0'}", "{a:'\\q'}", "{a:'\\u12'}",
        "{a:'x\\\ny'}", "{a:'\n'}", "{a:'\t'}", "{'\\q':1}", "{'\t':1}", "{'\\u0041':1}",
        "// c\r{a:1}", "{a:1}//", "{a:1}/**/", "{a:1}/", "/* open", "{a/**/:1}", "\u{FEFF}{a:1}",
        "\u{0B}{a:1}\u{0C}", "{a:\u{2028}1}", "{$_:1}", "{a:1} x", "{a:'x\u{2028}y'}", "{a:\"'\"}",
        "\"text\"", "12", "[[[]]]", "{a:{b:[{c:{}}]}}", "{a:1]", "[1}", "{a:", "{a", "",
        "{\"a\":1}",
    ]

    @Test(arguments: samples)
    func `what the walk takes, the decoder takes, and the other way round`(text: String) {
        let bytes = [UInt8](text.utf8)
        let walked = (try? SettingsLocator(bytes)) != nil
        let decoded = (try? SettingValue.read(bytes)) != nil
        #expect(walked == decoded)
    }

    @Test func `what the walk takes, the decoder takes, whatever byte is changed`() {
        let text = [UInt8](everything.utf8)
        let replacements = [UInt8]("{}[]:,'\"\\/* \nax0-.".utf8)
        var generator = Dice(state: 1)
        var takenCount = 0
        for _ in 0..<600 {
            var changed = text
            for _ in 0..<Int.random(in: 1...2, using: &generator) {
                let index = Int.random(in: 0..<changed.count, using: &generator)
                if Bool.random(using: &generator) {
                    changed.remove(at: index)
                } else if let byte = replacements.randomElement(using: &generator) {
                    changed[index] = byte
                }
            }
            guard (try? SettingsLocator(changed)) != nil else { continue }
            takenCount += 1
            do {
                _ = try SettingValue.read(changed)
            } catch DecodingError.dataCorrupted(let context) {
                // Values, unlike syntax, are for the decoder to judge: it knows their place.
                #expect(!context.codingPath.isEmpty, "\(String(decoding: changed, as: UTF8.self))")
            } catch {
                Issue.record(error)
            }
        }
        #expect(takenCount > 100)
    }

    @Test func `nesting costs no call stack`() {
        let text = [UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)
        #expect(throws: SyntaxFault(line: 1, problem: "nested deeper than 64 levels")) {
            _ = try SettingsLocator(text)
        }
    }
}
