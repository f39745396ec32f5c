// Connection+Writing: from the send queue to the socket, once a turn, and what follows when all of
// it has left.

internal import Bytes
internal import CLinux
internal import Glibc
internal import TLS

extension Connection {
    /// Plain bytes encrypted ahead of the socket: four full records.
    static let encryptAhead = 64 * 1024

    /// The present answer is complete in the queue: go on to the next request, or end.
    func answerEnded(_ server: ServerLoop) {
        guard phase != .closed, let goesOn = exchange?.keepsAlive else { return }
        server.retire(&exchange)
        guard goesOn else {
            endAfterFlush()
            return
        }
        phase = .idle
        if isWaitingToWrite { armForPhase() } else { server.arm(self, server.ticks.idle) }
        if !isProcessing, !pending.isEmpty || peerHasEnded { resumeRequests(server) }
    }

    /// Writes what waits; called once at the end of a turn in which something was queued.
    func flush(_ server: ServerLoop) {
        guard phase != .closed, mayWrite || !isWaitingToWrite else { return }
        mayWrite = false
        answerIsUnsent = false
        var sent = 0
        let isDone = tls == nil ? flushPlain(&sent, server) : flushEncrypted(&sent)
        guard phase != .closed else { return }
        if isDone {
            if isWaitingToWrite {
                isWaitingToWrite = false
                updateInterest()
                armForPhase()
            }
            everythingLeft(server)
        } else if !isWaitingToWrite {
            isWaitingToWrite = true
            sendingHasProgressed()
            updateInterest()
            armForPhase()
        } else if sent > 0 {
            armForPhase()
        }
    }

    @inline(__always)
    private func everythingLeft(_ server: ServerLoop) {
        switch phase {
        case .ending: linger()
        case .idle, .head:
            if isDeferred {
                resumeRequests(server)
            } else if phase == .idle, server.isDraining {
                endGracefully()
            }
        case .body, .answering:
            if let notify = exchange?.onSent { notify() }
        case .handshake, .lingering, .closed: break
        }
    }

    /// Sends plain bytes; returns whether all have left.
    @inline(__always)
    private func flushPlain(_ total: inout Int, _ server: ServerLoop) -> Bool {
        while !sendQueue.isEmpty {
            let bytes = sendQueue.next
            let sent =
                bytes.count == sendQueue.byteCount
                ? clinux_send(number, bytes.baseAddress, bytes.count)
                : sendGathered()
            guard sent > 0 else { return failedToSend() }
            total += sent
            let short = sent < sendQueue.byteCount
            sendQueue.advance(sent, server.pool)
            if short, sendQueue.isContiguous { return false }
        }
        return true
    }

    private func sendGathered() -> Int {
        let count = sendQueue.gather(into: server.vectors)
        var message = msghdr()
        message.msg_iov = server.vectors.baseAddress
        message.msg_iovlen = count
        return sendmsg(number, &message, Int32(MSG_NOSIGNAL))
    }

    /// Tells a full socket (returns false) from a broken one (closes).
    private func failedToSend() -> Bool {
        if errno != EAGAIN && errno != EINTR { close() }
        return false
    }

    /// Encrypts and sends; returns whether all have left.
    private func flushEncrypted(_ total: inout Int) -> Bool {
        guard let tls else { return true }
        repeat {
            while !sendQueue.isEmpty, records.count < Self.encryptAhead {
                guard encryptNext(tls) else { return false }
            }
            // With the last answer goes the word that it was the last.
            if phase == .ending, sendQueue.isEmpty { tls.close(into: &records) }
            guard sendRecords(&total) else { return false }
        } while !sendQueue.isEmpty
        return true
    }

    /// Encrypts what comes next; returns whether it could.
    private func encryptNext(_ tls: TLSSession) -> Bool {
        server.pool.equip(&records)
        let bytes = sendQueue.next
        let part = UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, Self.encryptAhead)])
        do throws(TLSError) {
            try tls.send(part, into: &records)
        } catch {
            close()
            return false
        }
        sendQueue.advance(part.count, server.pool)
        return true
    }

    /// Sends records; returns whether all have left.
    private func sendRecords(_ total: inout Int) -> Bool {
        guard !records.isEmpty else { return true }
        let bytes = records.readable
        let sent = clinux_send(number, bytes.baseAddress, bytes.count)
        guard sent > 0 else { return failedToSend() }
        total += sent
        records.consume(sent)
        guard records.isEmpty else { return false }
        server.pool.reclaim(&records)
        return true
    }

    /// Tries once to send records of a connection that is about to close.
    func flushRecords() {
        var sent = 0
        _ = sendRecords(&sent)
    }
}
