// The table of live vectors, whole and in every cut, plain and over TLS.

import Testing

@testable import HTTP

@Suite struct LiveVectorTests {
    /// Plays `vector` in the parts that `cuts` make.
    private func play(_ vector: LiveVector, cuts: [Int], on stage: ServerStage) throws {
        let peer = try stage.connect()
        let bytes = vector.sent
        var start = 0
        for end in cuts + [bytes.count] {
            peer.send(bytes[start..<end])
            stage.settle()
            start = end
        }
        let statuses = try peer.statuses(heads: vector.heads).filter { $0 != 100 }
        #expect(statuses == vector.expected, "cut at \(cuts)")
        #expect(peer.isAtEnd == (vector.fate == .closes), "cut at \(cuts)")
        #expect(!peer.wasReset, "cut at \(cuts)")
        peer.close()
        // While another test starts a program, that child still holds the peer's end for a moment.
        try stage.run { stage.server.connectionCount == 0 }
    }

    @Test(arguments: LiveVector.all, [false, true])
    func `sent whole`(vector: LiveVector, isTLS: Bool) throws {
        try play(vector, cuts: [], on: ServerStage(isTLS: isTLS))
    }

    @Test(arguments: LiveVector.all, [false, true])
    func `sent byte by byte`(vector: LiveVector, isTLS: Bool) throws {
        let count = min(vector.sent.count, 400)
        try play(vector, cuts: Array(1..<count), on: ServerStage(isTLS: isTLS))
    }

    @Test(arguments: LiveVector.all, [false, true])
    func `cut in two at every byte`(vector: LiveVector, isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        for cut in 1..<min(vector.sent.count, 400) { try play(vector, cuts: [cut], on: stage) }
    }
}
