// One connection: responses in any cut, what ends them, and what a connection survives.

import Bytes
import Foundation
import HTTPWire
import Notifier
import Testing

@testable import HTTP

@Suite struct ClientConnectionTests {
    // MARK: Whole responses

    @Test(arguments: ClientCase.good, [Int.max, 1])
    func `a response arrives whole`(example: ClientCase, cut: Int) throws {
        let stage = try ClientStage()
        let (connection, peer, record, _) = try stage.asked(example.method)
        var rest = Substring(example.response)
        while !rest.isEmpty {
            peer.send(String(rest.prefix(cut)))
            rest = rest.dropFirst(cut)
            if cut == 1 { stage.loop.step(sleep: false) }
        }
        if example.endsWithConnection { peer.endSending() }
        try stage.run { record.hasEnded }
        #expect(record.succeeded, "\(String(describing: record.error))")
        #expect(record.text == example.body)
        #expect(record.calls.first == "head")
        #expect(connection.isFree == example.keeps)
        #expect(connection.isOpen == example.keeps)
        if !example.keeps { try stage.run { peer.sawEnd } }
    }

    @Test(arguments: ClientCase.good.filter { $0.response.count < 120 })
    func `a response cut in two anywhere means the same`(example: ClientCase) throws {
        for cut in 1..<example.response.count {
            let stage = try ClientStage()
            let (_, peer, record, _) = try stage.asked(example.method)
            peer.send(String(example.response.prefix(cut)))
            stage.loop.step(sleep: false)
            stage.loop.step(sleep: false)
            peer.send(String(example.response.dropFirst(cut)))
            if example.endsWithConnection { peer.endSending() }
            try stage.run { record.hasEnded }
            #expect(record.succeeded && record.text == example.body, "cut at \(cut)")
        }
    }

    @Test func `status and fields can be read while the head is told`() throws {
        let stage = try ClientStage()
        let record = ClientRecord()
        var type: String?
        var missing: String?
        record.onHead = {
            type = $0.text(.contentType)
            missing = $0.text(.location)
        }
        let (_, peer, _, exchange) = try stage.asked(.get, record)
        peer.send(
            "HTTP/1.1 404 Nope\r\nContent-Type: text/x\r\nX-Own: 1\r\nContent-Length: 0\r\n\r\n")
        try stage.run { record.hasEnded }
        #expect(record.status == 404)
        #expect(type == "text/x")
        #expect(missing == nil)
        #expect(record.fields["x-own"] == "1")
        #expect(exchange.fieldCount == 0 && exchange.field(.contentType) == nil)
        #expect(exchange.isOver)
    }

    // MARK: Broken responses

    @Test(arguments: ClientBadCase.faults, [Int.max, 1])
    func `a malformed response is an error and ends the connection`(
        example: ClientBadCase, cut: Int
    ) throws {
        let stage = try ClientStage()
        let (connection, peer, record, _) = try stage.asked()
        var rest = Substring(example.response)
        while !rest.isEmpty {
            peer.send(String(rest.prefix(cut)))
            rest = rest.dropFirst(cut)
            if cut == 1 { stage.loop.step(sleep: false) }
        }
        try stage.run { record.hasEnded }
        #expect(record.ends == [example.error])
        #expect(record.text == example.body)
        #expect(!connection.isOpen)
    }

    @Test(arguments: ClientBadCase.truncations, [false, true])
    func `a response that breaks off is an error`(example: ClientBadCase, isReset: Bool) throws {
        let stage = try ClientStage()
        let (connection, peer, record, _) = try stage.asked()
        peer.send(example.response)
        // Only what has been read is safe from a reset.
        try stage.settle()
        if isReset { peer.reset() } else { peer.endSending() }
        try stage.run { record.hasEnded }
        #expect(record.text == example.body)
        #expect(!connection.isOpen)
        if isReset {
            guard case .broken(let error) = record.error else {
                Issue.record("\(String(describing: record.error))")
                return
            }
            #expect(error.code == ECONNRESET)
        } else {
            #expect(record.ends == [example.error])
        }
    }

