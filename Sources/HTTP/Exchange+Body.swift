// Exchange+Body: taking the request's body, in place where it arrived with its head, stored where
// it came in pieces. Limits hold while bytes arrive.

internal import Bytes
internal import HTTPWire

/// What it takes to receive a body that does not come at once, or not as it is.
///
/// Loop-confined.
final class BodyPieces {
    @exclusivity(unchecked) var stored = ByteBuffer()
    @exclusivity(unchecked) var decoded = ByteBuffer()
    @exclusivity(unchecked) var head = ByteBuffer()
    @exclusivity(unchecked) var decoder = ChunkedDecoder()
    /// Bytes of the body when its deadline was put off last.
    @exclusivity(unchecked) var progressMark = 0

    /// Forgets the body and gives its memory back.
    func reset() {
        stored.release()
        decoded.release()
        head.removeAll()
        decoder = ChunkedDecoder()
        progressMark = 0
    }
}

extension Exchange {
    /// Bytes of a refused body that are read and dropped to save the connection; beyond it the
    /// connection ends.
    static let skipLimit = 64 * 1024

    /// First memory for a body in pieces; it doubles as bytes really arrive, whatever was announced.
    static let firstStoredBytes = 4 * 1024

    /// The pieces of the body, which last as long as the exchange is used.
    func makePieces() -> BodyPieces {
        if let pieces { return pieces }
        let fresh = BodyPieces()
        pieces = fresh
        return fresh
    }

    /// Lets go of what only the request needed, because its answer is a stream that may stay for
    /// days.
    ///
    /// For requests without a body, and for handlers that have read what they need of the head.
    package func keepOnlyStream() {
        guard isBodyTaken, framing == .none else { return }
        pieces = nil
        pathBuffer.release()
        path = UnsafeRawBufferPointer(start: nil, count: 0)
    }

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
        if let pieces { swap(&chunks, &pieces.stored) }
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

    /// Why the body will not be taken, as far as the head tells; while the head is readable.
    ///
    /// Said before 100 (Continue), and before any of the body comes (RFC 9110 §10.1.1).
    var announcedRefusal: Refusal? {
        guard answer == .none else { return nil }
        if case .length(let count) = framing, count > bodyLimit {
            return .bodyTooLarge(limit: bodyLimit)
        }
        guard !streamsBody, !isSkippingBody, let field = list(.contentEncoding),
            HTTPWire.ContentCoding(field) == nil
        else { return nil }
        return .unknownCoding
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
        let pieces = makePieces()
        pieces.head.removeAll()
        pieces.head.append(
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
        if streamsBody || isBodyTaken && pieces?.stored.isEmpty ?? true {
            body = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        } else {
            store(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
        return count
    }

    private func store(_ bytes: UnsafeRawBufferPointer) {
        let pieces = makePieces()
        if pieces.stored.isEmpty {
            pieces.stored.reserve(max(bytes.count, Self.firstStoredBytes))
        }
        pieces.stored.append(bytes)
        if isBodyTaken { body = pieces.stored.readable }
    }

    private func takeChunked(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Int {
        let pieces = makePieces()
        let before = pieces.stored.count
        var end: (consumed: Int, isComplete: Bool) = (bytes.count, false)
        do throws(WireError) {
            // One byte beyond the limit is let in, so that the excess shows.
            end = try pieces.decoder.decode(
                bytes, into: &pieces.stored, maxOutput: bodyLeft &+ 1)
        } catch {
            // A fault behind the excess is not looked at, as if it had not arrived yet.
            guard pieces.stored.count - before > bodyLeft else { throw error }
        }
        bodyLeft -= pieces.stored.count - before
        // What the size line announces need not come first.
        if bodyLeft >= 0, pieces.decoder.announcedByteCount > UInt64(bodyLeft) { bodyLeft = -1 }
        bodyByteCount += end.consumed
        if isSkippingBody { pieces.stored.removeAll() }
        isBodyTaken = end.isComplete && !bodyIsOverLimit
        if isBodyTaken || streamsBody { body = pieces.stored.readable }
        return end.consumed
    }

    /// Whether a body that did not announce its size has turned out too large.
    var bodyIsOverLimit: Bool { bodyLeft < 0 }

    /// Whether enough has arrived since the last call to put the body's deadline off.
    func noteProgress() -> Bool {
        guard let limit = connection?.server.limits.bodyProgressBytes,
            bodyByteCount - (pieces?.progressMark ?? 0) >= limit
        else { return false }
        makePieces().progressMark = bodyByteCount
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
        if let pieces, !pieces.head.isEmpty, !restoreHead(pieces, server) { return }
        guard decodeBody(connection) else { return }
        server.handler.complete(self)
        guard connection.exchange === self else { return }
        // It will answer later; no deadline of the request's own must end that.
        headBase = nil
        connection.armForPhase()
    }

    /// Decompresses the body if its head says that it is compressed; false if it was refused.
    private func decodeBody(_ connection: Connection) -> Bool {
        guard let field = list(.contentEncoding), body.count > 0 else { return true }
        do throws(Refusal) {
            let pieces = makePieces()
            pieces.decoded.removeAll()
            try ContentCoder.decompress(body, field, limit: bodyLimit, into: &pieces.decoded)
            body = pieces.decoded.readable
            return true
        } catch {
            connection.refuse(error)
            return false
        }
    }

    /// Parses the kept copy of the head, so that its fields are readable again.
    private func restoreHead(_ pieces: BodyPieces, _ server: ServerLoop) -> Bool {
        let copy = pieces.head.readable
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
        pieces?.reset()
    }
}
