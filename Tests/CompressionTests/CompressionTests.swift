// Deflater and Inflater: round trips in pieces of every size, agreement with gzip(1) and Python, and
// what happens with data that is broken, cut, followed by more or larger than allowed.

import Bytes
import Foundation
import Testing

@testable import Compression

/// Texts of several kinds: nothing, short, repetitive, random, long.
private let samples: [[UInt8]] = {
    var state: UInt64 = 88_172_645_463_325_252
    let random = (0..<70_000).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state)
    }
    return [
        [], [0x61], Array("hello, hello, hello".utf8), Array(repeating: 0, count: 100_000),
        random, Array(String(repeating: "{\"id\":1,\"name\":\"signalbox\"},", count: 9_000).utf8),
    ]
}()

private let codings: [ContentCoding] = [.gzip, .deflate]

private func compressed(
    _ bytes: [UInt8], _ coding: ContentCoding, level: Int = 6, memory: Deflater.Memory = .full
) throws -> [UInt8] {
    let deflater = try Deflater(coding, level: level, memory: memory)
    var output = ByteBuffer()
    bytes.withUnsafeBytes { deflater.append($0, to: &output, flush: .finish) }
    return output.array()
}

/// What comes out of `bytes`, fed in pieces of `step` bytes.
private func inflated(
    _ bytes: [UInt8], _ coding: ContentCoding, limit: Int = 1 << 20, step: Int = .max
) throws -> [UInt8] {
    let inflater = try Inflater(coding, outputLimit: limit)
    var output = ByteBuffer()
    var at = 0
    while at < bytes.count {
        let end = step < bytes.count - at ? at + step : bytes.count
        try append(Array(bytes[at..<end]), to: inflater, &output)
        #expect(output.count <= max(limit, 0) && inflater.outputCount == output.count)
        at = end
    }
    try inflater.finish()
    return output.array()
}

private func append(_ bytes: [UInt8], to inflater: Inflater, _ output: inout ByteBuffer) throws {
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { block.deallocate() }
    block.copyBytes(from: bytes)
    try inflater.append(UnsafeRawBufferPointer(block), to: &output)
}

@Suite struct `Compression` {
    @Test(arguments: codings, 0..<samples.count)
    func `what is compressed comes back, in pieces of any size`(
        coding: ContentCoding, sample: Int
    ) throws {
        let bytes = samples[sample]
        for memory in [Deflater.Memory.full, .small] {
            for level in [0, 1, 6, 9] {
                let packed = try compressed(bytes, coding, level: level, memory: memory)
                #expect(try inflated(packed, coding) == bytes)
            }
        }
        let packed = try compressed(bytes, coding)
        for step in [1, 2, 7, 1_000] {
            #expect(try inflated(packed, coding, step: step) == bytes)
        }
    }

    @Test(arguments: codings)
    func `after a sync flush everything so far can be read`(coding: ContentCoding) throws {
        let deflater = try Deflater(coding, memory: .small)
        let inflater = try Inflater(coding, outputLimit: 1 << 20)
        var read = ByteBuffer()
        for index in 0..<200 {
            let event = Array("data: {\"n\":\(index)}\n\n".utf8)
            var packed = ByteBuffer()
            event.withUnsafeBytes { deflater.append($0, to: &packed, flush: .sync) }
            try append(packed.array(), to: inflater, &read)
            #expect(read.array() == event)
            #expect(!inflater.isFinished)
            read.removeAll()
        }
        var end = ByteBuffer()
        deflater.finish(&end)
        try append(end.array(), to: inflater, &read)
        try inflater.finish()
        #expect(read.isEmpty && deflater.isFinished)
    }

    @Test func `without a flush output may wait`() throws {
        let deflater = try Deflater(.gzip)
        var output = ByteBuffer()
        for _ in 0..<100 {
            samples[2].withUnsafeBytes { deflater.append($0, to: &output) }
        }
        #expect(output.count < 100)
        deflater.finish(&output)
        #expect(try inflated(output.array(), .gzip).count == 100 * samples[2].count)
    }

    @Test(arguments: codings)
    func `a compressor can be used again`(coding: ContentCoding) throws {
        let deflater = try Deflater(coding)
        for sample in samples {
            var output = ByteBuffer()
            sample.withUnsafeBytes { deflater.append($0, to: &output, flush: .finish) }
            #expect(try inflated(output.array(), coding) == sample)
            deflater.reset()
            #expect(!deflater.isFinished)
        }
    }

    @Test func `output is appended to what is there`() throws {
        let packed = try compressed(samples[2], .gzip)
        let inflater = try Inflater(.gzip, outputLimit: 100)
        var output = ByteBuffer()
        output.append("<")
        try append(packed, to: inflater, &output)
        #expect(output.array() == [0x3C] + samples[2])
    }

    @Test(arguments: [
        (
            ContentCoding.gzip,
            "import sys,gzip; d=sys.stdin.buffer.read(); sys.stdout.buffer.write(gzip.decompress(d))"
        ),
        (
            .deflate,
            "import sys,zlib; d=sys.stdin.buffer.read(); sys.stdout.buffer.write(zlib.decompress(d))"
        ),
    ])
    func `another implementation reads what we write`(coding: ContentCoding, script: String) throws
    {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/python3") else { return }
        let bytes = samples[5]
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("deflate-\(UUID().uuidString)")
        try Data(try compressed(bytes, coding)).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-c", script]
        process.standardInput = try FileHandle(forReadingFrom: file)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let read = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(Array(read) == bytes)
    }
}

