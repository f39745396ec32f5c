// Connection+Reading: from the socket to complete requests.
//
// One read a turn: a read that did not fill its room has emptied the socket, and one that did leaves
// the rest to the next turn, so that no peer can keep the loop to itself. For the same reason a
// peer's pipelined requests are taken in portions, the next one after the answers have been sent.

internal import Bytes
internal import CLinux
internal import Glibc
internal import HTTPWire
internal import Notifier
internal import TLS

extension Connection {
    /// Bytes of answers that do not wait for the end of the turn: a block of memory.
    static let flushAtOnce = BufferPool.blockByteCount

    /// Whether requests must wait: for the present answer, or for the next flush.
    private var holdsBack: Bool { phase == .answering || isDeferred }

    /// Reads what is there and takes every complete request out of it.
    func readSome(_ server: ServerLoop) {
        switch phase {
        case .ending, .lingering:
            drop()
            return
        case .closed: return
        case .handshake, .idle, .head, .body, .answering: break
        }
        let isAhead = holdsBack
        let carried = tls == nil && !isAhead ? pending.count : 0
        let room = phase == .body ? ServerLoop.scratchByteCount : ServerLoop.readByteCount
        let count = clinux_recv(number, server.scratch + carried, room - carried, 0)
        guard count > 0 else {
            readNothing(count)
            return
        }
        if let tls {
            decrypt(
                UnsafeRawBufferPointer(start: server.scratch, count: count), tls, isAhead, server)
        } else if isAhead {
            server.pool.equip(&pending)
            pending.append(UnsafeRawBufferPointer(start: server.scratch, count: count))
            settleReading(server)
        } else {
            if carried > 0 {
                UnsafeMutableRawBufferPointer(start: server.scratch, count: carried)
                    .copyMemory(from: pending.readable)
                pending.removeAll()
                server.pool.reclaim(&pending)
            }
            takeRequests(
                UnsafeRawBufferPointer(start: server.scratch, count: carried + count), server)
        }
    }

    private func readNothing(_ count: Int) {
        if count == 0 {
            peerEnded()
        } else if errno != EAGAIN, errno != EINTR {
            close()
        }
    }

    /// Reads bytes of a connection that has ended and lets them go.
    private func drop() {
        // MSG_TRUNC spares TCP the copying.
        let count = clinux_recv(
            number, server.scratch, ServerLoop.scratchByteCount, Int32(MSG_TRUNC))
        guard count > 0 else {
            readNothing(count)
            return
        }
        guard phase == .lingering else { return }
        if server.loop.now < lingerEndNanos { armForPhase() } else { close() }
    }

    // MARK: TLS

    private func decrypt(
        _ ciphertext: UnsafeRawBufferPointer, _ tls: TLSSession, _ isAhead: Bool,
        _ server: ServerLoop
    ) {
        server.pool.equip(&records)
        let progress: TLSProgress
        if isAhead {
            server.pool.equip(&pending)
            progress = tls.receive(ciphertext, plaintext: &pending, ciphertext: &records)
        } else {
            server.plaintext.removeAll()
            server.plaintext.append(pending.readable)
            pending.removeAll()
            server.pool.reclaim(&pending)
            progress = tls.receive(
                ciphertext, plaintext: &server.plaintext, ciphertext: &records)
        }
        if records.isEmpty {
            server.pool.reclaim(&records)
        } else if progress != .handshaking {
            server.touch(self)
        }
        if case .failed(let error) = progress {
            tlsFailed(error, ciphertext)
            return
        }
        if phase == .handshake {
            guard progress != .handshaking else {
                // The arithmetic for others may take this turn long: meanwhile the peer does its.
                flush(server)
                return
            }
            phase = .idle
            server.arm(self, server.ticks.head)
        }
        if isAhead {
            settleReading(server)
        } else if !server.plaintext.isEmpty {
            takeRequests(server.plaintext.readable, server)
        }
        // close_notify ends one direction only (RFC 8446 §6.1).
        if progress == .peerClosed { peerEnded() }
    }

    private func tlsFailed(_ error: TLSError, _ received: UnsafeRawBufferPointer) {
        if phase == .handshake { server.counters.failedHandshakes &+= 1 }
        guard exchange == nil else {
            close()
            return
        }
        if case .plainHTTP = error {
            let request = received.drop { $0 == 0x0D || $0 == 0x0A }
            refusePlainHTTP(isHead: request.starts(with: "HEAD ".utf8))
        }
        // Or the alert that says why.
        flushRecords()
        if phase != .closed { linger() }
    }

    private func refusePlainHTTP(isHead: Bool) {
        records.append("HTTP/1.1 400 Bad Request\r\nDate: ")
        server.answerHead.appendDate(server.loop, to: &records)
        records.append("\r\nContent-Type: text/plain\r\nConnection: close\r\n")
        records.append("Content-Length: 56\r\n\r\n")
        guard !isHead else { return }
        records.append("This port speaks HTTPS: use https:// instead of http://\n")
    }

    // MARK: Requests

