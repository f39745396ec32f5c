// ContentLengthFraming: every stream whole, in two pieces at every place, and byte by byte.

import Testing

@testable import Gateway

@Suite struct ContentLengthFramingTests {
    /// What was found, as text.
    private func found(_ pieces: [[UInt8]], limit: Int) -> [String] {
        var framing = ContentLengthFraming(maxLength: limit)
        var found: [String] = []
        var skipped = 0
        for piece in pieces {
            piece.withUnsafeBytes { bytes in
                framing.feed(bytes) { event in
                    switch event {
                    case .message(let text): found.append(String(decoding: text, as: UTF8.self))
                    case .overlong(let start): found.append("overlong \(start.count)")
                    case .skipped(let bytes, let isLast):
                        skipped += bytes.count
                        if isLast { found.append("skipped \(skipped)") }
                    case .broken: found.append("broken")
                    }
                }
            }
        }
        if framing.isWithinMessage { found.append("unfinished") }
        return found
    }

    @Test(arguments: [
        ("Content-Length: 2\r\n\r\n{}", ["{}"]),
        ("Content-Length: 2\r\n\r\n{}content-length:3\r\nX: y\r\n\r\n[1]", ["{}", "[1]"]),
        ("Content-Type: a; charset=b\r\nCONTENT-LENGTH: \t 1 \r\n\r\n7", ["7"]),
        ("Content-Length: 0\r\n\r\nContent-Length: 1\r\n\r\n7", ["", "7"]),
        ("Content-Length: 4\r\n\r\n\r\n\r\n", ["\r\n\r\n"]),
        ("Content-Length: 12\r\n\r\nabcdefghijklContent-Length: 1\r\n\r\n7", ["overlong 12", "7"]),
        (
            "Content-Length: 5000\r\n\r\n" + String(repeating: "x", count: 5000)
                + "Content-Length: 1\r\n\r\n7", ["overlong 4096", "skipped 904", "7"]
        ),
        ("Content-Length: 2\r\n\r\n{", ["unfinished"]),
        ("Content-Len", ["unfinished"]),
        ("hello\nContent-Length: 2\r\n\r\n{}", ["broken"]),
        ("Content-Length: 2\n\n{}", ["broken"]),
        ("Content-Length: -2\r\n\r\n{}", ["broken"]),
        ("Content-Length: 2x\r\n\r\n{}", ["broken"]),
        ("Content-Length: 99999999999\r\n\r\n{}", ["broken"]),
        ("Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", ["broken"]),
        ("X: y\r\n\r\n{}", ["broken"]),
        ("Content-Length 2\r\n\r\n{}", ["broken"]),
        (": 2\r\n\r\n{}", ["broken"]),
        ("X: " + String(repeating: "y", count: 2000), ["broken"]),
    ])
    func `a stream gives the same in any pieces`(text: String, expected: [String]) {
        let bytes = Array(text.utf8)
        #expect(found([bytes], limit: 10) == expected)
        #expect(found(bytes.map { [$0] }, limit: 10) == expected)
        for place in 0...min(bytes.count, 100) {
            let pieces = [Array(bytes[..<place]), Array(bytes[place...])]
            #expect(found(pieces, limit: 10) == expected, "cut at \(place)")
        }
    }
}
