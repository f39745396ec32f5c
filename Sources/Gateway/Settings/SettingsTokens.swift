// SettingsTokens: cuts JSON5 text (spec.json5.org) into tokens with line numbers, so that faults
// can name a line. It checks shape, not values: those are JSONDecoder's business.
//
// Blanks between tokens are those that JSONDecoder takes: tab, LF, VT, FF, CR, space, and a byte
// order mark at the start.

import Bytes

/// What is wrong with the shape of a JSON5 text.
struct SyntaxFault: Error, Equatable {
    /// The line, counted from 1.
    var line: Int

    /// What is wrong.
    var problem: String

    /// What to do about it, if there is more to say.
    var advice: String?
}

/// The tokens of a JSON5 text, one after the other.
struct SettingsTokens {
    /// What a token is.
    enum Kind: Equatable {
        /// One of `{ } [ ] : ,`.
        case punctuation(UInt8)
        /// A quoted string, quotes included.
        case string(Range<Int>)
        /// A bare run of word characters: a name, a number or a literal.
        case word(Range<Int>)
        /// The end of the text.
        case end
    }

    /// The line of the token taken last, counted from 1.
    private(set) var line = 1

    private let text: [UInt8]
    private var position = 0
    private var nextLine = 1

    /// Starts at the beginning of `text`.
    init(_ text: [UInt8]) {
        self.text = text
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    /// The bytes of a token as text.
    func string(_ range: Range<Int>) -> String {
        String(decoding: text[range], as: UTF8.self)
    }

    /// A token as messages show it, cut where it is long.
    func shown(_ token: Kind) -> String {
        switch token {
        case .punctuation(let byte): "\"\(Character(UnicodeScalar(byte)))\""
        case .string(let range):
            String(string(range).prefix(40)).filter { $0 >= " " && $0 != "\u{7F}" }
        case .word(let range): string(range).prefix(40).debugDescription
        case .end: "the end of the text"
        }
    }

    /// Takes the next token.
    mutating func next() throws(SyntaxFault) -> Kind {
        try skipBlanks()
        line = nextLine
        guard position < text.count else { return .end }
        let byte = text[position]
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"),
            UInt8(ascii: ":"), UInt8(ascii: ","):
            position += 1
            return .punctuation(byte)
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            return .string(try takeString(quote: byte))
        default:
            return .word(try takeWord())
        }
    }

    private mutating func skipBlanks() throws(SyntaxFault) {
        while position < text.count {
            switch text[position] {
            case 0x0A:
                nextLine += 1
                position += 1
            case 0x09, 0x0B, 0x0C, 0x0D, 0x20:
                position += 1
            case UInt8(ascii: "/"):
                try skipComment()
            default:
                return
            }
        }
    }

    private mutating func skipComment() throws(SyntaxFault) {
        let second = position + 1 < text.count ? text[position + 1] : 0
        if second == UInt8(ascii: "/") {
            while position < text.count, text[position] != 0x0A, text[position] != 0x0D {
                position += 1
            }
            return
        }
        guard second == UInt8(ascii: "*") else {
            throw SyntaxFault(
                line: nextLine, problem: "a single \"/\"",
                advice: "comments are // to the end of the line or /* … */")
        }
        let opened = nextLine
        position += 2
        while position + 1 < text.count {
            if text[position] == UInt8(ascii: "*"), text[position + 1] == UInt8(ascii: "/") {
                position += 2
                return
            }
            if text[position] == 0x0A { nextLine += 1 }
            position += 1
        }
        throw SyntaxFault(line: opened, problem: "the comment /* is not closed", advice: nil)
    }

    private mutating func takeString(quote: UInt8) throws(SyntaxFault) -> Range<Int> {
        let start = position
        position += 1
        while position < text.count {
            let byte = text[position]
            position += 1
            if byte == quote { return start..<position }
            if byte == 0x0A || byte == 0x0D { break }
            if byte == UInt8(ascii: "\\") {
                try skipEscape()
            } else if byte < 0x20 {
                throw SyntaxFault(
                    line: nextLine, problem: "a raw control character in a string",
                    advice: byte == 0x09 ? "write \\t for a tab" : "remove it")
            }
        }
        throw SyntaxFault(
            line: line, problem: "the string is not closed on its line",
            advice: "add the closing \(quote == UInt8(ascii: "'") ? "'" : "\"")")
    }

    /// Skips what follows a backslash: the escapes that JSONDecoder takes.
    ///
    /// A backslash before a line end continues the string on the next line.
    private mutating func skipEscape() throws(SyntaxFault) {
        guard position < text.count else { return }
        let byte = text[position]
        position += 1
        switch byte {
        case 0x0A:
            nextLine += 1
        case 0x0D:
            if position < text.count, text[position] == 0x0A {
                nextLine += 1
                position += 1
            }
        case UInt8(ascii: "u"), UInt8(ascii: "x"):
            let digits = byte == UInt8(ascii: "u") ? 4 : 2
            for _ in 0..<digits {
                guard position < text.count, ASCII.hexValue(text[position]) != nil else {
                    throw SyntaxFault(
                        line: nextLine,
                        problem: "\\\(Character(UnicodeScalar(byte))) without \(digits) hex digits",
                        advice: "write \\\\ for a backslash")
                }
                position += 1
            }
        default:
            guard "\"'\\/bfnrt".utf8.contains(byte) else {
                throw SyntaxFault(
                    line: nextLine, problem: "an unknown escape in a string",
                    advice: "write \\\\ for a backslash")
            }
        }
    }

    private mutating func takeWord() throws(SyntaxFault) -> Range<Int> {
        let start = position
        while position < text.count, Self.isWord(text[position]) { position += 1 }
        guard position > start else {
            let found = String(decoding: text[start...start], as: UTF8.self).debugDescription
            throw SyntaxFault(
                line: line, problem: "unexpected \(found)", advice: "text belongs in quotes")
        }
        for scalar in string(start..<position).unicodeScalars where scalar.properties.isWhitespace {
            let code = String(scalar.value, radix: 16, uppercase: true)
            throw SyntaxFault(
                line: line, problem: "the blank U+\(code) outside of a string",
                advice: "write a plain space")
        }
        return start..<position
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"),
            UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "\\"), 0x80...:
            true
        default:
            false
        }
    }
}
