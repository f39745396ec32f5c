// Corpus: the tables of texts in the folder of that name, and bytes placed so that reading past
// their end or relying on their alignment shows.

import Foundation
import Testing

@testable import JSON

/// A row of a corpus file: words before the bar, bytes behind it.
struct CorpusRow: Sendable, CustomTestStringConvertible {
    let words: [String]
    let bytes: [UInt8]
    let testDescription: String
}

/// The corpus files.
enum Corpus {
    static let accepted = rows("accepted", hasWords: false)
    static let rejected = rows("rejected", hasWords: true)
    static let policy = rows("policy", hasWords: true)

    /// The rows of a file: no comments (`#`), no empty lines.
    private static func rows(_ name: String, hasWords: Bool) -> [CorpusRow] {
        guard
            let url = Bundle.module.url(
                forResource: name, withExtension: "txt", subdirectory: "Corpus"),
            let text = try? String(contentsOf: url, encoding: .utf8)
        else { return [] }
        return text.split(separator: "\n").compactMap { line in
            if line.hasPrefix("# ") { return nil }
            var words: [String] = []
            var document = line
            if hasWords, let bar = line.range(of: " | ") {
                words = line[..<bar.lowerBound].split(separator: " ").map(String.init)
                document = line[bar.upperBound...]
            }
            return CorpusRow(
                words: words, bytes: bytes(document), testDescription: String(line))
        }
    }

    /// The bytes that a text of a corpus file stands for: `<C3 A9>` is two bytes, all else UTF-8.
    private static func bytes(_ notation: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = notation
        while let open = rest.firstIndex(of: "<"), let close = rest[open...].firstIndex(of: ">") {
            bytes += rest[..<open].utf8
            bytes += rest[open...].dropFirst().prefix { $0 != ">" }.split(separator: " ")
                .compactMap { UInt8($0, radix: 16) }
            rest = rest[rest.index(after: close)...]
        }
        return bytes + rest.utf8
    }
}

/// Calls `body` with a copy of `bytes` that starts `offset` bytes behind a 16-byte boundary and whose
/// last byte is the last one of its memory block, so that address sanitizers notice reads beyond.
func withPlaced<Result>(
    _ bytes: [UInt8], offset: Int = 0, _ body: (UnsafeRawBufferPointer) -> Result
) -> Result {
    let block = UnsafeMutableRawBufferPointer.allocate(
        byteCount: offset + bytes.count, alignment: 16)
    defer { block.deallocate() }
    let place = UnsafeMutableRawBufferPointer(rebasing: block[offset...])
    place.copyBytes(from: bytes)
    return body(UnsafeRawBufferPointer(place))
}

/// What the scanner says about `bytes`: nil if it is one JSON text.
func fault(in bytes: [UInt8], offset: Int = 0, maxDepth: Int = 64) -> JSONError? {
    withPlaced(bytes, offset: offset) { text in
        do throws(JSONError) {
            _ = try JSONScanner.validate(text, maxDepth: maxDepth)
            return nil
        } catch {
            return error
        }
    }
}

/// What the parser makes of `bytes`.
func tree(_ bytes: [UInt8], maxDepth: Int = 64) -> Result<JSONValue, JSONError> {
    withPlaced(bytes) { text in
        do throws(JSONError) {
            return .success(try JSONValue.parse(text, maxDepth: maxDepth))
        } catch {
            return .failure(error)
        }
    }
}
