// ClientConnection+Reading: from the socket to heads and bodies of responses. Bytes are parsed where
// they were read; the connection keeps bytes of its own only while a head is incomplete.

internal import Bytes
internal import HTTPWire
internal import Notifier
internal import TLS

extension ClientConnection {
    /// Reads what is there: once, so that no peer keeps the loop to itself, or to the end if the
    /// loop will not tell of it again.
    func readSome() {
        let scratch = room.takeScratch()
        defer { room.putBack(scratch) }
        while let socket, phase != .closed, exchange?.isPaused != true {
            let arrival = socket.receive(scratch)
            if arrival.end != nil { socket.endWasSignalled = true }
            take(arrival, scratch)
            // The handshake's next message, or TLS's answer to a message of its own.
            if phase != .closed, socket.backlog > 0, !socket.isBlocked { _ = socket.flush() }
            if arrival.isDry || arrival.end != nil || !socket.endWasSignalled { return }
        }
    }

    private func take(_ arrival: ClientArrival, _ scratch: ClientScratch) {
        switch phase {
        case .handshake:
            if !arrival.bytes.isEmpty {
                fail(.unsolicited)
            } else if arrival.end == nil, socket?.tls?.isOpen == true {
                opened()
            }
        case .idle:
            // An answer to nothing, e.g. the 408 that some servers send before they close.
            if !arrival.bytes.isEmpty { release() }
        case .head, .body:
            if !arrival.bytes.isEmpty { takeResponse(arrival.bytes, scratch) }
        case .connecting, .closed: break
        }
        if let end = arrival.end { ended(end) }
    }

    /// The peer's stream has ended, and everything before that has been looked at.
    private func ended(_ end: ClientStreamEnd) {
        switch (phase, end) {
        case (.closed, _), (.connecting, _): break
        case (.idle, _): release()
        case (.handshake, .closed): fail(.closedInHandshake)
        case (.handshake, .failed(let error)): fail(error)
        case (.head, .closed):
            if hasAnswerBegun {
                fail(.truncated)
            } else {
                lost(socket?.sendError.map { .broken($0) } ?? .noAnswer)
            }
        case (.head, .failed(let error)): lost(error)
        case (.body, .closed(let isClean)):
            // Without a length, the end of the connection is the end of the body; with TLS only if
            // the peer said so (RFC 9112 §9.8), else anybody could have cut it short.
            if exchange?.framing == .untilClose, isClean {
                complete(hasLeftover: false)
            } else {
                fail(.truncated)
            }
        case (.body, .failed(let error)): fail(error)
        }
    }

    // MARK: Heads

    /// Takes bytes of a response, together with those that were kept.
    private func takeResponse(_ bytes: UnsafeRawBufferPointer, _ scratch: ClientScratch) {
        hasAnswerBegun = true
        guard !pending.isEmpty else {
            let rest = process(bytes, scratch)
            if rest > 0 {
                room.pool.equip(&pending)
                pending.append(UnsafeRawBufferPointer(rebasing: bytes[(bytes.count - rest)...]))
            }
            return
        }
        // Taken out of the connection, because a callback may close that.
        var held = ByteBuffer()
        swap(&held, &pending)
        held.append(bytes)
        let rest = process(held.readable, scratch)
        held.consume(held.count - rest)
        if rest > 0 { swap(&held, &pending) } else { room.pool.reclaim(&held) }
    }

    /// Takes heads and body; returns how many bytes at the end are the beginning of a head.
    private func process(_ bytes: UnsafeRawBufferPointer, _ scratch: ClientScratch) -> Int {
        var offset = 0
        while phase == .head, offset < bytes.count {
            let taken = takeHead(UnsafeRawBufferPointer(rebasing: bytes[offset...]), scratch)
            if taken == 0 { return phase == .head ? bytes.count - offset : 0 }
            offset += taken
        }
        if phase == .body, offset < bytes.count {
            takeBody(UnsafeRawBufferPointer(rebasing: bytes[offset...]), scratch)
        }
        return 0
    }

