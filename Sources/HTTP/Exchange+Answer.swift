// Exchange+Answer: writing the response: whole, or as a stream. Status line, fields and body are
// composed straight into the connection's send queue; nothing is written to the socket before the
// end of the turn.

package import Bytes
internal import HTTPWire
internal import Notifier

extension Exchange {
    /// Answers with a whole body.
    ///
    /// - Parameters:
    ///   - status: an HTTP status code from 200 to 599.
    ///   - type: the media type, or nil for an answer without a body.
    ///   - body: the bytes; with HEAD, 204 and 304 they are counted but not sent.
    package func respond(
        _ status: Int, type: StaticString? = nil, _ body: UnsafeRawBufferPointer
    ) {
        guard answer == .none else { return }
        withConnection { respond(status, type, body, $0, $1) }
    }

    /// Calls `body` with the connection and its server, unless the exchange has ended; counts no
    /// references.
    @inline(__always)
    private func withConnection(_ body: (Connection, ServerLoop) -> Void) {
        // SAFETY: who answers holds the exchange, and its connection stays to the end of the turn.
        link?._withUnsafeGuaranteedRef { connection in
            connection.shared._withUnsafeGuaranteedRef { body(connection, $0) }
        }
    }

    @inline(__always)
    private func respond(
        _ status: Int, _ type: StaticString?, _ body: UnsafeRawBufferPointer,
        _ connection: Connection, _ server: ServerLoop
    ) {
        var body = body
        if body.count > ContentCoder.leastBytes, let type, let smaller = encode(body, type, server)
        {
            body = smaller
        }
        self.status = status
        answerByteCount = body.count
        if keepsAlive, !isBodyTaken { decideKeepAlive() }
        let sendsBody = !isHead && status != 204 && status != 304
        connection.sendQueue.compose(server.pool) { out in
            if sendsBody, isCommon(status, type) {
                server.answerHead.appendCommonAnswer(id, body, server.loop, to: &out)
                return
            }
            appendHead(status, type, server, &out)
            // With 304 it would be the length of what is not sent (RFC 9110 §8.6): none is known if
            // there is no body here.
            if status != 204, status != 304 || body.count > 0 {
                out.append("\r\nContent-Length: ")
                out.append(decimal: body.count)
            }
            out.append("\r\n\r\n")
            if sendsBody { out.append(body) }
        }
        answer = .ended
        finish(connection, server)
    }

    // Another module's enums are compared by a call through a witness table, but matched in place.
    @inline(__always)
    private var isHead: Bool { if case .head = method { true } else { false } }

    /// The compressed body, if the client wants it and it is worth it; says so in the head.
    private func encode(
        _ body: UnsafeRawBufferPointer, _ type: StaticString, _ server: ServerLoop
    ) -> UnsafeRawBufferPointer? {
        guard ContentCoder.isWorthwhile(type, body.count) else { return nil }
        extraFields.append("Vary: Accept-Encoding\r\n")
        resolveCoding()
        guard coding != .identity, let smaller = server.coder.compress(body, coding) else {
            return nil
        }
        extraFields.appendField("Content-Encoding", coding.name)
        return smaller
    }

    /// Answers with a whole body.
    package func respond(_ status: Int, type: StaticString? = nil, _ body: borrowing ByteBuffer) {
        respond(status, type: type, body.readable)
    }