    @Test func `a reset is never taken for the end of a body`() throws {
        let stage = try ClientStage()
        let (_, peer, record, _) = try stage.asked()
        peer.send("HTTP/1.1 200 OK\r\n\r\nhello")
        try stage.run { record.text == "hello" }
        peer.reset()
        try stage.run { record.hasEnded }
        #expect(record.error != nil)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n!",
        "HTTP/1.1 204 No Content\r\n\r\nbody", "HTTP/1.1 304 Not Modified\r\n\r\nx",
    ])
    func `what is left over behind a response ends the connection`(response: String) throws {
        let stage = try ClientStage()
        let (connection, peer, record, _) = try stage.asked()
        peer.send(response)
        try stage.run { record.hasEnded }
        #expect(record.succeeded)
        #expect(!connection.isOpen)
    }

    @Test func `what comes unasked ends a connection that waits`() throws {
        let stage = try ClientStage()
        let (connection, peer, record, _) = try stage.asked()
        peer.send("HTTP/1.1 204 No Content\r\n\r\n")
        try stage.run { record.hasEnded }
        #expect(connection.isFree)
        peer.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        try stage.run { !connection.isOpen }
    }

    @Test func `what came unasked is never taken for the answer to the next request`() throws {
        let stage = try ClientStage()
        let (connection, peer, record, _) = try stage.asked()
        peer.send("HTTP/1.1 204 No Content\r\n\r\n")
        try stage.run { record.hasEnded }
        // The loop has not turned since: the connection learns of this by looking.
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        let next = ClientRecord()
        #expect(throws: ClientError.closed) {
            _ = try connection.send(stage.request(), next.events)
        }
        try stage.settle()
        #expect(next.calls.isEmpty)
    }

    // MARK: Limits

    @Test func `a head beyond the limit is refused`() throws {
        let stage = try ClientStage()
        stage.limits.wire.headBytes = 128
        let (_, peer, record, _) = try stage.asked()
        peer.send("HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 200))
        try stage.run { record.hasEnded }
        #expect(record.ends == [.malformed(.peer(.headTooLarge, suggestedStatus: 502))])
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", ""),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n",
            "hello worl"
        ),
        ("HTTP/1.1 200 OK\r\n\r\nhello world", "hello worl"),
    ])
    func `a body beyond the limit is refused, as early as it shows`(
        response: String, delivered: String
    ) throws {
        for cut in [Int.max, 1] {
            let stage = try ClientStage()
            stage.limits.bodyBytes = 10
            let (connection, peer, record, _) = try stage.asked()
            var rest = Substring(response)
            while !rest.isEmpty {
                peer.send(String(rest.prefix(cut)))
                rest = rest.dropFirst(cut)
                if cut == 1 { stage.loop.step(sleep: false) }
            }
            try stage.run { record.hasEnded }
            #expect(record.ends == [.bodyTooLarge(limit: 10)])
            #expect(record.text == delivered)
            #expect(!connection.isOpen)
        }
    }

    @Test func `a body of exactly the limit passes`() throws {
        for response in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ] {
            let stage = try ClientStage()
            stage.limits.bodyBytes = 5
            let (_, peer, record, _) = try stage.asked()
            peer.send(response)
            try stage.run { record.hasEnded }
            #expect(record.succeeded && record.text == "hello")
        }
    }

    // MARK: Keep-alive

    @Test func `requests follow each other on one connection`() throws {
        let stage = try ClientStage()
        let connection = stage.connection()
        for number in 1...3 {
            let record = ClientRecord()
            _ = try connection.send(try stage.request(.get, "/\(number)"), record.events)
            try stage.run { stage.peer.connections.first?.requestCount == number }
            let peer = stage.peer.connections[0]
            #expect(peer.received.contains("GET /\(number) HTTP/1.1\r\n"))
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(number)")
            try stage.run { record.hasEnded }
            #expect(record.text == "\(number)")
        }
        #expect(stage.peer.connections.count == 1)
    }

    @Test func `one request at a time`() throws {
        let stage = try ClientStage()
        let (connection, _, _, _) = try stage.asked()
        #expect(throws: ClientError.closed) {
            _ = try connection.send(stage.request(), ClientEvents())
        }
    }

    @Test func `a request given before the connection is made goes out with it`() throws {
        let stage = try ClientStage()
        let connection = stage.connection()
        let record = ClientRecord()
        _ = try connection.send(
            stage.request(.post, "/x", .bytes(Payload(Array("body".utf8)))), record.events)
        #expect(!connection.isFree)
        try stage.run { stage.peer.connections.first?.received.hasSuffix("\r\n\r\nbody") == true }
    }

    // MARK: Giving up

    @Test func `nothing is told after cancelling, wherever that happens`() throws {
        let response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
        for place in ["before", "head", "body"] {
            let stage = try ClientStage()
            let record = ClientRecord()
            var exchange: ClientExchange?
            record.onHead = { _ in if place == "head" { exchange?.cancel() } }
            record.onBody = { if place == "body" { exchange?.cancel() } }
            let (connection, peer, _, started) = try stage.asked(.get, record)
            exchange = started
            if place == "before" { started.cancel() }
            peer.send(response)
            try stage.run { peer.sawEnd }
            #expect(record.ends.isEmpty)
            #expect(
                record.calls
                    == (place == "before" ? [] : place == "head" ? ["head"] : ["head", "body"]))
            #expect(!connection.isOpen)
        }
    }

    @Test func `closing tells the owner of the request`() throws {
        let stage = try ClientStage()
        let (connection, _, record, _) = try stage.asked()
        var closed = 0
        connection.onClosed = { closed += 1 }
        connection.close()
        connection.close()
        #expect(record.ends == [.closed])
        #expect(closed == 1)
    }

    @Test func `a callback may step the loop and use another connection`() throws {
        let stage = try ClientStage()
        let outer = ClientRecord()
        let inner = ClientRecord()
        var type: String?
        outer.onHead = { exchange in
            let other = stage.connection()
            guard let request = try? stage.request(.get, "/inner") else { return }
            _ = try? other.send(request, inner.events)
            try? stage.run {
                stage.peer.connections.count == 2 && stage.peer.connections[1].requestCount == 1
            }
            stage.peer.connections[1].send(
                "HTTP/1.1 200 OK\r\nContent-Type: inner/x\r\nContent-Length: 5\r\n\r\ninner")
            try? stage.run { inner.hasEnded }
            type = exchange.text(.contentType)
        }
        let (_, peer, _, _) = try stage.asked(.get, outer)
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: outer/x\r\nContent-Length: 5\r\n\r\nouter")
        try stage.run { outer.hasEnded }
        #expect(inner.text == "inner" && outer.text == "outer")
        #expect(type == "outer/x")
    }

    @Test func `a connection in use goes away with its loop`() throws {
        weak var loop: EventLoop?
        weak var connection: ClientConnection?
        weak var exchange: ClientExchange?
        do {
            let stage = try ClientStage()
            loop = stage.loop
            (connection, _, _, exchange) = try stage.asked()
            #expect(connection?.isOpen == true)
        }
        #expect(loop == nil && connection == nil && exchange == nil)
    }
}
