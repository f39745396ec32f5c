// Deadlines of the client side, on a clock that only the test moves.

import Bytes
import HTTPWire
import Notifier
import Testing

@testable import HTTP

@Suite struct ClientDeadlineTests {
    @Test func `an answer that does not begin in time is given up`() throws {
        let stage = try ClientStage()
        let (connection, _, record, _) = try stage.asked()
        try stage.advance(by: .seconds(59))
        #expect(!record.hasEnded)
        try stage.advance(by: .seconds(2))
        #expect(record.ends == [.timedOut(.head)])
        #expect(!connection.isOpen)
    }

    @Test func `bytes and interim responses win no time for the head`() throws {
        let stage = try ClientStage()
        let (_, peer, record, _) = try stage.asked()
        for _ in 0..<7 {
            peer.send("HTTP/1.1 100 Continue\r\n\r\n")
            try stage.advance(by: .seconds(9))
        }
        #expect(record.ends == [.timedOut(.head)])
    }

    @Test func `a body must progress`() throws {
        let stage = try ClientStage()
        let (_, peer, record, _) = try stage.asked()
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        try stage.settle()
        for _ in 0..<4 {
            peer.send([UInt8](repeating: 0x61, count: 1024))
            try stage.advance(by: .seconds(20))
        }
        #expect(!record.hasEnded, "80 seconds with progress")
        // A trickle is no progress.
        for _ in 0..<4 {
            peer.send("a")
            try stage.advance(by: .seconds(9))
        }
        #expect(record.ends == [.timedOut(.body)])
    }

    @Test func `a stream with small progress can be waited for`() throws {
        let stage = try ClientStage()
        stage.limits.bodyProgressBytes = 1
        let (_, peer, record, _) = try stage.asked()
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try stage.settle()
        for _ in 0..<10 {
            peer.send("5\r\n: 15\n\r\n")
            try stage.advance(by: .seconds(15))
        }
        #expect(!record.hasEnded)
    }

    @Test func `a paused reader has all the time in the world`() throws {
        let stage = try ClientStage()
        let (_, peer, record, exchange) = try stage.asked()
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        try stage.run { record.status == 200 }
        exchange.pauseReading()
        try stage.advance(by: .seconds(1000))
        #expect(!record.hasEnded)
        exchange.resumeReading()
        try stage.advance(by: .seconds(31))
        #expect(record.ends == [.timedOut(.body)])
    }

    @Test func `a peer that does not take the request is given up`() throws {
        let stage = try ClientStage()
        let connection = stage.connection()
        let record = ClientRecord()
        let body = Payload([UInt8](repeating: 0x61, count: 32 << 20))
        _ = try connection.send(stage.request(.post, "/", .bytes(body)), record.events)
        try stage.run { !stage.peer.connections.isEmpty }
        stage.peer.isListening = false
        try stage.settle()
        try stage.advance(by: .seconds(29))
        #expect(!record.hasEnded)
        try stage.advance(by: .seconds(2))
        #expect(record.ends == [.timedOut(.write)])
    }

    @Test func `an owner that does not bring its body is not hurried`() throws {
        let stage = try ClientStage()
        let connection = stage.connection()
        let record = ClientRecord()
        let exchange = try connection.send(
            stage.request(.put, "/", .stream(length: nil)), record.events)
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        try stage.advance(by: .seconds(1000))
        #expect(!record.hasEnded)
        exchange.endBody()
        try stage.advance(by: .seconds(61))
        #expect(record.ends == [.timedOut(.head)])
    }

    @Test func `a connection without a request is closed after a while`() throws {
        let stage = try ClientStage()
        let (connection, peer, record, _) = try stage.asked()
        peer.send("HTTP/1.1 204 No Content\r\n\r\n")
        try stage.run { record.hasEnded }
        try stage.advance(by: .seconds(54))
        #expect(connection.isOpen)
        try stage.advance(by: .seconds(2))
        #expect(!connection.isOpen)
        #expect(peer.sawEnd)
    }

    @Test func `a handshake that is not answered is given up`() throws {
        let stage = try ClientStage(trusting: ClientCertificates.client())
        let connection = stage.connection()
        let record = ClientRecord()
        _ = try connection.send(stage.request(), record.events)
        try stage.run { !stage.peer.connections.isEmpty }
        try stage.settle()
        try stage.advance(by: .seconds(9))
        #expect(!record.hasEnded)
        try stage.advance(by: .seconds(2))
        #expect(record.ends == [.timedOut(.handshake)])
    }
}
