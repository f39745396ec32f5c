// ClientSocket: one connected socket, plain or TLS: bytes out of a queue, bytes in, and what the
// poller is asked for. It knows nothing of HTTP and calls nobody but its owner.

internal import Bytes
internal import Glibc
internal import Notifier
internal import TLS

/// How a peer's stream ended.
enum ClientStreamEnd {
    /// It ended; with TLS it is clean if the peer said so (close_notify).
    case closed(isClean: Bool)
    /// It broke.
    case failed(ClientError)
}

/// What one read brought.
struct ClientArrival {
    /// Plain bytes, in the scratch memory.
    var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The end of the stream, which comes behind the bytes.
    var end: ClientStreamEnd?
    /// Whether the socket has nothing more for now.
    var isDry = false
}

/// One connected socket of a client.
///
/// Loop-confined.
final class ClientSocket {
    /// Plain bytes encrypted ahead of the socket: four full records.
    private static let encryptAhead = 64 * 1024

    let tls: TLSSession?
    let address: SocketAddress

    /// Plain bytes to send.
    @exclusivity(unchecked) var queue = SendQueue()
    /// TLS records to send.
    @exclusivity(unchecked) private var records = ByteBuffer()
    /// Sending failed; what the peer sent before may still be read.
    @exclusivity(unchecked) private(set) var sendError: SystemError?
    @exclusivity(unchecked) private(set) var isBlocked = false
    /// The peer's end was signalled: the loop may not tell of it again.
    @exclusivity(unchecked) var endWasSignalled = false
    @exclusivity(unchecked) var isReading = true

    private unowned let loop: EventLoop
    private unowned let room: ClientLoop
    private var socket: Descriptor?
    private var token: WatchToken?
    private let number: Int32

    /// Takes over a connected, non-blocking socket; a TLS handshake begins with the first flush.
    init(
        _ socket: consuming Descriptor, to address: SocketAddress, tls: TLSSession?,
        loop: EventLoop, room: ClientLoop
    ) {
        self.tls = tls
        self.address = address
        self.loop = loop
        self.room = room
        number = socket.number
        self.socket = consume socket
        if let tls { _ = tls.start(into: &records) }
    }

    /// Begins to watch; `onReady` hears of everything.
    func watch(_ onReady: @escaping (Readiness) -> Void) throws(SystemError) {
        token = try loop.watch(number, .read) { ready in
            onReady(ready)
            return .keep
        }
    }

    /// Tells the poller what the socket waits for.
    func updateInterest() {
        guard let token else { return }
        var interest: Interest = []
        if isReading { interest.insert(.read) }
        if isBlocked { interest.insert(.write) }
        loop.change(token, to: interest)
    }

    /// Number of bytes that wait for the peer.
    var backlog: Int { queue.byteCount + records.count }

    /// Closes at once, saying goodbye if TLS is open.
    func close() {
        guard socket != nil else { return }
        if let tls, tls.isOpen, records.isEmpty, sendError == nil {
            tls.close(into: &records)
            _ = sendRecords()
        }
        if let token { loop.unwatch(token) }
        token = nil
        queue.removeAll(room.pool)
        records.removeAll()
        room.pool.reclaim(&records)
        socket = nil
    }

    // MARK: Reading

    /// Reads once.
    func receive(_ scratch: ClientScratch) -> ClientArrival {
        let count = recv(number, scratch.memory.baseAddress, scratch.memory.count, 0)
        var arrival = ClientArrival()
        if count < 0 {
            guard errno != EAGAIN, errno != EINTR else {
                arrival.isDry = errno == EAGAIN
                return arrival
            }
            arrival.end = .failed(.broken(SystemError("recv", subject: "\(address)")))
            return arrival
        }
        arrival.isDry = count < scratch.memory.count && !endWasSignalled
        let fresh = UnsafeRawBufferPointer(rebasing: scratch.memory[..<count])
        if let tls {
            decrypt(fresh, tls, scratch, &arrival)
        } else if count == 0 {
            // A peer whose reset came while we were sending looks as if it had closed in peace.
            arrival.end = .closed(isClean: sendError == nil)
        } else {
            arrival.bytes = fresh
        }
        return arrival
    }

    private func decrypt(
        _ ciphertext: UnsafeRawBufferPointer, _ tls: TLSSession, _ scratch: ClientScratch,
        _ arrival: inout ClientArrival
    ) {
        guard !ciphertext.isEmpty else {
            arrival.end = .closed(isClean: tls.receiveEnd() == .peerClosed)
            return
        }
        scratch.plaintext.removeAll()
        room.pool.equip(&records)
        let progress = tls.receive(
            ciphertext, plaintext: &scratch.plaintext, ciphertext: &records)
        if records.isEmpty { room.pool.reclaim(&records) }
        arrival.bytes = scratch.plaintext.readable
        switch progress {
        case .handshaking, .open: break
        case .peerClosed: arrival.end = .closed(isClean: true)
        case .failed(let error):
            // The alert that tells the peer why.
            _ = sendRecords()
            arrival.end = .failed(.tls(error))
        }
    }

    // MARK: Writing

    /// Writes what waits; returns whether all of it has left.
    ///
    /// A failure shows in `sendError`.
    func flush() -> Bool {
        guard socket != nil, sendError == nil else { return true }
        let isDone = tls == nil ? flushPlain() : flushEncrypted()
        let blocks = !isDone && sendError == nil
        if blocks != isBlocked {
            isBlocked = blocks
            updateInterest()
        }
        return isDone
    }

    private func flushPlain() -> Bool {
        while !queue.isEmpty {
            let count = queue.gather(into: room.vectors)
            var message = msghdr()
            message.msg_iov = room.vectors.baseAddress
            message.msg_iovlen = count
            let sent = sendmsg(number, &message, Int32(MSG_NOSIGNAL))
            guard sent > 0 else {
                if failedToSend() { continue }
                return false
            }
            queue.advance(sent, room.pool)
        }
        return true
    }

    private func flushEncrypted() -> Bool {
        guard let tls else { return true }
        while true {
            guard sendRecords() else { return false }
            guard tls.isOpen, !queue.isEmpty else { return queue.isEmpty }
            room.pool.equip(&records)
            while !queue.isEmpty, records.count < Self.encryptAhead {
                let bytes = queue.next
                let part = UnsafeRawBufferPointer(
                    rebasing: bytes[..<min(bytes.count, Self.encryptAhead)])
                do throws(TLSError) {
                    try tls.send(part, into: &records)
                } catch {
                    giveUpSending(SystemError("send", EPROTO, subject: "\(address) (\(error))"))
                    return false
                }
                queue.advance(part.count, room.pool)
            }
        }
    }

    /// Sends records; returns whether all have left.
    private func sendRecords() -> Bool {
        while !records.isEmpty {
            let bytes = records.readable
            let sent = send(number, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            guard sent > 0 else {
                if failedToSend() { continue }
                return false
            }
            records.consume(sent)
        }
        room.pool.reclaim(&records)
        return true
    }

    /// Returns whether to try again at once.
    private func failedToSend() -> Bool {
        switch errno {
        case EAGAIN: return false
        case EINTR: return true
        default:
            giveUpSending(SystemError("send", subject: "\(address)"))
            return false
        }
    }

    /// Notes that nothing more can be sent.
    ///
    /// It is no end yet: what the peer said before it stopped to listen, such as why it refuses the
    /// request, may wait to be read.
    private func giveUpSending(_ error: SystemError) {
        sendError = error
        queue.removeAll(room.pool)
        records.removeAll()
        room.pool.reclaim(&records)
    }
}
