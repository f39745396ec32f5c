// Connection+Waiting: how long a connection waits for its peer, and what becomes of it when the peer
// ends its side or lets its time pass.

internal import CLinux
internal import HTTPWire
internal import Notifier
internal import TLS

extension Connection {
    // MARK: The peer's end

    /// The poller has reported the end of the peer's stream, which it does once; what came before
    /// the end is read first.
    ///
    /// After a hang-up nothing can be sent either.
    func endWasReported(_ isHangUp: Bool) {
        guard phase != .closed else { return }
        var unread: Int32 = 0
        let holdsMore = clinux_unread(number, &unread) == 0 && unread > 0
        if isHangUp, !holdsMore || isReadingPaused {
            close()
        } else if holdsMore {
            peerIsLeaving = true
            updateInterest()
            // What is unread may stay so until the answer is there.
            if phase == .answering { settlePeerEnd() }
        } else {
            peerEnded()
        }
    }

    /// The peer will send nothing more, and all it sent has been read.
    func peerEnded() {
        guard !peerHasEnded, phase != .closed else { return }
        peerHasEnded = true
        updateInterest()
        settlePeerEnd()
    }

    /// Draws the consequences of the end of the peer's stream: what it has asked for whole is still
    /// answered (RFC 9112 §9.6), and then the connection ends.
    func settlePeerEnd() {
        switch phase {
        case .handshake, .lingering: close()
        case .idle, .head:
            if !isDeferred { endGracefully() }
        case .body: refuse(.wire(.peer(.bodyTruncated, suggestedStatus: 400)))
        case .answering:
            // It may have closed only its sending side; a peer that is gone looks the same.
            if exchange?.isWorthFinishing == true { armForPhase() } else { cutOff() }
        case .ending, .closed: break
        }
    }

    /// The peer has ended its side, and its answer is not there in time: if it has not gone, it
    /// learns why.
    private func giveUp() {
        if exchange?.isWorthFinishing == true { refuse(.halfCloseTimeout) } else { cutOff() }
    }

    /// Ends the connection within an answer whose framing shows that it is not whole.
    private func cutOff() {
        // Whoever takes the end for the end of the answer must miss this as well.
        if let tls, backlog == 0, !endIsFraming {
            tls.close(into: &records)
            flushRecords()
        }
        close()
    }

    // MARK: Deadlines

    /// The connection's deadline has passed.
    func deadlinePassed() {
        if isWaitingToWrite, sendingHasProgressed() {
            armForPhase()
            return
        }
        if isWaitingToWrite || phase != .idle && phase != .lingering {
            server.counters.timedOut &+= 1
        }
        switch phase {
        case _ where isWaitingToWrite: close()
        case .idle: endGracefully()
        case .head: refuse(.headTimeout)
        case .body: refuse(.bodyTimeout)
        case .answering: giveUp()
        case .handshake, .ending, .lingering, .closed: close()
        }
    }

    /// Whether the kernel has sent something since this was last asked: it asks for more only when
    /// a third of its buffer is free, which takes a slow link longer than any deadline.
    @discardableResult
    func sendingHasProgressed() -> Bool {
        var count: Int32 = 0
        guard clinux_unsent(number, &count) == 0 else { return false }
        defer { unsentByteCount = count }
        return count != unsentByteCount
    }

    /// Arms the deadline that fits the phase.
    func armForPhase() {
        if isWaitingToWrite {
            server.arm(self, server.ticks.write)
            return
        }
        switch phase {
        case .handshake: server.arm(self, server.ticks.handshake)
        case .idle: server.arm(self, server.ticks.idle)
        case .head: server.arm(self, server.ticks.head)
        case .body:
            if exchange?.isBodyPaused == true {
                server.disarm(self)  // it is our side that takes its time
            } else {
                server.arm(self, server.ticks.body)
            }
        case .answering:
            if peerHasEnded || peerIsLeaving {
                server.arm(self, server.ticks.halfClose)
            } else {
                server.disarm(self)
            }
        case .ending: server.arm(self, server.ticks.write)
        case .lingering:
            server.arm(self, server.isDraining ? server.ticks.drainLinger : server.ticks.linger)
        case .closed: server.disarm(self)
        }
    }
}
