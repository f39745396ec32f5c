// PARITY.md lists which test shows which convention; here it is held to that.

import Foundation
import Testing

@Suite struct CoverageTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .resolvingSymlinksInPath()

    private func rows() throws -> [[String]] {
        let text = try String(
            contentsOf: Self.folder.appendingPathComponent("PARITY.md"), encoding: .utf8)
        return text.split(separator: "\n").filter { $0.hasPrefix("|") }.dropFirst(2).map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    /// What stands between backticks, every second piece.
    private func names(_ cell: String) -> [String] {
        let pieces = cell.split(separator: "`", omittingEmptySubsequences: false)
        return stride(from: 1, to: pieces.count, by: 2).map { String(pieces[$0]) }
    }

    @Test func `every test that the list names exists`() throws {
        var sources = ""
        let files = FileManager.default.enumerator(
            at: Self.folder, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            sources += try String(contentsOf: file, encoding: .utf8)
        }
        for row in try rows() {
            try #require(row.count == 4, "\(row)")
            try #require(!names(row[3]).isEmpty, "\(row)")
            for name in names(row[3]) {
                #expect(sources.contains("func `\(name)`("), "section \(row[0]): \(name)")
            }
        }
    }

    @Test func `the list has every section, defect and line of the change log`() throws {
        let sections = Set(try rows().map { $0[0] })
        for section in 2...8 { #expect(sections.contains("\(section)")) }
        for row in 1...14 { #expect(sections.contains("9.\(row)")) }
        for line in 1...19 { #expect(sections.contains("12.\(line)")) }
        #expect(try rows().allSatisfy { ["P", "F", "B"].contains($0[1]) })
    }
}