    /// Answers without a body.
    package func respond(_ status: Int) {
        respond(status, type: nil, UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// Begins an answer whose body comes bit by bit: chunked, or until the connection closes for a
    /// peer that speaks HTTP/1.0.
    ///
    /// With HEAD, 204 and 304 the head is the whole answer. The type, if there is none here, may be
    /// among `extraFields`.
    ///
    /// - Parameters:
    ///   - length: number of bytes that the body will have, exactly, if that is known.
    ///   - endsWithConnection: the body is never chunked.
    package func beginStream(
        _ status: Int, type: StaticString? = nil, length: Int? = nil,
        endsWithConnection: Bool = false
    ) {
        guard answer == .none, let connection else { return }
        let server = connection.server
        let hasBody = !isHead && status != 204 && status != 304
        self.status = status
        answer = .streaming
        connection.answerIsUnsent = connection.backlog == 0
        isChunked =
            length == nil && versionMinor == 1 && status != 204 && status != 304
            && !endsWithConnection
        if length == nil, !isChunked, hasBody {
            keepsAlive = false
            connection.endIsFraming = true
        }
        // A body that is being passed on may go on while its answer has begun.
        if !streamsBody || !hasBody { decideKeepAlive() }
        connection.sendQueue.compose(server.pool) { out in
            appendHead(status, type, server, &out)
            if isChunked {
                out.append("\r\nTransfer-Encoding: chunked")
            } else if let length, status != 204 {
                out.append("\r\nContent-Length: ")
                out.append(decimal: length)
            }
            out.append("\r\n\r\n")
        }
        // A stream may stay for days.
        extraFields.release()
        if hasBody {
            server.touch(connection)
        } else {
            answer = .ended
            finish(connection, server)
        }
    }

    /// Whether the stream's parts must be framed as chunks.
    package var streamIsChunked: Bool { isChunked }

    /// Number of bytes that wait for the peer.
    package var backlog: Int { connection?.backlog ?? 0 }

    /// Appends a part of a streamed body.
    package func send(_ bytes: UnsafeRawBufferPointer) {
        guard answer == .streaming, bytes.count > 0, let connection else { return }
        answerByteCount += bytes.count
        connection.sendQueue.compose(connection.server.pool) { out in
            if isChunked {
                out.append(hexadecimal: bytes.count)
                out.append("\r\n")
                out.append(bytes)
                out.append("\r\n")
            } else {
                out.append(bytes)
            }
        }
        connection.server.touch(connection)
    }

    /// Appends a part that its sender has framed as `streamIsChunked` asks.
    package func send(framed payload: Payload) {
        guard answer == .streaming else { return }
        withConnection { connection, server in
            answerByteCount += payload.count
            connection.sendQueue.append(payload, server.pool)
            server.touch(connection)
        }
    }

    /// Ends a streamed body properly.
    package func endStream() {
        guard answer == .streaming, let connection else { return }
        if isChunked {
            connection.sendQueue.compose(connection.server.pool) { $0.append("0\r\n\r\n") }
        }
        answer = .ended
        if streamsBody { decideKeepAlive() }
        finish(connection, connection.server)
    }

    /// Takes a streamed answer back of which nothing has left yet, so that another can be given.
    ///
    /// - Returns: whether that was possible.
    package func takeBack() -> Bool {
        guard answer == .streaming, let connection, connection.answerIsUnsent else { return false }
        connection.answerIsUnsent = false
        connection.sendQueue.removeAll(connection.server.pool)
        connection.endIsFraming = false
        answer = .none
        isChunked = false
        status = 0
        answerByteCount = 0
        return true
    }

    /// Breaks a streamed body off, so that the peer cannot take it for whole.
    ///
    /// - Parameter afterFlush: whether what there is of it still goes out. An answer that is shorter
    ///   than its head says is incomplete (RFC 9112 §8), while none at all looks like a fault of
    ///   this server.
    package func breakOff(afterFlush: Bool = false) {
        guard isOpen, let connection else { return }
        // Where the end of the connection is the end of the body, only a reset tells.
        guard afterFlush, answer == .streaming, !connection.endIsFraming, connection.backlog > 0
        else {
            connection.close()
            return
        }
        keepsAlive = false
        answer = .abandoned
        finish(connection, connection.server)
    }

    /// Answers a request that the server itself refuses, and ends the connection.
    func refuse(_ refusal: Refusal) {
        guard let handler = connection?.server.handler else { return }
        let notify = onAbandoned
        onAbandoned = nil
        keepsAlive = false
        if case .halfCloseTimeout = refusal { isGivenUp = true }
        // RFC 9110 §15.5.16, RFC 7694 §3.
        if case .unknownCoding = refusal {
            extraFields.append("Accept-Encoding: gzip, deflate\r\n")
        }
        var text = ByteBuffer()
        let type = handler.describe(refusal, of: self, into: &text)
        respond(refusal.status, type: type, text)
        // Afterwards, so that nobody answers in the refusal's place.
        notify?()
    }

    // MARK: Parts

    /// An answer before the body has been taken keeps the connection only if little is left of it.
    private func decideKeepAlive() {
        guard keepsAlive, !isBodyTaken else { return }
        switch framing {
        case _ where awaitsContinue:
            // With 100 (Continue) neither sent nor refused, the peer may send the body now or not:
            // nobody can tell where the next request begins.
            keepsAlive = false
        case .length where bodyLeft <= Self.skipLimit, .chunked: skipBody()
        case .length, .none, .untilClose: keepsAlive = false
        }
    }

    /// Whether an answer is like nearly all: 200, JSON, no further fields, on a connection that
    /// goes on.
    @inline(__always)
    private func isCommon(_ status: Int, _ type: StaticString?) -> Bool {
        guard status == 200, keepsAlive, versionMinor == 1, let type else { return false }
        let bytes = UnsafeRawPointer(type.utf8Start)
        return type.utf8CodeUnitCount == 16 && Words.load(bytes, 0) == Words.load("applicat")
            && Words.load(bytes, 8) == Words.load("ion/json") && extraFields.isEmpty
            && givenID.isEmpty
    }

    /// Appends status line and fields, but for the last line's end.
    private func appendHead(
        _ status: Int, _ type: StaticString?, _ server: ServerLoop, _ out: inout ByteBuffer
    ) {
        appendStatus(status, type, server, &out)
        appendID(to: &out)
        if !extraFields.isEmpty {
            out.append("\r\n")
            out.append(extraFields.readable)
            out.dropLast(2)
        }
        if !keepsAlive {
            out.append("\r\nConnection: close")
        } else if versionMinor == 0 {
            out.append("\r\nConnection: keep-alive")
        }
    }

    private func appendStatus(
        _ status: Int, _ type: StaticString?, _ server: ServerLoop, _ out: inout ByteBuffer
    ) {
        // A status without a phrase of its own gets none; one that is none cannot come this far.
        if (try? out.appendStatusLine(status)) == nil {
            out.append("HTTP/1.1 500 Internal Server Error\r\n")
        }
        out.append("Date: ")
        server.answerHead.appendDate(server.loop, to: &out)
        if let type {
            out.append("\r\nContent-Type: ")
            out.append(type)
        }
        out.append("\r\nX-Request-Id: ")
    }

    @inline(__always)
    private func finish(_ connection: Connection, _ server: ServerLoop) {
        server.touch(connection)
        server.handler.ended(self)
        forgetCallbacks()
        if isBodyTaken || !keepsAlive { connection.answerEnded(server) }
    }
}

/// The text form of a request's number.
enum RequestID {
    /// Longest id taken from a client: a UUID has 36 characters, a trace id 55.
    static let givenByteLimit = 64

    /// Number of digits.
    static let byteCount = 16

    /// Appends 16 hexadecimal digits.
    static func append(_ id: UInt64, to out: inout ByteBuffer) {
        out.fill(atLeast: byteCount) { room in
            if let start = room.baseAddress { write(id, to: start) }
            return byteCount
        }
    }

    /// Writes 16 hexadecimal digits from `start` on.
    @inline(__always)
    static func write(_ id: UInt64, to start: UnsafeMutableRawPointer) {
        let high = digits(UInt32(truncatingIfNeeded: id &>> 32))
        let low = digits(UInt32(truncatingIfNeeded: id))
        start.storeBytes(of: high.bigEndian, as: UInt64.self)
        start.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }

    /// Eight digits in one word, the first one highest.
    @inline(__always)
    private static func digits(_ value: UInt32) -> UInt64 {
        // Each of the eight halves of a byte gets a byte of its own.
        var word = UInt64(value)
        word = (word | word &<< 16) & 0x0000_FFFF_0000_FFFF
        word = (word | word &<< 8) & 0x00FF_00FF_00FF_00FF
        word = (word | word &<< 4) & 0x0F0F_0F0F_0F0F_0F0F
        // Where the value is ten or more, adding six carries into bit 4.
        let letters = (word &+ 0x0606_0606_0606_0606) &>> 4 & 0x0101_0101_0101_0101
        return word &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }
}
