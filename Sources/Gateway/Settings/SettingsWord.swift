// SettingsWord: which bare words JSON5 allows as keys and as values. What JSONDecoder would refuse
// without telling the place is refused here, with the line.

import Bytes

/// Bare words of JSON5.
enum SettingsWord {
    /// The name that a key token stands for.
    ///
    /// JSON5 allows all identifiers of ECMAScript 5.1 without quotes; here they are ASCII ones.
    ///
    /// - Throws: a fault for any other bare word, and for a string that escapes no character.
    static func key(
        _ token: SettingsTokens.Kind, _ tokens: SettingsTokens
    ) throws(SyntaxFault) -> String {
        switch token {
        case .word(let range):
            let word = tokens.string(range)
            guard isIdentifier(word) else {
                throw SyntaxFault(
                    line: tokens.line, problem: "the key \(word) needs quotes",
                    advice: "write \"\(word)\"")
            }
            return word
        case .string(let range):
            let quoted = tokens.string(range)
            guard quoted.utf8.contains(UInt8(ascii: "\\")) else {
                return String(quoted.dropFirst().dropLast())
            }
            guard case .text(let name)? = try? SettingValue.read([UInt8](quoted.utf8)) else {
                throw SyntaxFault(
                    line: tokens.line, problem: "the key \(quoted) has a broken escape",
                    advice: nil)
            }
            return name
        case .punctuation, .end:
            preconditionFailure("keys are words or strings")
        }
    }

    /// Accepts the bare words that are values: literals and numbers.
    static func checkValue(_ word: String, line: Int) throws(SyntaxFault) {
        switch word {
        case "true", "false", "null": return
        case "True", "False", "yes", "no", "on", "off", "TRUE", "FALSE":
            throw SyntaxFault(
                line: line, problem: "unknown word \(word)", advice: "write true or false")
        default: break
        }
        if isNumber(word) { return }
        let first = word.utf8.first ?? 0
        let looksLikeNumber = ASCII.isDigit(first) || "+-.".utf8.contains(first)
        throw SyntaxFault(
            line: line,
            problem:
                "\(word) is \(looksLikeNumber ? "no number" : "neither a number nor a literal")",
            advice: "put text in quotes: \"\(word)\"")
    }

    private static func isIdentifier(_ word: String) -> Bool {
        guard let first = word.utf8.first, !ASCII.isDigit(first) else { return false }
        return word.utf8.allSatisfy { byte in
            ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: "$")
        }
    }

    /// Whether `word` is a JSON5 number: signed decimal, hexadecimal, `Infinity` or `NaN`.
    private static func isNumber(_ word: String) -> Bool {
        var rest = Substring(word)
        if rest.first == "-" || rest.first == "+" { rest = rest.dropFirst() }
        if rest == "Infinity" || rest == "NaN" { return true }
        if rest.hasPrefix("0x") || rest.hasPrefix("0X") {
            let digits = rest.dropFirst(2)
            return !digits.isEmpty && digits.utf8.allSatisfy { ASCII.hexValue($0) != nil }
        }
        let mantissa = rest.prefix { $0 != "e" && $0 != "E" }
        let parts = mantissa.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.contains(where: { !$0.isEmpty }) else { return false }
        guard parts.allSatisfy({ $0.utf8.allSatisfy { ASCII.isDigit($0) } }) else { return false }
        if let whole = parts.first, whole.count > 1, whole.hasPrefix("0") { return false }
        guard mantissa.endIndex < rest.endIndex else { return true }
        var exponent = rest[mantissa.endIndex...].dropFirst()
        if exponent.first == "-" || exponent.first == "+" { exponent = exponent.dropFirst() }
        return !exponent.isEmpty && exponent.utf8.allSatisfy { ASCII.isDigit($0) }
    }
}
