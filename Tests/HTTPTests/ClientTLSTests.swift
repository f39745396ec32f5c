// TLS on the client side: whom it believes, and what an end of the connection means.

import Bytes
import HTTPWire
import Notifier
import TLS
import Testing

@testable import HTTP

@Suite struct ClientTLSTests {
    private func stage() throws -> ClientStage {
        try ClientStage(tls: ClientCertificates.server(), trusting: ClientCertificates.client())
    }

    @Test(arguments: ["localhost", "127.0.0.1", "::1"])
    func `a request is answered under every name of the certificate`(host: String) throws {
        let stage = try stage()
        stage.certificateHost = host
        let pool = stage.pool()
        for number in 1...2 {
            let record = ClientRecord()
            try pool.send(
                stage.request(.post, "/", .bytes(Payload(Array("body".utf8)))), record.events)
            try stage.run { stage.peer.connections.first?.requestCount == number }
            let peer = stage.peer.connections[0]
            try stage.run { peer.received.hasSuffix("body") }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")
            try stage.run { record.hasEnded }
            #expect(record.succeeded && record.text == "secret")
        }
        #expect(stage.peer.connections.count == 1)
    }

    @Test func `a certificate for another name is refused, and nothing is sent`() throws {
        let stage = try stage()
        stage.certificateHost = "other.example"
        let pool = stage.pool()
        let record = ClientRecord()
        try pool.send(stage.request(), record.events)
        try stage.run { record.hasEnded }
        guard case .tls(.certificateRejected) = record.error else {
            Issue.record("\(String(describing: record.error))")
            return
        }
        #expect(record.error?.isUnreachable == true)
        try stage.settle()
        #expect(stage.peer.connections.map(\.received) == [""])
    }

    @Test func `a certificate of a stranger is refused`() throws {
        let stage = try ClientStage(
            tls: ClientCertificates.server(), trusting: ClientCertificates.stranger())
        let record = ClientRecord()
        let pool = stage.pool()
        try pool.send(stage.request(), record.events)
        try stage.run { record.hasEnded }
        guard case .tls(.certificateRejected) = record.error else {
            Issue.record("\(String(describing: record.error))")
            return
        }
    }

    @Test func `a name that is none fails before anything is sent`() throws {
        let stage = try stage()
        stage.certificateHost = ""
        let record = ClientRecord()
        let pool = stage.pool()
        try pool.send(stage.request(), record.events)
        #expect(record.calls.isEmpty)
        try stage.run { record.hasEnded }
        guard case .tls(.setting) = record.error else {
            Issue.record("\(String(describing: record.error))")
            return
        }
    }

    @Test func `a plain server is recognised`() throws {
        let stage = try ClientStage(trusting: ClientCertificates.client())
        let record = ClientRecord()
        let pool = stage.pool()
        try pool.send(stage.request(), record.events)
        try stage.run { !stage.peer.connections.isEmpty }
        stage.peer.connections[0].send("HTTP/1.1 400 Bad Request\r\n\r\n")
        try stage.run { record.hasEnded }
        #expect(record.ends == [.tls(.plainHTTP)])
    }

    @Test func `an end within the handshake is an error`() throws {
        let stage = try ClientStage(trusting: ClientCertificates.client())
        let record = ClientRecord()
        let pool = stage.pool()
        try pool.send(stage.request(), record.events)
        try stage.run { !stage.peer.connections.isEmpty }
        stage.peer.connections[0].endSending()
        try stage.run { record.hasEnded }
        #expect(record.ends == [.closedInHandshake])
    }

    @Test func `a body that ends with the connection must end with a goodbye`() throws {
        for saysGoodbye in [true, false] {
            let stage = try stage()
            let (_, peer, record, _) = try stage.asked()
            peer.send("HTTP/1.1 200 OK\r\n\r\nhello")
            try stage.run { record.text == "hello" }
            if saysGoodbye { peer.sayGoodbye() }
            peer.endSending()
            try stage.run { record.hasEnded }
            #expect(record.ends == [saysGoodbye ? nil : .truncated])
        }
    }

    @Test func `a body with a length needs no goodbye`() throws {
        let stage = try stage()
        let (connection, peer, record, _) = try stage.asked()
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        peer.endSending()
        try stage.run { record.hasEnded }
        #expect(record.succeeded && record.text == "hello")
        try stage.run { !connection.isOpen }
    }

    @Test func `a connection that has said goodbye is not used again`() throws {
        let stage = try stage()
        stage.limits.connections = 1
        let pool = stage.pool()
        let records = [ClientRecord(), ClientRecord()]
        for record in records { try pool.send(stage.request(.post), record.events) }
        try stage.run { stage.peer.connections.first?.requestCount == 1 }
        let peer = stage.peer.connections[0]
        // In one piece with the answer, and without an end of the connection.
        peer.hold { peer in
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            peer.sayGoodbye()
        }
        try stage.run { records[0].hasEnded }
        #expect(records[0].succeeded)
        try stage.run {
            stage.peer.connections.count == 2 && stage.peer.connections[1].requestCount == 1
        }
        #expect(peer.requestCount == 1)
    }

    @Test func `a forged record is an error`() throws {
        let stage = try stage()
        let (_, peer, record, _) = try stage.asked()
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
        try stage.run { record.text == "hel" }
        peer.forge()
        try stage.run { record.hasEnded }
        guard case .tls(.malformed) = record.error else {
            Issue.record("\(String(describing: record.error))")
            return
        }
    }

    @Test func `closing says goodbye`() throws {
        let stage = try stage()
        let (connection, peer, record, _) = try stage.asked()
        peer.send("HTTP/1.1 204 No Content\r\n\r\n")
        try stage.run { record.hasEnded }
        connection.close()
        try stage.run { peer.sawEnd }
        #expect(peer.sawCloseNotify)
    }

    @Test func `the next connection of a pool resumes the session`() throws {
        let stage = try stage()
        let pool = stage.pool()
        for number in 1...2 {
            let record = ClientRecord()
            try pool.send(stage.request(), record.events)
            try stage.run {
                stage.peer.connections.count == number
                    && stage.peer.connections[number - 1].requestCount == 1
            }
            #expect(stage.peer.connections[number - 1].wasResumed == (number == 2))
            stage.peer.connections[number - 1].send(
                "HTTP/1.1 200 OK\r\nConnection: \(number == 1 ? "keep-alive" : "close")\r\nContent-Length: 0\r\n\r\n"
            )
            try stage.run { record.succeeded }
            pool.closeIdle()
        }
    }

    @Test func `large bodies pass both ways`() throws {
        let stage = try stage()
        let record = ClientRecord()
        let connection = stage.connection()
        let body = [UInt8](repeating: 0x7A, count: 3 << 20)
        _ = try connection.send(
            stage.request(.post, "/", .bytes(Payload(body))), record.events)
        try stage.run { (stage.peer.connections.first?.received.utf8.count ?? 0) > body.count }
        let peer = stage.peer.connections[0]
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
        var sent = 0
        try stage.run {
            // What the client has taken is sent again, so that the socket is never full.
            if record.body.count == sent, sent < body.count {
                peer.send(Array(body[sent..<min(sent + 50_000, body.count)]))
                sent = min(sent + 50_000, body.count)
            }
            return record.hasEnded
        }
        #expect(record.succeeded && record.body == body)
    }
}
