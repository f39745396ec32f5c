// The pool: reuse, bounds, waiting, and the one case in which a request is sent again.

import Bytes
import HTTPWire
import Notifier
import Testing

@testable import HTTP

private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

@Suite struct ClientPoolTests {
    /// Sends a request and has it answered, so that a connection is free.
    private func warm(_ stage: ClientStage, _ pool: ClientPool) throws -> ClientPeerConnection {
        let record = ClientRecord()
        try pool.send(stage.request(), record.events)
        try stage.run { stage.peer.connections.last?.requestCount == 1 }
        let peer = try #require(stage.peer.connections.last)
        peer.send(ok)
        try stage.run { record.hasEnded }
        #expect(record.succeeded && pool.idleCount == 1)
        return peer
    }

    // MARK: Reuse

    @Test func `a free connection is used again`() throws {
        let stage = try ClientStage()
        let pool = stage.pool()
        let peer = try warm(stage, pool)
        let record = ClientRecord()
        try pool.send(stage.request(.post), record.events)
        try stage.run { peer.requestCount == 2 }
        peer.send(ok)
        try stage.run { record.hasEnded }
        #expect(record.succeeded)
        #expect(stage.peer.connections.count == 1 && pool.connectionCount == 1)
    }

    @Test func `the connection used last is used first`() throws {
        let stage = try ClientStage()
        let pool = stage.pool()
        let records = [ClientRecord(), ClientRecord()]
        for record in records { try pool.send(stage.request(), record.events) }
        try stage.run {
            stage.peer.connections.count == 2
                && stage.peer.connections.allSatisfy { $0.requestCount == 1 }
        }
        stage.peer.connections[1].send(ok)
        try stage.run { pool.idleCount == 1 }
        stage.peer.connections[0].send(ok)
        try stage.run { pool.idleCount == 2 }
        try pool.send(stage.request(), ClientEvents())
        try stage.run { stage.peer.connections[0].requestCount == 2 }
    }

    @Test func `no more connections are kept than agreed`() throws {
        let stage = try ClientStage()
        stage.limits.idleConnections = 1
        let pool = stage.pool()
        for _ in 0..<3 { try pool.send(stage.request(), ClientEvents()) }
        try stage.run {
            stage.peer.connections.count == 3
                && stage.peer.connections.allSatisfy { $0.requestCount == 1 }
        }
        for peer in stage.peer.connections { peer.send(ok) }
        try stage.run { pool.connectionCount == 1 }
        #expect(pool.idleCount == 1)
        pool.closeIdle()
        #expect(pool.connectionCount == 0)
        try stage.run { stage.peer.connections.allSatisfy(\.sawEnd) }
    }

    @Test func `a connection that the peer has closed is not used`() throws {
        let stage = try ClientStage()
        let pool = stage.pool()
        let peer = try warm(stage, pool)
        peer.close()
        // No turn in between: the pool must look for itself, even for what may not be repeated.
        let record = ClientRecord()
        try pool.send(stage.request(.post), record.events)
        try stage.run {
            stage.peer.connections.count == 2 && stage.peer.connections[1].requestCount == 1
        }
        stage.peer.connections[1].send(ok)
        try stage.run { record.succeeded }
    }

    // MARK: Sending again

    /// How a connection dies under a request, and what becomes of that.
    struct RetryCase: Sendable, CustomTestStringConvertible {
        let name: String
        var method = HTTPWire.Method.get
        var isReused = true
        var answer = ""
        var isReset = false
        let isRetried: Bool
        var testDescription: String { name }

        static let all: [RetryCase] = [
            .init(name: "harmless, reused, closed without a byte", isRetried: true),
            .init(name: "harmless, reused, reset without a byte", isReset: true, isRetried: true),
            .init(name: "PUT of bytes", method: .put, isRetried: true),
            .init(name: "DELETE", method: .delete, isRetried: true),
            .init(name: "not harmless", method: .post, isRetried: false),
            .init(name: "on a new connection", isReused: false, isRetried: false),
            .init(name: "one byte of the answer came", answer: "H", isRetried: false),
            .init(
                name: "an interim answer came", answer: "HTTP/1.1 100 Continue\r\n\r\n",
                isRetried: false),
            .init(
                name: "one byte came before the reset", answer: "H", isReset: true,
                isRetried: false),
        ]
    }