    /// Takes complete requests off `bytes` and keeps the rest.
    @inline(__always)
    private func takeRequests(_ bytes: UnsafeRawBufferPointer, _ server: ServerLoop) {
        let taken = process(bytes, server)
        if taken < bytes.count {
            server.pool.equip(&pending)
            pending.append(UnsafeRawBufferPointer(rebasing: bytes[taken...]))
        }
        // Much is worth a write of its own, as long as it is in the cache.
        if backlog >= Self.flushAtOnce, !isDeferred { flush(server) }
        settle(server)
    }

    /// Goes on with what was kept, after an answer has been given or a flush has been made.
    func resumeRequests(_ server: ServerLoop) {
        guard phase == .idle || phase == .head, !isProcessing else { return }
        guard !server.isProcessing else {
            // A handler of another connection has given this answer, and still needs its head.
            deferRequests()
            return
        }
        let taken = process(pending.readable, server)
        pending.consume(min(taken, pending.count))
        server.pool.reclaim(&pending)
        settle(server)
    }

    private func deferRequests() {
        isDeferred = true
        server.touch(self)
    }

    private func settle(_ server: ServerLoop) {
        guard phase != .closed else { return }
        settleReading(server)
        if peerHasEnded { settlePeerEnd() }
    }

    /// Reads on, or stops reading while too much is kept that cannot be looked at.
    @inline(__always)
    private func settleReading(_ server: ServerLoop) {
        let pauses =
            holdsBack && pending.count >= server.limits.pipelineBytes
            || phase == .body && exchange?.isBodyPaused == true
        if pauses != isReadingPaused {
            isReadingPaused = pauses
            updateInterest()
        }
    }

    /// The owner of a streamed body wants more of it, or wants to wait.
    func bodyFlowChanged() {
        guard phase == .body else { return }
        settleReading(server)
        armForPhase()
    }

    /// Takes requests until the bytes end, an answer is outstanding, the peer must read first, or
    /// others have waited long enough; returns how many bytes need not be kept.
    private func process(_ bytes: UnsafeRawBufferPointer, _ server: ServerLoop) -> Int {
        isProcessing = true
        server.isProcessing = true
        defer {
            isProcessing = false
            server.isProcessing = false
        }
        isDeferred = false
        var offset = 0
        var requestsLeft = server.limits.pipelinedRequests
        while offset < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            switch phase {
            case .idle, .head:
                guard requestsLeft > 0, backlog < server.limits.sendBacklog else {
                    deferRequests()
                    return offset
                }
                requestsLeft -= 1
                let taken = takeHead(rest, server)
                if taken == 0 { return phase == .head ? offset : bytes.count }
                offset += taken
            case .body:
                offset += takeBody(rest)
            case .handshake, .answering: return offset
            case .ending, .lingering, .closed: return bytes.count
            }
        }
        return offset
    }

    /// Parses one head and begins its exchange; returns 0 when there is no complete one.
    @inline(__always)
    private func takeHead(_ bytes: UnsafeRawBufferPointer, _ server: ServerLoop) -> Int {
        do throws(WireError) {
            let outcome = try server.parser.parse(
                Span(_unsafeElements: bytes.assumingMemoryBound(to: UInt8.self)),
                into: &server.head.pointee)
            switch outcome {
            case .needMore:
                if phase == .idle {
                    phase = .head
                    armForPhase()
                }
                return 0
            case .complete(let count):
                server.counters.requests &+= 1
                let fresh = server.takeExchange()
                exchange = fresh
                fresh.begin(on: self, server, bytes)
                beginBody(fresh, server, available: bytes.count - count)
                return count
            }
        } catch {
            refuse(.wire(error), method: server.head.pointee.method)
            return 0
        }
    }

    /// Asks the handler about a new request and sets the phase that follows.
    @inline(__always)
    private func beginBody(_ fresh: Exchange, _ server: ServerLoop, available: Int) {
        // Not `head` or `idle` any more: the handler may close or be told of the peer's end.
        phase = .answering
        let plan = server.handler.receive(fresh)
        guard exchange === fresh else { return }  // answered and ended already, or abandoned
        fresh.keepForAnswer()
        fresh.plan(plan)
        if fresh.isBodyTaken {
            fresh.bodyIsComplete()
        } else if let wrong = fresh.announcedRefusal {
            refuse(wrong)
        } else {
            phase = .body
            if !fresh.expectBody(available: available) { armForPhase() }
        }
    }

    /// Feeds body bytes to the present exchange; returns how many it took.
    private func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let exchange else { return bytes.count }
        do throws(WireError) {
            let taken = try exchange.takeBody(bytes)
            if exchange.isBodyTaken {
                exchange.bodyIsComplete()
            } else if exchange.bodyIsOverLimit {
                refuse(.bodyTooLarge(limit: exchange.bodyLimit))
            } else {
                if exchange.noteProgress() { armForPhase() }
                if exchange.streamsBody, !exchange.isSkippingBody { exchange.deliverPiece() }
            }
            return taken
        } catch {
            refuse(.wire(error))
            return bytes.count
        }
    }
}
