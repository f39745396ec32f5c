// One connection: responses in any cut, what ends them, and what a connection survives.

import Bytes
import Foundation
import HTTPWire
import Notifier
import Testing

@testable import HTTP

/// A response and what its owner must hear.
struct ClientCase: Sendable, CustomTestStringConvertible {
    let name: String
    let response: String
    var body = ""
    var method = HTTPWire.Method.get
    var endsWithConnection = false
    /// Whether the connection may carry another request.
    var keeps = true
    var testDescription: String { name }

    static let good: [ClientCase] = [
        .init(
            name: "a length", response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            body: "hello"),
        .init(
            name: "chunks",
            response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n", body: "hello"),
        .init(
            name: "the connection's end",
            response: "HTTP/1.1 200 OK\r\n\r\nhello", body: "hello", endsWithConnection: true,
            keeps: false),
        .init(name: "an empty body", response: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        .init(name: "204", response: "HTTP/1.1 204 No Content\r\n\r\n"),
        .init(
            name: "304 with a length",
            response: "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"),
        .init(
            name: "HEAD", response: "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", method: .head),
        .init(
            name: "HEAD of chunks",
            response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", method: .head),
        .init(
            name: "interim responses",
            response: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", body: "ok"),
        .init(
            name: "the peer's wish to close",
            response: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            body: "ok", keeps: false),
        .init(
            name: "HTTP/1.0", response: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
            body: "ok", keeps: false),
        .init(
            name: "HTTP/1.0 with keep-alive",
            response: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
            body: "ok"),
        .init(
            name: "an interim response that announces a body",
            response: "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", body: "ok", keeps: false),
        .init(
            name: "a 204 that announces a body",
            response: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", keeps: false),
    ]
}

/// A response that is no response, or only part of one.
struct ClientBadCase: Sendable, CustomTestStringConvertible {
    let name: String
    let response: String
    let error: ClientError
    var body = ""
    var testDescription: String { name }

    static let faults: [ClientBadCase] = [
        .init(name: "no HTTP", response: "SSH-2.0-x\r\n", error: peer(.statusLineInvalid)),
        .init(
            name: "two lengths",
            response: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            error: peer(.lengthRepeated)),
        .init(
            name: "length and chunks",
            response: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0",
            error: peer(.lengthWithCoding)),
        .init(
            name: "a bare LF in chunks",
            response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\nabc",
            error: peer(.chunkLineBareLF), body: "ab"),
        .init(
            name: "another protocol",
            response: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            error: .protocolSwitched),
        .init(
            name: "too many interims",
            response: String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 17),
            error: .interimsTooMany),
    ]

    static let truncations: [ClientBadCase] = [
        .init(name: "nothing", response: "", error: .noAnswer),
        .init(name: "half a status line", response: "HTTP/1.", error: .truncated),
        .init(name: "half a head", response: "HTTP/1.1 200 OK\r\nA: b", error: .truncated),
        .init(
            name: "an interim alone", response: "HTTP/1.1 100 Continue\r\n\r\n",
            error: .truncated),
        .init(
            name: "part of a length",
            response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", error: .truncated,
            body: "hell"),
        .init(
            name: "none of a length",
            response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", error: .truncated),
        .init(
            name: "part of a chunk",
            response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell",
            error: .truncated, body: "hell"),
        .init(
            name: "no last chunk",
            response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            error: .truncated, body: "hello"),
        .init(
            name: "no end of the trailers",
            response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n",
            error: .truncated),
    ]

    private static func peer(_ fault: WireFault) -> ClientError {
        .malformed(.peer(fault, suggestedStatus: 502))
    }
}

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

    // MARK: Back-pressure

    @Test func `a paused reader makes the peer wait, and loses nothing`() throws {
        let stage = try ClientStage()
        let (_, peer, record, exchange) = try stage.asked()
        let total = 8 << 20
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
        try stage.run { record.status == 200 }
        exchange.pauseReading()
        let block = [UInt8](repeating: 0x61, count: 1 << 16)
        for _ in 0..<64 { peer.send(block) }
        try stage.settle()
        #expect(record.body.isEmpty)
        exchange.resumeReading()
        try stage.run { record.body.count > 0 }
        let seen = record.body.count
        exchange.pauseReading()
        try stage.settle()
        #expect(record.body.count == seen)
    }

    @Test(arguments: [true, false], [false, true])
    func `a pause in every piece only slows down`(hasLength: Bool, ends: Bool) throws {
        let stage = try ClientStage()
        let record = ClientRecord()
        var exchange: ClientExchange?
        record.onBody = { exchange?.pauseReading() }
        let (_, peer, _, started) = try stage.asked(.get, record)
        exchange = started
        let total = 300_000
        peer.send(
            "HTTP/1.1 200 OK\r\n" + (hasLength ? "Content-Length: \(total)\r\n" : "") + "\r\n")
        peer.send([UInt8](repeating: 0x61, count: total))
        // The end is signalled while the reader does not want to hear of it.
        if ends { peer.endSending() }
        try stage.run {
            if started.isPaused { started.resumeReading() }
            if record.body.count == total { peer.endSending() }
            return record.hasEnded
        }
        #expect(record.succeeded)
        #expect(record.body.count == total)
        #expect(record.pieceCount > 2)
    }

    @Test func `a connection whose reader paused at the very end still notices its end`() throws {
        let stage = try ClientStage()
        let record = ClientRecord()
        var exchange: ClientExchange?
        record.onBody = { exchange?.pauseReading() }
        let (connection, peer, _, started) = try stage.asked(.get, record)
        exchange = started
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        try stage.run { record.hasEnded }
        #expect(record.succeeded && connection.isFree)
        peer.close()
        try stage.run { !connection.isOpen }
    }

    @Test(arguments: [false, true])
    func `a paused response that breaks off is an error once it is read`(isReset: Bool) throws {
        let stage = try ClientStage()
        let (_, peer, record, exchange) = try stage.asked()
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        try stage.run { record.status == 200 }
        exchange.pauseReading()
        peer.send("hello")
        if isReset { peer.reset() } else { peer.close() }
        try stage.settle()
        #expect(record.body.isEmpty && !record.hasEnded)
        exchange.resumeReading()
        try stage.run { record.hasEnded }
        #expect(record.text == "hello")
        #expect(record.error != nil)
    }

    // MARK: Streamed requests

    @Test func `a streamed body goes out as it comes`() throws {
        let stage = try ClientStage()
        let connection = stage.connection()
        let record = ClientRecord()
        let exchange = try connection.send(
            stage.request(.put, "/up", .stream(length: nil)), record.events)
        // Before there is a connection: kept, and asked to wait.
        #expect(exchange.send("one") == false)
        try stage.run { record.writableCount == 1 }
        #expect(exchange.send("two!"))
        exchange.endBody()
        let sent = "3\r\none\r\n4\r\ntwo!\r\n0\r\n\r\n"
        try stage.run { stage.peer.connections.first?.received.hasSuffix(sent) == true }
        stage.peer.connections[0].send("HTTP/1.1 204 No Content\r\n\r\n")
        try stage.run { record.hasEnded }
        #expect(record.succeeded && connection.isFree)
    }

    @Test func `a peer that does not read makes the sender wait`() throws {
        let stage = try ClientStage()
        let connection = stage.connection()
        let record = ClientRecord()
        let total = 32 << 20
        let exchange = try connection.send(
            stage.request(.put, "/up", .stream(length: total)), record.events)
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        stage.peer.isListening = false
        let block = [UInt8](repeating: 0x62, count: 1 << 16)
        var sent = 0
        while sent < total, block.withUnsafeBytes({ exchange.send($0) }) { sent += block.count }
        sent += block.count
        #expect(sent < total)
        stage.peer.isListening = true
        while sent < total {
            let count = record.writableCount
            try stage.run { record.writableCount > count }
            while sent < total, block.withUnsafeBytes({ exchange.send($0) }) { sent += block.count }
            if sent < total { sent += block.count }
        }
        exchange.endBody()
        try stage.run { stage.peer.connections[0].received.utf8.count > total }
    }

    @Test(arguments: [3, 5])
    func `a body that is not as long as announced is broken off`(length: Int) throws {
        let stage = try ClientStage()
        let connection = stage.connection()
        let record = ClientRecord()
        let exchange = try connection.send(
            stage.request(.put, "/", .stream(length: length)), record.events)
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        _ = exchange.send("four")
        exchange.endBody()
        #expect(record.calls.isEmpty, "never inside a call")
        try stage.run { record.hasEnded }
        #expect(record.ends == [.bodyLengthWrong])
        try stage.run { stage.peer.connections[0].sawEnd }
    }

    @Test func `an answer before the request is complete counts, and ends the connection`() throws {
        let stage = try ClientStage()
        let connection = stage.connection()
        let record = ClientRecord()
        let exchange = try connection.send(
            stage.request(.put, "/", .stream(length: 100)), record.events)
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        _ = exchange.send("part")
        stage.peer.connections[0].send(
            "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
        try stage.run { record.hasEnded }
        #expect(record.succeeded && record.status == 413 && record.text == "no")
        #expect(!connection.isOpen)
        #expect(exchange.send("more") == false)
    }

    @Test func `an answer survives that the peer stopped reading before`() throws {
        let stage = try ClientStage()
        let connection = stage.connection()
        let record = ClientRecord()
        let exchange = try connection.send(
            stage.request(.put, "/", .stream(length: nil)), record.events)
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        let peer = stage.peer.connections[0]
        peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        peer.close()
        // The first write provokes a reset, the next one fails by it; the rest goes nowhere.
        let piece = [UInt8](repeating: 0x62, count: 16 << 10)
        for _ in 0..<50 { #expect(piece.withUnsafeBytes { exchange.send($0) }) }
        try stage.run { record.hasEnded }
        #expect(record.status == 403 && record.text == "no" && record.succeeded)
    }

    @Test func `a reset that shows while sending is no end of a body either`() throws {
        let stage = try ClientStage()
        let connection = stage.connection()
        let record = ClientRecord()
        let exchange = try connection.send(
            stage.request(.put, "/", .stream(length: nil)), record.events)
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        let peer = stage.peer.connections[0]
        peer.send("HTTP/1.1 200 OK\r\n\r\nhel")
        try stage.run { record.text == "hel" }
        peer.reset()
        // The write takes the error with it: reading would find nothing but the end.
        _ = exchange.send("more")
        try stage.run { record.hasEnded }
        #expect(record.error != nil)
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

    @Test func `a connection in use does not keep its loop alive`() throws {
        weak var loop: EventLoop?
        do {
            let stage = try ClientStage()
            loop = stage.loop
            _ = try stage.asked()
        }
        #expect(loop == nil)
    }
}

extension ClientExchange {
    /// Sends `text` as a piece of body.
    func send(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { send(UnsafeRawBufferPointer($0)) }
    }
}