    @Test(arguments: RetryCase.all)
    func `a request is sent again only if that is harmless`(example: RetryCase) throws {
        let stage = try ClientStage()
        let pool = stage.pool()
        if example.isReused { _ = try warm(stage, pool) }
        let record = ClientRecord()
        try pool.send(
            stage.request(example.method, "/again", .bytes(Payload([0x78]))), record.events)
        let before = example.isReused ? 2 : 1
        try stage.run { stage.peer.connections.last?.requestCount == before }
        try stage.settle()
        let peer = stage.peer.connections[0]
        peer.send(example.answer)
        try stage.settle()
        if example.isReset { peer.reset() } else { peer.close() }
        if example.isRetried {
            try stage.run {
                stage.peer.connections.count == 2 && stage.peer.connections[1].requestCount == 1
            }
            #expect(!record.hasEnded)
            #expect(stage.peer.connections[1].received.contains("/again"))
            stage.peer.connections[1].send(ok)
            try stage.run { record.hasEnded }
            #expect(record.succeeded)
        } else {
            try stage.run { record.hasEnded }
            #expect(record.error != nil)
            try stage.settle()
            #expect(stage.peer.connections.count == 1)
        }
    }

    @Test func `a request is sent again once, and on a new connection`() throws {
        let stage = try ClientStage()
        let pool = stage.pool()
        // Two free connections.
        for _ in 0..<2 { try pool.send(stage.request(), ClientEvents()) }
        try stage.run {
            stage.peer.connections.count == 2
                && stage.peer.connections.allSatisfy { $0.requestCount == 1 }
        }
        for peer in stage.peer.connections { peer.send(ok) }
        try stage.run { pool.idleCount == 2 }
        let record = ClientRecord()
        try pool.send(stage.request(), record.events)
        try stage.run { stage.peer.connections.contains { $0.requestCount == 2 } }
        stage.peer.connections.first { $0.requestCount == 2 }?.close()
        try stage.run {
            stage.peer.connections.count == 3 && stage.peer.connections[2].requestCount == 1
        }
        stage.peer.connections[2].close()
        try stage.run { record.hasEnded }
        #expect(record.ends == [.noAnswer])
        try stage.settle()
        #expect(stage.peer.connections.count == 3)
    }

    @Test func `a streamed body is never sent again`() throws {
        let stage = try ClientStage()
        let pool = stage.pool()
        let peer = try warm(stage, pool)
        let record = ClientRecord()
        let exchange = try pool.send(
            stage.request(.put, "/", .stream(length: 4)), record.events)
        _ = exchange.send("four")
        exchange.endBody()
        try stage.run { peer.received.hasSuffix("four") }
        peer.close()
        try stage.run { record.hasEnded }
        #expect(record.error != nil)
        try stage.settle()
        #expect(stage.peer.connections.count == 1)
    }

    @Test func `a deadline is no reason to send again`() throws {
        let stage = try ClientStage()
        let pool = stage.pool()
        let peer = try warm(stage, pool)
        let record = ClientRecord()
        try pool.send(stage.request(), record.events)
        try stage.run { peer.requestCount == 2 }
        try stage.advance(by: .seconds(61))
        #expect(record.ends == [.timedOut(.head)])
        #expect(stage.peer.connections.count == 1)
    }

    // MARK: Waiting

    @Test func `requests beyond the connections wait in their order`() throws {
        let stage = try ClientStage()
        stage.limits.connections = 1
        let pool = stage.pool()
        let records = (0..<4).map { _ in ClientRecord() }
        for (number, record) in records.enumerated() {
            try pool.send(stage.request(.get, "/\(number)"), record.events)
        }
        #expect(pool.waitingCount == 3)
        for number in 0..<4 {
            try stage.run { stage.peer.connections.first?.requestCount == number + 1 }
            #expect(stage.peer.connections[0].received.contains("GET /\(number) "))
            stage.peer.connections[0].send(ok)
            try stage.run { records[number].hasEnded }
        }
        #expect(stage.peer.connections.count == 1 && pool.waitingCount == 0)
        #expect(stage.loop.timerCount == 0)
    }

