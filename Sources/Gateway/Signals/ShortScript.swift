// ShortScript: a script of our own without what only its authors need. It is no compressor for any
// script: it knows strings and words, and leaves the rest to the rules that the source keeps:
// - comments have lines of their own
// - a regular expression or template holds no quote, no run of spaces and no word that is shortened
// - a statement that ends without a semicolon is not followed by one that could continue it
// - no block ends with an empty statement

internal import Bytes

/// Shortens a script.
///
///     // Short: listener last
///     const listener = { last: "" };      →      let a={b:""};
struct ShortScript {
    /// The script as it is served.
    private(set) var text: [UInt8] = []

    private var names: [[UInt8]: [UInt8]] = [:]

    /// Behind these a line may go on in the next, and those may begin the rest of one.
    private static let open = Array("{([,;:?&|=>+".utf8)
    private static let going = Array("})].,:?&|+".utf8)

    /// What a line of comment begins with; no line of code does.
    private static let comments = ["//", "/**", "* ", "*/"]

    private static let heading = Array("// Short: ".utf8)

    /// Shortens `source`; words that a line `// Short: …` names become names of a letter or two.
    init(_ source: some Collection<UInt8>) {
        var code: [ArraySlice<UInt8>] = []
        var words: [[UInt8]] = []
        for line in Array(source).split(separator: UInt8(ascii: "\n")) {
            let line = line.drop { $0 == UInt8(ascii: " ") }
            if line.starts(with: Self.heading) {
                let named = line.dropFirst(Self.heading.count)
                words += named.split(separator: UInt8(ascii: " ")).map { Array($0) }
            } else if !line.isEmpty, !Self.comments.contains(where: { line.starts(with: $0.utf8) })
            {
                code.append(line)
            }
        }
        name(words, avoiding: code)
        for line in code { append(line) }
        text.append(UInt8(ascii: "\n"))
    }

    /// Gives each of `words` a name that is no word of `code`.
    private mutating func name(_ words: [[UInt8]], avoiding code: [ArraySlice<UInt8>]) {
        var taken: Set<[UInt8]> = []
        for line in code {
            for word in line.split(whereSeparator: { !Self.isOfWord($0) }) {
                taken.insert(Array(word))
            }
        }
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        let pairs = letters.map { [UInt8(ascii: "$"), $0] }
        let free = (letters.map { [$0] } + pairs).filter { !taken.contains($0) }
        for (word, name) in zip(words, free) { names[word] = name }
        // A shorter word for the same, where nothing is assigned to twice.
        names[Array("const".utf8)] = Array("let".utf8)
    }

    /// Appends a line of code.
    private mutating func append(_ line: ArraySlice<UInt8>) {
        if let last = text.last, let first = line.first, !Self.open.contains(last),
            !Self.going.contains(first)
        {
            text.append(UInt8(ascii: "\n"))
        }
        if text.last == UInt8(ascii: ";"), line.first == UInt8(ascii: "}") { text.removeLast() }
        var rest = line
        while let byte = rest.first {
            if Self.isOfWord(byte) {
                let word = rest.prefix(while: Self.isOfWord)
                text += names[Array(word)] ?? Array(word)
                rest = rest.dropFirst(word.count)
            } else if byte == UInt8(ascii: " ") {
                rest = rest.drop { $0 == byte }
                appendSpace(before: rest.first)
            } else if Self.isQuote(byte) {
                rest = appendString(rest)
            } else {
                text.append(byte)
                rest = rest.dropFirst()
            }
        }
    }

    /// Appends a space if what stands around it would be something else without.
    private mutating func appendSpace(before next: UInt8?) {
        guard let last = text.last, let next else { return }
        let isBetweenWords = Self.isOfWord(last) && Self.isOfWord(next)
        // Such as that in "a + +b".
        guard isBetweenWords || last == next else { return }
        text.append(UInt8(ascii: " "))
    }

    /// Appends the string that `code` begins with; returns what comes after it.
    private mutating func appendString(_ code: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var end = code.startIndex + 1
        while end < code.endIndex, code[end] != code.first {
            end += code[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        end = min(end + 1, code.endIndex)
        text += code[..<end]
        return code[end...]
    }

    private static func isQuote(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") || byte == UInt8(ascii: "`")
    }

    private static func isOfWord(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "$")
    }
}
