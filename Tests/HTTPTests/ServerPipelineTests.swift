// Pipelines: order, portions, back-pressure, and any cut of the bytes.

import Testing

@testable import HTTP

@Suite struct ServerPipelineTests {
    @Test(arguments: [false, true])
    func `answers come in the order of the requests, whoever is ready first`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect()
        peer.send(LiveVector.get("/later") + LiveVector.get() + LiveVector.get("/later"))
        stage.settle()
        #expect(peer.received.isEmpty)
        #expect(stage.handler.asked == ["GET /later"])
        try stage.handler.answer("first")
        stage.settle()
        #expect(try peer.answers().map(\.body) == ["first", "now\n"])
        try stage.handler.answer("third")
        stage.settle()
        #expect(try peer.answers().map(\.body) == ["first", "now\n", "third"])
    }

    @Test func `one peer's pipeline is taken in portions, and others have their turn between`()
        throws
    {
        let stage = try ServerStage { $0.pipelinedRequests = 10 }
        let greedy = try stage.connect()
        let modest = try stage.connect()
        greedy.send(String(repeating: LiveVector.get(), count: 100))
        modest.send(LiveVector.get("/none"))
        stage.turn()
        stage.turn()
        let place = try #require(stage.handler.asked.firstIndex(of: "GET /none"))
        #expect(place <= 20)
        stage.settle()
        #expect(try greedy.statuses() == Array(repeating: 200, count: 100))
    }

    @Test(arguments: [false, true])
    func `a peer that does not read is asked no further, and then misses nothing`(
        isTLS: Bool
    ) throws {
        let stage = try ServerStage(isTLS: isTLS) { $0.sendBacklog = 400_000 }
        let peer = try stage.connect()
        peer.shrinkBuffers()
        peer.isReading = false
        let request = LiveVector.get("/big", "X: \(String(repeating: "x", count: 4000))\r\n")
        peer.send(String(repeating: request, count: 150))
        stage.settle()
        #expect(stage.handler.asked.count <= 4)
        // Memory for it: the answers of at most two requests, and what was read of the pipeline.
        let connection = try #require(stage.server.connection(0))
        #expect(connection.backlog < 800_000)
        #expect(connection.keptByteCount < 200_000)
        peer.isReading = true
        stage.settle()
        #expect(try peer.statuses() == Array(repeating: 200, count: 150))
        #expect(connection.keptByteCount == 0)
    }

    @Test(arguments: [false, true])
    func `a pipeline behind an answer in the making is kept up to a bound`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect()
        peer.send(LiveVector.get("/later"))
        stage.settle()
        let count = 20_000
        peer.send(String(repeating: LiveVector.get(), count: count))
        stage.settle()
        let connection = try #require(stage.server.connection(0))
        #expect(connection.keptByteCount < 200_000)
        #expect(connection.isReadingPaused)
        try stage.handler.answer()
        stage.settle()
        #expect(try peer.statuses().count == count + 1)
        #expect(!connection.isReadingPaused)
    }

    @Test func `bytes that come one by one behind an answer in the making are kept as cheaply`()
        throws
    {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.get("/later"))
        stage.settle()
        for byte in Array(LiveVector.get().utf8) {
            peer.send([byte])
            stage.turn()
        }
        try stage.handler.answer()
        stage.settle()
        #expect(try peer.statuses() == [200, 200])
    }

    @Test(arguments: [false, true])
    func `a peer that ends its side behind a long pipeline gets every answer`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect()
        peer.send(LiveVector.get("/later") + String(repeating: LiveVector.get(), count: 8000))
        peer.finish()
        stage.settle()
        // The pipeline is longer than what is kept, so reading is paused when the end is reported.
        #expect(try #require(stage.server.connection(0)).isReadingPaused)
        try stage.handler.answer()
        stage.settle()
        #expect(try peer.statuses().count == 8001)
        #expect(peer.isAtEnd && !peer.wasReset)
        #expect(peer.sawCloseNotify == isTLS)
    }

    @Test(arguments: [false, true])
    func `a peer that ends its side and reads slowly gets every answer`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect(isTCP: true)
        peer.isReading = false
        peer.send(String(repeating: LiveVector.get("/big"), count: 40))
        peer.finish()
        stage.settle()
        #expect(stage.server.connectionCount == 1)
        peer.isReading = true
        try stage.run { peer.isAtEnd }
        #expect(try peer.statuses() == Array(repeating: 200, count: 40))
        #expect(peer.isAtEnd && !peer.wasReset)
    }

    @Test(arguments: 1...40)
    func `any cut of a pipeline gets the answers of the whole`(seed: UInt64) throws {
        var chance = Chance(seed: seed)
        let (text, methods) = chance.pipeline()
        let heads = Set(methods.indices.filter { methods[$0] == "HEAD" })
        var whole: [StageAnswer]?
        for isTLS in [false, true] {
            for cutCount in [0, 1, 5, 40] {
                let stage = try ServerStage(isTLS: isTLS) { $0.pipelinedRequests = 7 }
                let peer = try stage.connect()
                let cuts = (0..<cutCount).map { _ in chance.below(text.count) }.sorted()
                var start = 0
                for end in cuts + [text.count] {
                    peer.send(text[start..<end])
                    // With or without the server noticing the cut, and the handler being late.
                    if chance.below(2) == 0 { stage.settle() }
                    if chance.below(2) == 0, !stage.handler.waiting.isEmpty {
                        try stage.handler.answer()
                    }
                    start = end
                }
                stage.settle()
                while !stage.handler.waiting.isEmpty {
                    try stage.handler.answer()
                    stage.settle()
                }
                let answers = try peer.answers(heads: heads).map { answer in
                    StageAnswer(
                        status: answer.status,
                        fields: answer.fields.filter { $0.key != "x-request-id" }, body: answer.body
                    )
                }
                #expect(answers.count == methods.count)
                if whole == nil { whole = answers }
                #expect(answers == whole, "TLS \(isTLS), cut at \(cuts)")
            }
        }
    }
}

/// Random numbers that a seed repeats (SplitMix64).
struct Chance {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// Valid requests one behind the other, and their methods.
    mutating func pipeline() -> ([UInt8], [String]) {
        var text = ""
        var methods: [String] = []
        for _ in 0..<(2 + below(25)) {
            let body = String(repeating: "x", count: below(600))
            let (request, method) =
                switch below(12) {
                case 0: (LiveVector.get(), "GET")
                case 1: (LiveVector.get(method: "HEAD"), "HEAD")
                case 2: (LiveVector.get("/later"), "GET")
                case 3: (LiveVector.get("/later", method: "HEAD"), "HEAD")
                case 4: ("\r\n" + LiveVector.get("/none"), "GET")
                case 5: (LiveVector.sized("/none", body), "POST")
                case 6: (LiveVector.chunked("/none", LiveVector.chunk(body + "y")), "POST")
                case 7: (LiveVector.chunked("/late-echo", LiveVector.chunk(body + "y")), "POST")
                case 8: (LiveVector.sized("/late-echo", body), "POST")
                case 9: (LiveVector.get("/later", "Content-Length: 3\r\n") + "abc", "GET")
                case 10:
                    (
                        LiveVector.get("/now", "Connection: keep-alive\r\n", version: "HTTP/1.0"),
                        "GET"
                    )
                default: (LiveVector.sized("/echo", body), "POST")
                }
            text += request
            methods.append(method)
        }
        return (Array(text.utf8), methods)
    }
}
