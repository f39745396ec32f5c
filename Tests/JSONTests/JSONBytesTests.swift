// JSONBytes: strings of every length with every kind of special byte at every place and alignment,
// because the scanner reads 8 and more bytes at once and must not miss or imagine any of them.

import Testing

@testable import JSON

@Suite struct `JSON strings byte by byte` {
    /// Something within a string that is not plain ASCII, and what must be said about it.
    struct Special: Sendable, CustomTestStringConvertible {
        let bytes: [UInt8]
        let reason: JSONError.Reason?
        /// Where the fault is, counted from the first of `bytes`.
        var faultOffset = 0
        var testDescription: String { "\(bytes)" }
    }

    static let specials: [Special] = [
        .init(bytes: Array("\\\"".utf8), reason: nil),
        .init(bytes: Array("\\\\".utf8), reason: nil),
        .init(bytes: Array("\\u00e9".utf8), reason: nil),
        .init(bytes: Array("\\x".utf8), reason: .badEscape, faultOffset: 1),
        .init(bytes: Array("\\u00g0".utf8), reason: .badEscape, faultOffset: 4),
        .init(bytes: [0x7F], reason: nil),
        .init(bytes: [0x20], reason: nil),
        .init(bytes: [0x21], reason: nil),
        .init(bytes: [0x23], reason: nil),
        .init(bytes: [0x5B], reason: nil),
        .init(bytes: [0x5D], reason: nil),
        .init(bytes: [0x1F], reason: .controlCharacter),
        .init(bytes: [0x00], reason: .controlCharacter),
        .init(bytes: [0x0A], reason: .controlCharacter),
        .init(bytes: Array("é".utf8), reason: nil),
        .init(bytes: Array("€".utf8), reason: nil),
        .init(bytes: Array("😀".utf8), reason: nil),
        .init(bytes: [0x80], reason: .badUTF8),
        .init(bytes: [0xA2], reason: .badUTF8),
        .init(bytes: [0xDC], reason: .badUTF8),
        .init(bytes: [0xC3], reason: .badUTF8),
        .init(bytes: [0xE2, 0x82], reason: .badUTF8),
        .init(bytes: [0xF0, 0x9F, 0x98], reason: .badUTF8),
        .init(bytes: [0xED, 0xA0, 0x80], reason: .badUTF8),
        .init(bytes: [0xFF], reason: .badUTF8),
    ]

    @Test(arguments: specials)
    func `a special byte is seen at every place and alignment`(special: Special) {
        for length in 0...70 {
            for place in 0...length {
                var text = [UInt8](repeating: 0x61, count: length)
                text.insert(contentsOf: special.bytes, at: place)
                text = [0x22] + text + [0x22]
                let wanted = special.reason.map {
                    JSONError($0, at: 1 + place + special.faultOffset)
                }
                let offset = (length + place) & 15
                #expect(fault(in: text, offset: offset) == wanted)
                #expect(fault(in: [0x5B] + text + [0x5D], offset: offset)?.reason == special.reason)
            }
        }
    }

    @Test func `a string ends at its first bare quote`() {
        for length in 0...70 {
            for offset in 0..<16 {
                let inside = [UInt8](repeating: 0x61, count: length)
                let text = [0x22] + inside + [0x22]
                #expect(fault(in: text, offset: offset) == nil)
                let open = fault(in: [0x22] + inside, offset: offset)
                #expect(open == JSONError(.unexpectedEnd, at: length + 1))
                let behind = fault(in: text + inside + [0x22], offset: offset)
                #expect(behind == JSONError(.trailingBytes, at: length + 2))
            }
        }
    }

    @Test func `two special bytes in one word do not hide each other`() {
        let plain: [UInt8] = Array("abcdefgh".utf8)
        for first in 0..<8 {
            for second in (first + 1)..<8 {
                for byte: UInt8 in [0x00, 0x1F, 0x80, 0xFF] {
                    var text = plain
                    text[first] = byte
                    text[second] = 0x22
                    let wanted: JSONError.Reason = byte < 0x20 ? .controlCharacter : .badUTF8
                    #expect(fault(in: [0x22] + text) == JSONError(wanted, at: first + 1))
                    text[first] = 0x22
                    text[second] = byte
                    #expect(fault(in: [0x22] + text) == JSONError(.trailingBytes, at: first + 2))
                }
            }
        }
    }

    @Test func `every pair of bytes is judged as the grammar says`() {
        for first in 0...255 {
            for second in 0...255 {
                let pair = [UInt8(first), UInt8(second)]
                let isValid = fault(in: [0x22] + pair + [0x22]) == nil
                #expect(isValid == Self.isStringContent(pair), "\(pair)")
            }
        }
    }

    @Test func `every sequence of three bytes from the edges of UTF-8 is judged right`() {
        let edges: [UInt8] = [
            0x20, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1,
            0xEC,
            0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
        ]
        for first in edges {
            for second in edges {
                for third in edges {
                    for fourth: [UInt8] in [[], [0x7F], [0x80], [0xBF], [0xC0]] {
                        let bytes = [first, second, third] + fourth
                        let isValid = fault(in: [0x22] + bytes + [0x22]) == nil
                        let isText = String(validating: bytes, as: UTF8.self) != nil
                        #expect(isValid == isText, "\(bytes)")
                    }
                }
            }
        }
    }

    /// Whether two bytes may stand between quotes, by the letter of §7.
    private static func isStringContent(_ pair: [UInt8]) -> Bool {
        if pair[0] == 0x5C { return Array("\"\\/bfnrt".utf8).contains(pair[1]) }
        guard !pair.contains(where: { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C }) else { return false }
        return String(validating: pair, as: UTF8.self) != nil
    }
}

@Suite struct `JSON numbers byte by byte` {
    @Test func `every text of up to five telling bytes is judged as the grammar says`() throws {
        let bytes: [UInt8] = Array("01-+.eE".utf8)
        let grammar = try Regex("-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?")
        var count = 0
        var texts: [[UInt8]] = [[]]
        for _ in 1...5 {
            texts = texts.flatMap { text in bytes.map { text + [$0] } }
            for text in texts {
                let isNumber = String(decoding: text, as: UTF8.self).wholeMatch(of: grammar) != nil
                let isAccepted = fault(in: text) == nil
                if isNumber != isAccepted { Issue.record("\(text)") }
                let isElement = fault(in: [0x5B] + text + [0x5D]) == nil
                if isNumber != isElement { Issue.record("\(text) in an array") }
                count += isNumber ? 1 : 0
            }
        }
        #expect(count > 100)
    }
}
