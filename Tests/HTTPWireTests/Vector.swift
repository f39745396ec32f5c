// Vector: one section of a file in Vectors/, read from Markdown. The notation is explained at the
// top of Vectors/requests.md.

import Foundation
import HTTPWire
import Testing

/// Bytes from a peer and the events that they must lead to.
struct Vector: CustomTestStringConvertible, Sendable {
    var title: String
    var bytes: [UInt8]
    var log: [String]
    var limits = WireLimits()
    var method = HTTPWire.Method.get

    var testDescription: String { title }

    /// All vectors of the file `name`.
    static func load(_ name: String) -> [Vector] {
        guard let folder = Bundle.module.resourceURL,
            let text = try? String(
                contentsOf: folder.appending(path: "Vectors/\(name).md"), encoding: .utf8)
        else {
            Issue.record("Vectors/\(name).md is not readable")
            return []
        }
        return text.components(separatedBy: "\n## ").dropFirst().compactMap(parse)
    }

    private static func parse(_ section: String) -> Vector? {
        let lines = section.components(separatedBy: "\n")
        guard let input = block("```http", in: lines), let log = block("```log", in: lines) else {
            Issue.record("a section without its two blocks: \(lines[0])")
            return nil
        }
        var vector = Vector(title: lines[0], bytes: unescape(input.lines.joined()), log: log.lines)
        for option in input.options { vector.apply(option) }
        return vector
    }

    private static func block(
        _ fence: String, in lines: [String]
    ) -> (options: [String], lines: [String])? {
        guard let start = lines.firstIndex(where: { $0.hasPrefix(fence) }),
            let end = lines[(start + 1)...].firstIndex(of: "```")
        else { return nil }
        let options = lines[start].split(separator: " ").dropFirst().map(String.init)
        return (options, Array(lines[(start + 1)..<end]))
    }

    private mutating func apply(_ option: String) {
        let parts = option.split(separator: "=").map(String.init)
        let number = Int(parts[1]) ?? -1
        switch parts[0] {
        case "head": limits.headBytes = number
        case "target": limits.targetBytes = number
        case "name": limits.fieldNameBytes = number
        case "fields": limits.fieldCount = number
        case "lines": limits.leadingLineCount = number
        case "line": limits.chunkLineBytes = number
        case "extensions": limits.chunkExtensionBytes = number
        case "trailers": limits.trailerBytes = number
        case "to":
            for candidate in HTTPWire.Method.allCases
            where candidate.name?.description == parts[1] {
                method = candidate
            }
        default: Issue.record("unknown option \(option)")
        }
    }

    /// The bytes that `text` spells.
    static func unescape(_ text: String) -> [UInt8] {
        var output: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let letter = rest.popFirst() else {
                output.append(byte)
                continue
            }
            switch letter {
            case UInt8(ascii: "r"): output.append(0x0D)
            case UInt8(ascii: "n"): output.append(0x0A)
            case UInt8(ascii: "t"): output.append(0x09)
            case UInt8(ascii: "0"): output.append(0x00)
            case UInt8(ascii: "x"):
                let digits = String(decoding: rest.prefix(2), as: UTF8.self)
                output.append(UInt8(digits, radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            case UInt8(ascii: "{"):
                let inner = String(decoding: rest.prefix { $0 != UInt8(ascii: "}") }, as: UTF8.self)
                rest = rest.dropFirst(inner.utf8.count + 1)
                let parts = inner.split(separator: "*", maxSplits: 1).map(String.init)
                for _ in 0..<(Int(parts[0]) ?? 0) { output += Array(parts[1].utf8) }
            default: output.append(letter)
            }
        }
        return output
    }

    /// `bytes` in the notation of the vectors.
    static func escape(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            switch byte {
            case 0x0D: text += "\\r"
            case 0x0A: text += "\\n"
            case 0x09: text += "\\t"
            case 0x00: text += "\\0"
            case UInt8(ascii: "\\"): text += "\\\\"
            case 0x20..<0x7F: text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += "\\x" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return text
    }
}

/// A peer's side of a connection, written down as a log.
protocol VectorReader: AnyObject {
    /// Takes what has arrived.
    func feed(_ bytes: ArraySlice<UInt8>)
    /// The peer has closed; returns the log.
    func finish() -> [String]
}

extension Vector {
    /// Feeds the bytes in every way to readers that `makeReader` makes and compares the logs.
    func check<Reader: VectorReader>(_ makeReader: (Vector) -> Reader) {
        func run(_ name: String, _ cuts: [Int]) -> Bool {
            let reader = makeReader(self)
            var start = 0
            for cut in cuts + [bytes.count] {
                reader.feed(bytes[start..<cut])
                start = cut
            }
            let actual = reader.finish()
            guard Self.trimmed(actual) != Self.trimmed(log) else { return true }
            let report = (["fed \(name):"] + actual).joined(separator: "\n  ")
            Issue.record("\(report)")
            return false
        }
        // One report tells enough: the other cuts would mostly repeat it.
        guard run("whole", []) else { return }
        let cuts = Array(bytes.indices.dropFirst())
        for cut in cuts { guard run("in two at \(cut)", [cut]) else { return } }
        _ = run("byte by byte", cuts)
    }

    private static func trimmed(_ log: [String]) -> [String] {
        log.map { line in
            var line = line[...]
            while line.last == " " { line.removeLast() }
            return String(line)
        }
    }
}
