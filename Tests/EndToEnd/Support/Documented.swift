// The examples of a Markdown page: commands with what they print, taken from its `console` blocks.
// A line "$ …" is a command for sh, the lines below are its output. In them "…" stands for any
// text, a line "…" for any lines. A last line "^C" says that the command goes on until interrupted;
// of what such a stream brings, the parts between lines "…" may come in any order.

import Foundation

/// One command of a page and what the page says of its output.
struct DocumentedCommand: CustomStringConvertible {
    let command: String
    var expected: [String] = []
    var staysOpen = false

    var description: String { command }

    /// The commands of a page, in order.
    static func all(in page: String) -> [DocumentedCommand] {
        var found: [DocumentedCommand] = []
        var isConsole = false
        for line in page.components(separatedBy: "\n") {
            if line.hasPrefix("```") {
                isConsole = line == "```console"
            } else if isConsole, line.hasPrefix("$ ") {
                found.append(DocumentedCommand(command: String(line.dropFirst(2))))
            } else if isConsole, line == "^C" {
                found[found.count - 1].staysOpen = true
            } else if isConsole {
                found[found.count - 1].expected.append(line)
            }
        }
        return found
    }

    /// Whether `output` is what the page says; of one that stays open, what has come so far.
    func matches(_ output: String) -> Bool {
        var lines = output.replacing("\r\n", with: "\n").components(separatedBy: "\n")
        // What follows the last line end is no line.
        if lines.last == "" { lines.removeLast() }
        guard staysOpen else { return Self.matches(expected[...], lines[...]) }
        return expected.split(separator: "…").allSatisfy { part in
            lines.indices.contains { Self.matches(part + ["…"], lines[$0...]) }
        }
    }

    private static func matches(_ expected: ArraySlice<String>, _ lines: ArraySlice<String>) -> Bool
    {
        guard let pattern = expected.first else { return lines.isEmpty }
        let rest = expected.dropFirst()
        if pattern == "…" {
            return rest.isEmpty
                || (lines.startIndex...lines.endIndex).contains { matches(rest, lines[$0...]) }
        }
        guard let line = lines.first, lineMatches(pattern, line) else { return false }
        return matches(rest, lines.dropFirst())
    }

    private static func lineMatches(_ pattern: String, _ line: String) -> Bool {
        let pieces = pattern.components(separatedBy: "…")
        guard pieces.count > 1 else { return pattern == line }
        guard line.hasPrefix(pieces[0]) else { return false }
        var rest = line.dropFirst(pieces[0].count)
        for piece in pieces.dropFirst().dropLast() {
            guard let found = rest.range(of: piece) else { return false }
            rest = rest[found.upperBound...]
        }
        return rest.hasSuffix(pieces[pieces.count - 1])
    }
}
