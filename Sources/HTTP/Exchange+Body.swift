// Exchange+Body: taking the request's body, in place where it arrived with its head, stored where
// it came in pieces. Limits hold while bytes arrive.

internal import Bytes
internal import HTTPWire

extension Exchange {
    /// Bytes of a refused body that are read and dropped to save the connection; beyond it the
    /// connection ends.
    static let skipLimit = 64 * 1024

    /// First memory for a body in pieces; it doubles as bytes really arrive, whatever was announced.
    static let firstStoredBytes = 4 * 1024

    /// Notes what the handler wants of the body.
    func plan(_ plan: BodyPlan) {
        switch plan {
        case .collect(let limit) where answer == .none: bodyLimit = limit
        case .stream(let limit) where answer == .none:
            bodyLimit = limit
            streamsBody = true
        case .collect, .stream, .skip:
            skipBody()
            return
        }
        if case .chunked = framing { bodyLeft = bodyLimit }
    }

    /// What comes of the body from now on is read and dropped, within bounds.
    func skipBody() {
        isSkippingBody = true
        bodyLimit = Self.skipLimit
        if case .chunked = framing { bodyLeft = bodyLimit }
        resumeBody()
    }

    // MARK: Streams

    /// Stops reading a streamed body, so that the peer must wait; one more piece may still come.
    package func pauseBody() {
        guard streamsBody, !isBodyPaused, !isBodyTaken, !isSkippingBody else { return }
        isBodyPaused = true
        connection?.bodyFlowChanged()
    }

    /// Reads a streamed body again.
    package func resumeBody() {
        guard isBodyPaused else { return }
        isBodyPaused = false
        connection?.bodyFlowChanged()
    }

    /// Hands over the piece of a streamed body that was taken last.
    ///
    /// The owner may answer, which ends the exchange: nothing of it is to be touched after this.
    func deliverPiece() {
        // Out of the exchange first: by the time the owner returns this may be another request's.
        var chunks = ByteBuffer()
        swap(&chunks, &stored)
        let piece = body
        body = UnsafeRawBufferPointer(start: nil, count: 0)
        guard isOpen, !piece.isEmpty || isBodyTaken else { return }
        onBody?(piece, isBodyTaken)
    }

    /// Number of bytes that the request's body was announced to have; nil if it comes in chunks.
    package var announcedByteCount: Int? {
        switch framing {
        case .none: 0
        case .length(let count): count
        case .chunked, .untilClose: nil
        }
    }

    /// The refusal if the announced body is larger than the plan allows.
    var bodyIsTooLarge: Refusal? {
        guard answer == .none, case .length(let count) = framing, count > bodyLimit else {
            return nil
        }
        return .bodyTooLarge(limit: bodyLimit)
    }

    /// Prepares for a body of which `available` bytes have already arrived; returns whether that is
    /// all of it.
    func expectBody(available: Int) -> Bool {
        if available > 0 {
            awaitsContinue = false  // RFC 9110 §10.1.1: it does not wait
        } else if awaitsContinue, !isSkippingBody, let connection {
            connection.sendQueue.compose(connection.server.pool) {
                $0.append("HTTP/1.1 100 Continue\r\n\r\n")
            }
            connection.server.touch(connection)
            awaitsContinue = false
        }
        if case .length(let count) = framing, available >= count { return true }
        if !isSkippingBody, !streamsBody { keepHead() }
        headBase = nil
        return false
    }

    /// Copies the head, whose bytes will be overwritten before the body is complete.
    private func keepHead() {
        guard let headBase, let server = connection?.server else { return }
        storedHead.removeAll()
        storedHead.append(
            UnsafeRawBufferPointer(start: headBase, count: server.head.pointee.byteCount))
    }

