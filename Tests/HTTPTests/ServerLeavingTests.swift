// Peers that leave, or end their side, while their answer is in the making: nobody can tell one from
// the other. Who has gone must not hold a call; who still reads must learn why it was given up.

import Testing

@testable import HTTP

@Suite struct ServerLeavingTests {
    /// Number of requests in `unread`.
    private static let unreadCount = 3_500

    /// More than a connection reads of what it cannot look at yet, and no more than the kernel takes
    /// beyond that: behind a closed window the end of the stream would not arrive.
    private static let unread = String(repeating: LiveVector.get(), count: unreadCount)

    @Test(
        "a peer that goes away with much unread takes its exchange with it",
        arguments: [false, true], ["a pipeline", "junk"])
    func goesAway(isTLS: Bool, behind: String) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect(isTCP: true)
        peer.send(
            behind == "junk"
                ? LiveVector.sized("/late-echo", "ab") + String(repeating: "junk", count: 30_000)
                : LiveVector.get("/later") + Self.unread)
        stage.settle()
        #expect(try #require(stage.server.connection(0)).isReadingPaused)
        #expect(stage.handler.waiting.count == 1 && stage.handler.abandoned == 0)
        peer.close()
        try stage.run {
            stage.advance(by: .milliseconds(100))
            return stage.server.connectionCount == 0
        }
        #expect(stage.handler.abandoned == 1)
    }

    @Test(arguments: [false, true])
    func `a half-closed peer learns why there is no answer`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        for method in ["GET", "HEAD"] {
            let peer = try stage.connect()
            peer.send(LiveVector.get("/later", method: method))
            peer.finish()
            stage.settle()
            #expect(peer.received.isEmpty && !peer.isAtEnd)
            stage.advance(by: .seconds(2))
            let heads: Set<Int> = method == "HEAD" ? [0] : []
            let answer = try #require(try peer.answers(heads: heads).first)
            #expect(answer.status == 408)
            #expect(answer.fields["connection"] == "close")
            #expect(answer.body.contains("limits.half_close_timeout") == heads.isEmpty)
            #expect(peer.isAtEnd && !peer.wasReset)
            #expect(peer.sawCloseNotify == isTLS)
        }
        #expect(stage.handler.abandoned == 2)
        #expect(stage.server.connectionCount == 0)
    }

    @Test(arguments: [false, true])
    func `a half-closed peer with much unread learns why, and is not reset`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        let peer = try stage.connect(isTCP: true)
        peer.send(LiveVector.get("/later") + Self.unread)
        peer.finishTransport()
        stage.settle()
        try stage.run {
            stage.advance(by: .milliseconds(100))
            return peer.isAtEnd
        }
        #expect(try peer.statuses() == [408])
        #expect(!peer.wasReset)
        #expect(peer.sawCloseNotify == isTLS)
        #expect(stage.handler.abandoned == 1)
        try stage.run { stage.server.connectionCount == 0 }
    }

    @Test func `each call of a half-closed pipeline has the time for itself`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(String(repeating: LiveVector.get("/later"), count: 3) + Self.unread)
        peer.finish()
        stage.settle()
        for _ in 0..<3 {
            stage.advance(by: .milliseconds(900))
            try stage.handler.answer()
            stage.settle()
        }
        #expect(try peer.statuses() == Array(repeating: 200, count: Self.unreadCount + 3))
        #expect(peer.isAtEnd && !peer.wasReset)
    }

    @Test(arguments: [false, true])
    func `a stream ends with its peer's side, whatever is unread`(isTLS: Bool) throws {
        let stage = try ServerStage(isTLS: isTLS)
        for behind in ["", Self.unread] {
            let peer = try stage.connect(isTCP: true)
            peer.send(LiveVector.get("/stream") + behind)
            stage.settle()
            peer.finishTransport()
            let before = stage.handler.abandoned
            try stage.run { stage.handler.abandoned == before + 1 }
            try stage.run { peer.isAtEnd }
            // Bytes that nobody reads make the kernel reset the connection at its end.
            if behind.isEmpty { #expect(peer.sawCloseNotify == isTLS) }
            #expect(!peer.text.hasSuffix("0\r\n\r\n"))
        }
        #expect(stage.server.connectionCount == 0)
    }

    @Test func `an owner that answers as it is told of the end does not hide the reason`() throws {
        let stage = try ServerStage()
        let peer = try stage.connect()
        peer.send(LiveVector.get("/later"))
        stage.settle()
        let exchange = try stage.handler.oldest()
        exchange.onAbandoned = { [unowned exchange] in exchange.respond(500, "cancelled") }
        peer.finish()
        stage.settle()
        stage.advance(by: .seconds(2))
        #expect(try peer.statuses() == [408])
        #expect(exchange.isGivenUp)
    }
}