    @Test func `the queue is bounded`() throws {
        let stage = try ClientStage()
        stage.limits.connections = 1
        stage.limits.queueLength = 1
        let pool = stage.pool()
        try pool.send(stage.request(), ClientEvents())
        try pool.send(stage.request(), ClientEvents())
        #expect(throws: ClientError.queueFull(limit: 1)) {
            try pool.send(stage.request(), ClientEvents())
        }
    }

    @Test func `waiting has an end`() throws {
        let stage = try ClientStage()
        stage.limits.connections = 1
        let pool = stage.pool()
        let first = ClientRecord()
        let second = ClientRecord()
        try pool.send(stage.request(), first.events)
        try pool.send(stage.request(), second.events)
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        try stage.advance(by: .seconds(11))
        #expect(second.ends == [.timedOut(.queue)])
        #expect(!first.hasEnded && pool.waitingCount == 0)
    }

    @Test func `a request that is given up while it waits is never sent`() throws {
        let stage = try ClientStage()
        stage.limits.connections = 1
        let pool = stage.pool()
        try pool.send(stage.request(), ClientEvents())
        let record = ClientRecord()
        let waiting = try pool.send(stage.request(.get, "/never"), record.events)
        waiting.cancel()
        #expect(pool.waitingCount == 0)
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        stage.peer.connections[0].send(ok)
        try stage.run { pool.idleCount == 1 }
        #expect(record.calls.isEmpty && stage.loop.timerCount == 0)
        #expect(!stage.peer.connections[0].received.contains("/never"))
    }

    @Test func `a connection that ends makes room for those that wait`() throws {
        let stage = try ClientStage()
        stage.limits.connections = 1
        let pool = stage.pool()
        let first = ClientRecord()
        let second = ClientRecord()
        try pool.send(stage.request(.post), first.events)
        try pool.send(stage.request(.post), second.events)
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        stage.peer.connections[0].close()
        try stage.run {
            stage.peer.connections.count == 2 && stage.peer.connections[1].requestCount == 1
        }
        #expect(first.ends.count == 1 && !second.hasEnded)
    }

    @Test func `a retry goes before those that wait`() throws {
        let stage = try ClientStage()
        stage.limits.connections = 1
        let pool = stage.pool()
        let peer = try warm(stage, pool)
        try pool.send(stage.request(.get, "/first"), ClientEvents())
        try pool.send(stage.request(.get, "/second"), ClientEvents())
        try stage.run { peer.requestCount == 2 }
        peer.close()
        try stage.run {
            stage.peer.connections.count == 2 && stage.peer.connections[1].requestCount == 1
        }
        #expect(stage.peer.connections[1].received.contains("/first"))
    }

    // MARK: Ends

    @Test func `requests may be sent from inside the end of another`() throws {
        let stage = try ClientStage()
        stage.limits.connections = 1
        let pool = stage.pool()
        let first = ClientRecord()
        let second = ClientRecord()
        first.onEnd = { _ = try? pool.send(stage.request(.get, "/next"), second.events) }
        try pool.send(stage.request(), first.events)
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        stage.peer.connections[0].send(ok)
        try stage.run { stage.peer.connections[0].requestCount == 2 }
        stage.peer.connections[0].send(ok)
        try stage.run { second.succeeded }
    }

    @Test func `a server that refuses does not end in recursion`() throws {
        let stage = try ClientStage()
        let origin = ClientOrigin(.tcp(host: "x", port: 1), addresses: [])
        let pool = ClientPool(origin, on: stage.loop)
        var failures = 0
        func again() {
            var events = ClientEvents()
            events.onEnd = { _ in
                failures += 1
                if failures < 2000 { again() }
            }
            _ = try? pool.send(stage.request(), events)
        }
        again()
        #expect(failures == 0)
        try stage.run { failures == 2000 }
    }

    @Test func `closing ends everything and takes nothing new`() throws {
        let stage = try ClientStage()
        stage.limits.connections = 1
        let pool = stage.pool()
        let records = [ClientRecord(), ClientRecord()]
        for record in records { try pool.send(stage.request(), record.events) }
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        pool.close()
        #expect(records.map(\.ends) == [[.closed], [.closed]])
        #expect(throws: ClientError.closed) { try pool.send(stage.request(), ClientEvents()) }
        #expect(
            pool.connectionCount == 0 && stage.loop.timerCount == 0 && stage.loop.watchCount == 0)
    }

    @Test func `a pool that is let go closes its connections`() throws {
        let stage = try ClientStage()
        var pool: ClientPool? = stage.pool()
        let peer = try warm(stage, try #require(pool))
        pool = nil
        try stage.run { peer.sawEnd }
        #expect(stage.loop.watchCount == 0)
    }

    // MARK: Collecting

    @Test func `a response can be had in one piece`() throws {
        let stage = try ClientStage()
        let pool = stage.pool()
        var result: Result<ClientAnswer, ClientError>?
        try pool.fetch(stage.request(), limit: 5) { result = $0 }
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        stage.peer.connections[0].send(
            "HTTP/1.1 201 Created\r\nContent-Type: Text/Plain; charset=x\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
        try stage.run { result != nil }
        let answer = try #require(try result?.get())
        #expect(answer.status == 201 && answer.type == "text/plain")
        #expect(answer.body == Array("hello".utf8))
    }

    @Test func `a response that is too large for its collector is given up`() throws {
        let stage = try ClientStage()
        let pool = stage.pool()
        var results: [Result<ClientAnswer, ClientError>] = []
        try pool.fetch(stage.request(), limit: 4) { results.append($0) }
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        stage.peer.connections[0].send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        try stage.run { !results.isEmpty }
        try stage.settle()
        #expect(results.count == 1)
        #expect(throws: ClientError.bodyTooLarge(limit: 4)) { _ = try results[0].get() }
        #expect(pool.connectionCount == 0)
    }
}
