// Differential test: the same random and damaged texts to our reader and to those of Python and
// Node, which must agree on each: whether it is JSON, and what it says. Without the program on the
// path there is nothing to compare with.
//
// Stated differences: Python takes NaN and Infinity unless told not to; both take the last of two
// members with one name, our tree refuses the text; both keep half a surrogate pair as it is, our
// tree has U+FFFD in its place; both nest deeper than our limit.

import Bytes
import Foundation
import Testing

@testable import JSON

/// A reader of JSON that is not ours.
enum OtherReader: String, CaseIterable {
    case python3, node

    // Each reads triples of texts, each text behind its length in 4 bytes: a text, the same without
    // blanks by our scanner, and the same written from our tree; the latter two are empty if we
    // refused. It writes one byte for each triple: 0 for no JSON, 1 if all there is says the same,
    // 2 or 3 if that text says something else.
    private var script: String {
        switch self {
        case .python3:
            """
            import json, sys

            def refuse(word):
                raise ValueError(word)

            def mend(value):
                if isinstance(value, str):
                    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
                if isinstance(value, (list, tuple)):
                    return type(value)(mend(item) for item in value)
                return value

            def read(text):
                # Numbers as text: their length is limited otherwise, and 1.0 is not 1.
                return mend(json.loads(
                    text.decode("utf-8", "strict"), parse_int=str, parse_float=str,
                    parse_constant=refuse, object_pairs_hook=lambda pairs: ("object", *pairs)))

            def judge(text, compact, tree):
                try:
                    value = read(text)
                except ValueError:
                    return b"0"
                if compact and read(compact) != value:
                    return b"2"
                return b"3" if tree and read(tree) != value else b"1"

            data = sys.stdin.buffer.read()
            at = 0
            parts = []
            while at < len(data):
                length = int.from_bytes(data[at:at + 4], "little")
                parts.append(data[at + 4:at + 4 + length])
                at += 4 + length
            for start in range(0, len(parts), 3):
                sys.stdout.buffer.write(judge(*parts[start:start + 3]))
            """
        case .node:
            #"""
            const { isDeepStrictEqual } = require("node:util");
            const data = require("node:fs").readFileSync(0);
            const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
            const half = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
            function mend(value) {
                if (typeof value === "string") return value.replace(half, "\ufffd");
                if (Array.isArray(value)) return value.map(mend);
                if (value === null || typeof value !== "object") return value;
                return Object.fromEntries(
                    Object.entries(value).map(([key, item]) => [mend(key), mend(item)]));
            }
            const read = (bytes) => JSON.parse(decoder.decode(bytes));
            function judge(text, compact, tree) {
                let value;
                try { value = read(text); } catch { return "0"; }
                if (compact.length && !isDeepStrictEqual(read(compact), value)) return "2";
                if (tree.length && !isDeepStrictEqual(read(tree), mend(value))) return "3";
                return "1";
            }
            const parts = [];
            for (let at = 0; at < data.length;) {
                const length = data.readUInt32LE(at);
                parts.push(data.subarray(at + 4, at + 4 + length));
                at += 4 + length;
            }
            let answers = "";
            for (let at = 0; at < parts.length; at += 3) answers += judge(...parts.slice(at, at + 3));
            process.stdout.write(answers);
            """#
        }
    }

    private var isInstalled: Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(rawValue)")
        }
    }

    /// Those that are here.
    static let installed = allCases.filter(\.isInstalled)

    /// What it says of each triple.
    func answers(to triples: [[[UInt8]]]) throws -> [UInt8] {
        var input = Data()
        for text in triples.joined() {
            withUnsafeBytes(of: UInt32(text.count).littleEndian) { input.append(contentsOf: $0) }
            input.append(contentsOf: text)
        }
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("json-\(UUID().uuidString)")
        try input.write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [rawValue, self == .node ? "-e" : "-c", script]
        process.standardInput = try FileHandle(forReadingFrom: file)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let answers = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Array(answers)
    }
}

@Suite struct `JSON compared with others` {
    /// A text, and what our scanner and our tree make of it; empty where they refuse.
    private func triple(_ text: [UInt8]) -> [[UInt8]] {
        withPlaced(text) { bytes in
            var compact = ByteBuffer()
            _ = try? JSONScanner.compact(bytes, into: &compact, maxDepth: 900)
            var written = ByteBuffer()
            if let tree = try? JSONValue.parse(bytes, maxDepth: 900) { tree.write(into: &written) }
            return [text, compact.array(), written.array()]
        }
    }

    /// Expects that `reader` and we agree on each text; returns how many we accept.
    private func expectAgreement(_ reader: OtherReader, on texts: [[UInt8]]) throws -> Int {
        let triples = texts.map(triple)
        let answers = try reader.answers(to: triples)
        try #require(answers.count == texts.count)
        var accepted = 0
        for (triple, answer) in zip(triples, answers) {
            let ours = fault(in: triple[0], maxDepth: 900) == nil
            accepted += ours ? 1 : 0
            let wanted = UInt8(ascii: ours ? "1" : "0")
            #expect(answer == wanted, "\(String(decoding: triple[0], as: UTF8.self)) \(triple[0])")
        }
        return accepted
    }

    @Test(arguments: OtherReader.installed, [1, 2] as [UInt64])
    func `all accept and refuse the same texts, and read the same out of them`(
        reader: OtherReader, seed: UInt64
    ) throws {
        var random = RandomJSON(seed: seed)
        var texts: [[UInt8]] = []
        for _ in 0..<3_000 {
            let text = random.document()
            texts.append(text)
            texts.append(random.damaged(text))
            texts.append(random.damaged(text))
        }
        let accepted = try expectAgreement(reader, on: texts)
        // The damage must leave enough of both kinds to compare.
        #expect(accepted > 3_000 && accepted < 8_400)
    }

    @Test(arguments: OtherReader.installed)
    func `the corpus is judged by all alike`(reader: OtherReader) throws {
        let accepted = try expectAgreement(reader, on: Corpus.accepted.map(\.bytes))
        #expect(accepted == Corpus.accepted.count)
        let rejected = try expectAgreement(reader, on: Corpus.rejected.map(\.bytes))
        #expect(rejected == 0)
    }
}
