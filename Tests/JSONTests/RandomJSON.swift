// RandomJSON: documents of every shape from a seed, and small damage to them. The same seed gives
// the same documents, so that a failure can be repeated.

/// A small generator of random numbers (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// A source of random JSON texts.
struct RandomJSON {
    var numbers: SeededNumbers

    init(seed: UInt64) {
        numbers = SeededNumbers(seed: seed)
    }

    /// A valid text with blanks here and there.
    mutating func document() -> [UInt8] {
        var text: [UInt8] = []
        value(4, &text)
        return text
    }

    /// `text` with one to three bytes changed, inserted, removed or moved.
    mutating func damaged(_ text: [UInt8]) -> [UInt8] {
        var bytes = text
        for _ in 0...below(3) {
            let place = below(bytes.count + 1)
            switch below(6) {
            case 0: bytes.insert(telling(), at: place)
            case 1 where place < bytes.count: bytes.remove(at: place)
            case 2 where place < bytes.count: bytes[place] = telling()
            case 3 where place < bytes.count: bytes[place] ^= 1 << UInt8(below(8))
            case 4: bytes.removeLast(min(bytes.count, below(4)))
            default:
                let length = min(below(6), bytes.count - place)
                bytes.insert(
                    contentsOf: bytes[place..<(place + length)], at: below(bytes.count + 1))
            }
        }
        return bytes
    }

    private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &numbers) }

    /// A byte that JSON gives a meaning to, more often than not.
    private mutating func telling() -> UInt8 {
        let bytes = Array("{}[]:,\"\\/ \t\r\n-+.eE0123456789truefalsnubdxX\u{0}\u{1F}\u{7F}'".utf8)
        return below(4) == 0 ? UInt8(below(256)) : bytes[below(bytes.count)]
    }

    private mutating func blanks(_ text: inout [UInt8]) {
        guard below(5) == 0 else { return }
        for _ in 0..<below(4) {
            text.append([0x20, 0x09, 0x0A, 0x0D][below(4)])
        }
    }

    private mutating func value(_ depth: Int, _ text: inout [UInt8]) {
        blanks(&text)
        switch below(depth > 0 ? 9 : 6) {
        case 0: text += Array(["null", "true", "false"][below(3)].utf8)
        case 1, 2: number(&text)
        case 3, 4, 5: string(&text)
        case 6, 7: object(depth, &text)
        default: array(depth, &text)
        }
        blanks(&text)
    }

    private mutating func array(_ depth: Int, _ text: inout [UInt8]) {
        text.append(UInt8(ascii: "["))
        blanks(&text)
        for index in 0..<below(5) {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            value(depth - 1, &text)
        }
        text.append(UInt8(ascii: "]"))
    }

    private mutating func object(_ depth: Int, _ text: inout [UInt8]) {
        text.append(UInt8(ascii: "{"))
        blanks(&text)
        for index in 0..<below(5) {
            if index > 0 {
                text.append(UInt8(ascii: ","))
                blanks(&text)
            }
            // The number makes the key unique.
            text += Array("\"\(index)".utf8)
            if below(3) == 0 { text += Array("\\u00e9".utf8) }
            text.append(UInt8(ascii: "\""))
            blanks(&text)
            text.append(UInt8(ascii: ":"))
            value(depth - 1, &text)
        }
        text.append(UInt8(ascii: "}"))
    }

    private mutating func number(_ text: inout [UInt8]) {
        if below(3) == 0 { text.append(UInt8(ascii: "-")) }
        text += Array(String(below(3) == 0 ? below(1 << 40) : below(20)).utf8)
        if below(3) == 0 { text += Array(".\(below(1000))".utf8) }
        if below(4) == 0 { text += Array("\(["e", "E", "e+", "e-"][below(4)])\(below(30))".utf8) }
    }

    private mutating func string(_ text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        for _ in 0..<below(below(4) == 0 ? 40 : 8) {
            switch below(12) {
            case 0: text += Array("\\\(["\"", "\\", "/", "b", "f", "n", "r", "t"][below(8)])".utf8)
            case 1: text += Array("\\u\(hexadecimal(below(0x800)))".utf8)
            case 2: text += Array("\\ud83d\\ude\(hexadecimal(below(0x40)).suffix(2))".utf8)
            case 3: text += Array("é".utf8)
            case 4: text += Array(["日", "\u{2028}", "😀", "\u{FFFD}"][below(4)].utf8)
            default:
                let byte = UInt8(0x20 + below(0x5F))
                let isPlain = byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
                text.append(isPlain ? byte : UInt8(ascii: "x"))
            }
        }
        text.append(UInt8(ascii: "\""))
    }

    private func hexadecimal(_ value: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}
