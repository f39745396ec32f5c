// Differential test: the same random and damaged texts to our scanner and to Python's json module,
// which must agree on each. Without a python3 on the path there is nothing to compare with.

import Foundation
import Testing

@testable import JSON

@Suite struct `JSON compared with Python` {
    // Reads texts, each behind its length in 4 bytes, and writes 1 or 0 for each. Python is strict
    // about bytes that are not UTF-8 if asked to be, and must be told to keep numbers as text (their
    // length is limited otherwise) and to refuse NaN and Infinity.
    private static let script = """
        import json, sys

        def refuse(word):
            raise ValueError(word)

        def accepts(text):
            try:
                json.loads(text.decode("utf-8", "strict"), parse_int=str, parse_float=str,
                           parse_constant=refuse)
                return True
            except ValueError:
                return False

        data = sys.stdin.buffer.read()
        at = 0
        answers = bytearray()
        while at < len(data):
            length = int.from_bytes(data[at:at + 4], "little")
            answers += b"1" if accepts(data[at + 4:at + 4 + length]) else b"0"
            at += 4 + length
        sys.stdout.buffer.write(answers)
        """

    private static let hasPython =
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/python3")
        }

    @Test(.enabled(if: hasPython), arguments: [1, 2, 3] as [UInt64])
    func `both accept and refuse the same texts`(seed: UInt64) throws {
        var random = RandomJSON(seed: seed)
        var texts: [[UInt8]] = []
        for _ in 0..<5_000 {
            let text = random.document()
            texts.append(text)
            texts.append(random.damaged(text))
            texts.append(random.damaged(text))
        }
        let answers = try Self.answers(to: texts)
        try #require(answers.count == texts.count)
        var accepted = 0
        for (text, answer) in zip(texts, answers) {
            let ours = fault(in: text, maxDepth: 900) == nil
            accepted += ours ? 1 : 0
            #expect(ours == (answer == 0x31), "\(String(decoding: text, as: UTF8.self)) \(text)")
        }
        // The damage must leave enough of both kinds to compare.
        #expect(accepted > 5_000 && accepted < 14_000)
    }

    private static func answers(to texts: [[UInt8]]) throws -> [UInt8] {
        var input = Data()
        for text in texts {
            withUnsafeBytes(of: UInt32(text.count).littleEndian) { input.append(contentsOf: $0) }
            input.append(contentsOf: text)
        }
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("json-\(UUID().uuidString)")
        try input.write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script]
        process.standardInput = try FileHandle(forReadingFrom: file)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let answers = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Array(answers)
    }
}