    /// Takes body bytes; returns how many belonged to it.
    func takeBody(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Int {
        if case .chunked = framing { return try takeChunked(bytes) }
        let count = min(bytes.count, bodyLeft)
        bodyLeft -= count
        bodyByteCount += count
        isBodyTaken = bodyLeft == 0
        guard !isSkippingBody else { return count }
        if streamsBody || isBodyTaken && stored.isEmpty {
            body = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        } else {
            store(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
        return count
    }

    private func store(_ bytes: UnsafeRawBufferPointer) {
        if stored.isEmpty { stored.reserve(max(bytes.count, Self.firstStoredBytes)) }
        stored.append(bytes)
        if isBodyTaken { body = stored.readable }
    }

    private func takeChunked(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Int {
        let before = stored.count
        var end: (consumed: Int, isComplete: Bool) = (bytes.count, false)
        do throws(WireError) {
            // One byte beyond the limit is let in, so that the excess shows.
            end = try decoder.decode(bytes, into: &stored, maxOutput: bodyLeft &+ 1)
        } catch {
            // A fault behind the excess is not looked at, as if it had not arrived yet.
            guard stored.count - before > bodyLeft else { throw error }
        }
        bodyLeft -= stored.count - before
        bodyByteCount += end.consumed
        if isSkippingBody { stored.removeAll() }
        isBodyTaken = end.isComplete && !bodyIsOverLimit
        if isBodyTaken || streamsBody { body = stored.readable }
        return end.consumed
    }

    /// Whether a body that did not announce its size has turned out too large.
    var bodyIsOverLimit: Bool { bodyLeft < 0 }

    /// Whether enough has arrived since the last call to put the body's deadline off.
    func noteProgress() -> Bool {
        guard let limit = connection?.server.limits.bodyProgressBytes,
            bodyByteCount - progressMark >= limit
        else { return false }
        progressMark = bodyByteCount
        return true
    }

    /// Hands the complete body to the handler, or goes on to the next request if it was skipped.
    func bodyIsComplete() {
        guard let connection else { return }
        let server = connection.server
        if isSkippingBody {
            if answer == .ended {
                connection.answerEnded(connection.server)
            } else {
                headBase = nil
                connection.phase = .answering
                connection.armForPhase()
            }
            return
        }
        connection.phase = .answering
        if streamsBody {
            headBase = nil
            connection.armForPhase()
            deliverPiece()
            return
        }
        if !storedHead.isEmpty, !restoreHead(server) { return }
        guard decodeBody(connection) else { return }
        server.handler.complete(self)
        guard connection.exchange === self else { return }
        // It will answer later; no deadline of the request's own must end that.
        headBase = nil
        connection.armForPhase()
    }

    /// Decompresses the body if its head says that it is compressed; false if it was refused.
    private func decodeBody(_ connection: Connection) -> Bool {
        guard let field = field(.contentEncoding), body.count > 0 else { return true }
        do throws(Refusal) {
            decoded.removeAll()
            try ContentCoder.decompress(body, field, limit: bodyLimit, into: &decoded)
            body = decoded.readable
            return true
        } catch {
            connection.refuse(error)
            return false
        }
    }

    /// Parses the kept copy of the head, so that its fields are readable again.
    private func restoreHead(_ server: ServerLoop) -> Bool {
        let copy = storedHead.readable
        do throws(WireError) {
            _ = try server.parser.parse(
                Span(_unsafeElements: copy.assumingMemoryBound(to: UInt8.self)),
                into: &server.head.pointee)
        } catch {
            connection?.refuse(.wire(error))  // cannot happen: the same bytes passed before
            return false
        }
        headBase = copy.baseAddress
        return true
    }

    /// Forgets the body and gives its memory back.
    func resetBody() {
        isSkippingBody = false
        streamsBody = false
        isBodyPaused = false
        awaitsContinue = false
        bodyByteCount = 0
        progressMark = 0
        decoder = ChunkedDecoder()
        stored.release()
        decoded.release()
        storedHead.removeAll()
    }
}