    /// Parses one head; returns 0 if it is incomplete or the connection has ended over it.
    private func takeHead(_ bytes: UnsafeRawBufferPointer, _ scratch: ClientScratch) -> Int {
        guard let exchange else { return 0 }
        do throws(WireError) {
            guard
                case .complete(let count) = try parser.parse(
                    bytes, to: exchange.request.method, into: &scratch.head)
            else { return 0 }
            keepsAlive = keepsAlive && scratch.head.keepAlive
            guard scratch.head.isInterim else {
                takeFinal(exchange, bytes, count, scratch)
                return count
            }
            interimsLeft -= 1
            guard interimsLeft >= 0 else {
                fail(.interimsTooMany)
                return 0
            }
            return count
        } catch {
            fail(.malformed(error))
            return 0
        }
    }

    private func takeFinal(
        _ exchange: ClientExchange, _ bytes: UnsafeRawBufferPointer, _ count: Int,
        _ scratch: ClientScratch
    ) {
        let framing = scratch.head.framing
        guard scratch.head.status != 101 else {
            fail(.protocolSwitched)
            return
        }
        bodyLeft = 0
        bodyByteCount = 0
        progressMark = 0
        switch framing {
        case .none, .untilClose: break
        case .length(let length):
            guard length <= limits.bodyBytes else {
                fail(.bodyTooLarge(limit: limits.bodyBytes))
                return
            }
            bodyLeft = length
        case .chunked: decoder = ChunkedDecoder(limits: limits.wire, isResponse: true)
        }
        if framing.hasBody {
            phase = .body
            armForPhase()
        }
        exchange.status = scratch.head.status
        exchange.framing = framing
        exchange.headBytes = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        exchange.scratch = scratch
        exchange.events.onHead(exchange)
        exchange.scratch = nil
        if self.exchange === exchange, phase == .head { complete(hasLeftover: bytes.count > count) }
    }

    // MARK: Bodies

    private func takeBody(_ bytes: UnsafeRawBufferPointer, _ scratch: ClientScratch) {
        guard let exchange else { return }
        switch exchange.framing {
        case .none: break
        case .length:
            let count = min(bytes.count, bodyLeft)
            bodyLeft -= count
            guard deliver(UnsafeRawBufferPointer(rebasing: bytes[..<count]), exchange) else {
                return
            }
            if bodyLeft == 0 { complete(hasLeftover: bytes.count > count) }
        case .chunked: takeChunks(bytes, exchange, scratch)
        case .untilClose:
            let count = min(bytes.count, limits.bodyBytes - bodyByteCount)
            guard deliver(UnsafeRawBufferPointer(rebasing: bytes[..<count]), exchange) else {
                return
            }
            if bytes.count > count { fail(.bodyTooLarge(limit: limits.bodyBytes)) }
        }
    }

    private func takeChunks(
        _ bytes: UnsafeRawBufferPointer, _ exchange: ClientExchange, _ scratch: ClientScratch
    ) {
        scratch.decoded.removeAll()
        let room = limits.bodyBytes - bodyByteCount
        var failure: ClientError?
        var isComplete = false
        var taken = 0
        do throws(WireError) {
            // One byte beyond the limit is let in, so that the excess shows.
            let (most, overflow) = room.addingReportingOverflow(1)
            (taken, isComplete) = try decoder.decode(
                bytes, into: &scratch.decoded, maxOutput: overflow ? room : most)
        } catch {
            failure = .malformed(error)
        }
        if scratch.decoded.count > room {
            scratch.decoded.dropLast(scratch.decoded.count - room)
            failure = .bodyTooLarge(limit: limits.bodyBytes)
        }
        // What came before a fault was valid, and would have been delivered had it come earlier.
        guard deliver(scratch.decoded.readable, exchange) else { return }
        if let failure {
            fail(failure)
        } else if isComplete {
            complete(hasLeftover: taken < bytes.count)
        }
    }

    /// Hands a piece of body to its owner; returns whether the exchange goes on.
    private func deliver(_ bytes: UnsafeRawBufferPointer, _ exchange: ClientExchange) -> Bool {
        guard !bytes.isEmpty else { return true }
        bodyByteCount += bytes.count
        if bodyByteCount - progressMark >= limits.bodyProgressBytes {
            progressMark = bodyByteCount
            armForPhase()
        }
        exchange.events.onBody(bytes)
        return self.exchange === exchange && phase == .body
    }
}
