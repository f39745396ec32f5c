// Connection+Writing: from the send queue to the socket, once a turn, and what follows when all of
// it has left.

internal import Bytes
internal import Glibc
internal import TLS

extension Connection {
    /// Plain bytes encrypted ahead of the socket: four full records.
    static let encryptAhead = 64 * 1024

    /// The present answer is complete in the queue: go on to the next request, or end.
    func answerEnded() {
        guard phase != .closed, let ended = exchange else { return }
        let goesOn = ended.keepsAlive
        server.reclaim(&exchange)
        guard goesOn else {
            endAfterFlush()
            return
        }
        phase = .idle
        armForPhase()
        if !isProcessing {
            if pending.isEmpty, !isReadingPaused { return }
            resumeRequests()
        }
    }

    /// Writes what waits; called once at the end of a turn in which something was queued.
    func flush() {
        guard phase != .closed else { return }
        let wasBlocked = isWaitingToWrite
        let isDone = tls == nil ? flushPlain() : flushEncrypted()
        guard phase != .closed else { return }
        if isDone {
            if wasBlocked {
                isWaitingToWrite = false
                updateInterest()
                armForPhase()
            }
            everythingLeft()
        } else {
            if !wasBlocked {
                isWaitingToWrite = true
                updateInterest()
            }
            server.arm(self, server.ticks.write)
        }
    }

    private func everythingLeft() {
        switch phase {
        case .ending:
            if let tls {
                tls.close(into: &records)
                flushRecords()
            }
            linger()
        case .idle:
            if !pending.isEmpty { resumeRequests() }
            if phase == .idle, peerHasEnded, backlog == 0 { close() }
        case .answering: exchange?.onSent?()
        default: break
        }
    }

    /// Sends plain bytes; returns whether all have left.
    private func flushPlain() -> Bool {
        while !sendQueue.isEmpty {
            let sent: Int
            if sendQueue.isContiguous {
                let bytes = sendQueue.next
                sent = send(number, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            } else {
                sent = sendGathered()
            }
            guard sent > 0 else { return failedToSend() }
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
    private func flushEncrypted() -> Bool {
        guard let tls else { return true }
        repeat {
            if !sendQueue.isEmpty, records.count < Self.encryptAhead {
                server.pool.equip(&records)
                let bytes = sendQueue.next
                let part = UnsafeRawBufferPointer(
                    rebasing: bytes[..<min(bytes.count, Self.encryptAhead)])
                do throws(TLSError) {
                    try tls.send(part, into: &records)
                } catch {
                    close()
                    return false
                }
                sendQueue.advance(part.count, server.pool)
                if !sendQueue.isEmpty, records.count < Self.encryptAhead { continue }
            }
            guard sendRecords() else { return false }
        } while !sendQueue.isEmpty
        return true
    }

    /// Sends records; returns whether all have left.
    private func sendRecords() -> Bool {
        guard !records.isEmpty else { return true }
        let bytes = records.readable
        let sent = send(number, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        guard sent > 0 else { return failedToSend() }
        records.consume(sent)
        guard records.isEmpty else { return false }
        server.pool.reclaim(&records)
        return true
    }

    /// Tries once to send records of a connection that is about to close.
    func flushRecords() {
        guard !records.isEmpty else { return }
        _ = sendRecords()
    }
}
