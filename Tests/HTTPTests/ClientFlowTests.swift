// Bodies in both directions: who waits for whom, and what an early end means.

import Bytes
import HTTPWire
import Notifier
import Testing

@testable import HTTP

@Suite struct ClientFlowTests {
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
        // What is too much would be read as the next request.
        #expect(stage.peer.connections[0].received.hasSuffix("four") == (length == 5))
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
}