@Suite struct `Decompression of bad data` {
    @Test(arguments: codings, [0, 1, 100, 99_999, 100_000, 100_001])
    func `the limit is exact`(coding: ContentCoding, limit: Int) throws {
        let packed = try compressed(samples[3], coding)
        for step in [1, 50, Int.max] {
            if limit >= 100_000 {
                #expect(try inflated(packed, coding, limit: limit, step: step).count == 100_000)
            } else {
                #expect(throws: CompressionError.tooLarge(limit: limit)) {
                    try inflated(packed, coding, limit: limit, step: step)
                }
            }
        }
    }

    @Test func `a bomb costs no more than its limit`() throws {
        // A hundred mebibytes in about a hundred kibibytes.
        let deflater = try Deflater(.gzip, level: 1)
        var bomb = ByteBuffer()
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        for _ in 0..<100 {
            zeros.withUnsafeBytes { deflater.append($0, to: &bomb) }
        }
        deflater.finish(&bomb)
        let inflater = try Inflater(.gzip, outputLimit: 1 << 16)
        var output = ByteBuffer()
        #expect(throws: CompressionError.tooLarge(limit: 1 << 16)) {
            try append(bomb.array(), to: inflater, &output)
        }
        #expect(output.count <= 1 << 16 && output.capacity <= 1 << 18)
        // Going on after the fault yields nothing.
        #expect(throws: CompressionError.self) { try append(bomb.array(), to: inflater, &output) }
        #expect(output.count <= 1 << 16)
    }

    @Test(arguments: codings)
    func `an output of nothing is allowed by a limit of nothing`(coding: ContentCoding) throws {
        #expect(try inflated(compressed([], coding), coding, limit: 0) == [])
        #expect(try inflated(compressed([], coding), coding, limit: -5) == [])
    }

    @Test(arguments: codings)
    func `cut data is truncated, wherever it is cut`(coding: ContentCoding) throws {
        let packed = try compressed(samples[2], coding)
        for length in 0..<packed.count {
            #expect(throws: CompressionError.truncated) {
                try inflated(Array(packed[..<length]), coding)
            }
        }
    }

    @Test(arguments: codings)
    func `data with one bit wrong is never taken for good`(coding: ContentCoding) throws {
        let packed = try compressed(samples[2], coding)
        // Bytes 4 to 9 of a gzip head (time, flags of the compressor, system) mean nothing here.
        for place in packed.indices where coding == .deflate || !(4...9).contains(place) {
            for bit in 0..<8 {
                var broken = packed
                broken[place] ^= 1 << UInt8(bit)
                let result = Result { try inflated(broken, coding) }
                // A flag of the gzip head may add a part to it that happens to be well-formed.
                if case .success(let bytes) = result {
                    #expect(bytes == samples[2] && coding == .gzip && place == 3)
                }
            }
        }
    }

    @Test(arguments: codings)
    func `garbage is corrupt`(coding: ContentCoding) throws {
        for garbage in ["plain text", "{\"a\":1}", "PK\u{3}\u{4}", "\0\0\0\0"] {
            #expect(throws: CompressionError.corrupt) { try inflated(Array(garbage.utf8), coding) }
        }
    }

    @Test func `one coding is not the other`() throws {
        #expect(throws: CompressionError.corrupt) {
            try inflated(compressed(samples[2], .gzip), .deflate)
        }
        #expect(throws: CompressionError.corrupt) {
            try inflated(compressed(samples[2], .deflate), .gzip)
        }
    }

    @Test func `bare deflate data is refused`() throws {
        let packed = try compressed(samples[2], .deflate)
        #expect(throws: CompressionError.corrupt) {
            try inflated(Array(packed.dropFirst(2).dropLast(4)), .deflate)
        }
    }

    @Test(arguments: [1, Int.max])
    func `gzip members in a row are one stream`(step: Int) throws {
        let packed =
            try compressed(samples[2], .gzip) + compressed([], .gzip)
            + compressed(samples[1], .gzip)
        #expect(try inflated(packed, .gzip, step: step) == samples[2] + samples[1])
        #expect(throws: CompressionError.tooLarge(limit: samples[2].count)) {
            try inflated(packed, .gzip, limit: samples[2].count, step: step)
        }
        #expect(throws: CompressionError.truncated) {
            try inflated(Array(packed.dropLast(3)), .gzip, step: step)
        }
    }

    @Test(arguments: [1, Int.max])
    func `anything else behind the end is refused`(step: Int) throws {
        let gzip = try compressed(samples[2], .gzip)
        #expect(throws: CompressionError.corrupt) {
            try inflated(gzip + [0, 0], .gzip, step: step)
        }
        #expect(throws: CompressionError.corrupt) {
            try inflated(gzip + Array("GET / HTTP/1.1".utf8), .gzip, step: step)
        }
        let deflate = try compressed(samples[2], .deflate)
        #expect(throws: CompressionError.trailingData) {
            try inflated(deflate + [0], .deflate, step: step)
        }
        #expect(throws: CompressionError.trailingData) {
            try inflated(deflate + deflate, .deflate, step: step)
        }
    }

    @Test func `a preset dictionary is refused`() throws {
        // CMF 78, FLG with FDICT set and its check bits right, then four bytes of dictionary id.
        #expect(throws: CompressionError.corrupt) {
            try inflated([0x78, 0xBB, 0, 0, 0, 1, 0x03, 0x00], .deflate)
        }
    }

    @Test func `errors read as sentences`() {
        #expect(
            CompressionError.tooLarge(limit: 10).description
                == "data is longer than 10 bytes when decompressed")
    }
}
