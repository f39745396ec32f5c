// Connection+Reading: from the socket to complete requests.
//
// One read a turn: a read that did not fill the scratch memory has emptied the socket, and one that
// did leaves the rest to the next turn, so that no peer can keep the loop to itself.

internal import Bytes
internal import Glibc
internal import HTTPWire
internal import TLS

extension Connection {
    /// Reads what is there and takes every complete request out of it.
    func readSome() {
        let carried = tls == nil ? pending.count : 0
        let room = ServerLoop.scratchByteCount - carried
        let count = recv(number, server.scratch + carried, room, 0)
        guard count > 0 else {
            if count == 0 || (errno != EAGAIN && errno != EINTR) { peerEndedOrFailed(count) }
            return
        }
        if phase == .lingering || phase == .ending {
            drop(count)
            return
        }
        if let tls {
            decrypt(UnsafeRawBufferPointer(start: server.scratch, count: count), tls)
        } else {
            if carried > 0 {
                UnsafeMutableRawBufferPointer(start: server.scratch, count: carried)
                    .copyMemory(from: pending.readable)
                pending.removeAll()
                server.pool.reclaim(&pending)
            }
            takeRequests(UnsafeRawBufferPointer(start: server.scratch, count: carried + count))
        }
    }

    private func peerEndedOrFailed(_ count: Int) {
        if count == 0 { peerEnded() } else { close() }
    }

    private func drop(_ count: Int) {
        lingerBytesLeft -= count
        if phase == .lingering, lingerBytesLeft < 0 { close() }
    }

    // MARK: TLS

    private func decrypt(_ ciphertext: UnsafeRawBufferPointer, _ tls: TLSSession) {
        server.plaintext.removeAll()
        server.plaintext.append(pending.readable)
        pending.removeAll()
        server.pool.reclaim(&pending)
        server.pool.equip(&records)
        let progress = tls.receive(
            ciphertext, plaintext: &server.plaintext, ciphertext: &records)
        if records.isEmpty { server.pool.reclaim(&records) } else { server.touch(self) }
        switch progress {
        case .handshaking: return
        case .open: break
        case .peerClosed:
            if phase == .handshake { phase = .idle }
            takeRequests(server.plaintext.readable)
            peerEnded()
            return
        case .failed(let error):
            handshakeFailed(error)
            return
        }
        if phase == .handshake {
            phase = .idle
            server.arm(self, server.ticks.head)
        }
        if !server.plaintext.isEmpty { takeRequests(server.plaintext.readable) }
    }

    private func handshakeFailed(_ error: TLSError) {
        server.counters.failedHandshakes &+= 1
        if case .plainHTTP = error {
            let answer: StaticString = """
                HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\
                Content-Length: 53\r\n\r\nThis port speaks HTTPS: use https:// instead of http:/
                """
            _ = send(
                number, answer.utf8Start, answer.utf8CodeUnitCount, Int32(MSG_NOSIGNAL))
            linger()
            return
        }
        // The alert that says why is in `records`.
        flushRecords()
        close()
    }

    // MARK: Requests

    /// Takes complete requests off `bytes` and keeps the rest.
    func takeRequests(_ bytes: UnsafeRawBufferPointer) {
        let taken = process(bytes)
        guard phase != .closed else { return }
        if taken < bytes.count, phase != .ending, phase != .lingering {
            server.pool.equip(&pending)
            pending.append(UnsafeRawBufferPointer(rebasing: bytes[taken...]))
        }
        settleReading()
    }

    /// Goes on with what was kept, after an answer has been given.
    func resumeRequests() {
        guard !isProcessing, phase == .idle || phase == .body, !pending.isEmpty else {
            settleReading()
            return
        }
        let taken = process(pending.readable)
        guard phase != .closed else { return }
        pending.consume(min(taken, pending.count))
        server.pool.reclaim(&pending)
        settleReading()
    }

    /// Reads on, or stops reading while too much is kept.
    private func settleReading() {
        let pause = pending.count >= server.limits.pipelineBytes && phase != .head
        if pause != isReadingPaused, phase != .closed {
            isReadingPaused = pause
            updateInterest()
        }
        if peerHasEnded, phase == .idle, !isTouched, backlog == 0 { close() }
    }

    /// Takes requests until the bytes end, an answer is outstanding or the peer must read first;
    /// returns how many bytes were taken.
    private func process(_ bytes: UnsafeRawBufferPointer) -> Int {
        isProcessing = true
        defer { isProcessing = false }
        var offset = 0
        while offset < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            switch phase {
            case .idle, .head:
                guard backlog < server.limits.sendBacklog else { return offset }
                let taken = takeHead(rest)
                if taken == 0 { return phase == .ending ? bytes.count : offset }
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
    private func takeHead(_ bytes: UnsafeRawBufferPointer) -> Int {
        do throws(WireError) {
            let outcome = try server.parser.parse(
                Span(_unsafeElements: bytes.assumingMemoryBound(to: UInt8.self)),
                into: &server.head)
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
                fresh.begin(on: self, bytes)
                beginBody(fresh, available: bytes.count - count)
                return count
            }
        } catch {
            refuse(.wire(error))
            return 0
        }
    }

    /// Asks the handler about a new request and sets the phase that follows.
    private func beginBody(_ fresh: Exchange, available: Int) {
        let plan = server.handler.receive(fresh)
        guard exchange === fresh, phase != .closed, phase != .ending else {
            // Answered and ended already, or refused.
            return
        }
        fresh.keepPath()
        fresh.plan(plan)
        if fresh.isBodyTaken {
            fresh.bodyIsComplete()
        } else if let wrong = fresh.bodyIsTooLarge {
            refuse(wrong)
        } else {
            phase = .body
            fresh.expectBody(available: available)
            if available == 0 { armForPhase() }
        }
    }

    /// Feeds body bytes to the present exchange; returns how many it took.
    private func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let exchange else { return bytes.count }
        do throws(WireError) {
            let taken = try exchange.takeBody(bytes)
            if exchange.isBodyTaken {
                exchange.bodyIsComplete()
            } else if exchange.noteProgress() {
                armForPhase()
            }
            return taken
        } catch {
            refuse(.wire(error))
            return bytes.count
        }
    }
}
