// StreamSource: a TCP or Unix socket; each line of each connection is one signal. Nothing is ever
// answered.

internal import Bytes
internal import Glibc
internal import HTTP
internal import Notifier

/// A listening socket whose connections' lines become signals.
///
/// Loop-confined, on the control loop.
final class StreamSource {
    /// Bytes read of one connection in one turn.
    static let readSize = 16 << 10

    private let intake: SourceIntake
    private let loop: EventLoop
    private let pool = BufferPool()
    private var listener: Listener?
    private var peers: [Int32: SourcePeer] = [:]
    private var sweepToken: TimerToken?
    private var buffer = [UInt8](repeating: 0, count: StreamSource.readSize)
    private var isDrained = false
    private let path: String?

    /// Binds a socket and accepts from now on.
    init(_ intake: SourceIntake, _ endpoint: Endpoint, loop: EventLoop) throws(SystemError) {
        self.intake = intake
        self.loop = loop
        if case .unix(let path) = endpoint { self.path = path } else { path = nil }
        guard let address = try SocketAddress.resolve(endpoint).first else {
            throw SystemError("bind", EADDRNOTAVAIL, subject: "\(endpoint)")
        }
        if let path {
            try Listener.clearStale(address, path: path)
        } else {
            try Listener.probe(address)
        }
        let opened = try Listener.open(address)
        intake.address = path ?? "\(SocketAddress(boundTo: opened.number))"
        listener = try Listener(
            adopting: consume opened, isTLS: false, loop: loop, limits: ServerLimits()
        ) { [unowned self] number, peer in accept(number, peer) }
        sweepToken = loop.addTimer(every: .seconds(1)) { [unowned self] in
            sweep()
            return .keep
        }
    }

    /// Whether the socket is open.
    var state: SourceState { listener == nil ? .closed : .listening }

    /// Accepts and reads no more.
    func close() {
        if let sweepToken { loop.removeTimer(sweepToken) }
        listener?.close()
        listener = nil
        for peer in Array(peers.values) { end(peer) }
        if let path { unlink(path) }
    }

    private func accept(_ number: Int32, _ address: SocketAddress) {
        let socket = Descriptor(owning: number)
        guard peers.count < intake.settings.connections else {
            intake.leaveOut(.refused)
            return
        }
        let peer = SourcePeer(
            socket, from: address.host == "unix" ? "unix" : "\(address)",
            lineSize: intake.settings.lineSize, now: loop.now)
        do throws(SystemError) {
            peer.token = try loop.watch(number, .read) {
                [unowned self, unowned peer] readiness in
                // An end is told once: what came before it is read now, as much as a socket holds.
                let hasEnded = !readiness.isDisjoint(with: .ended)
                var disposition = read(peer)
                while hasEnded, disposition == .keep, !isDrained { disposition = read(peer) }
                return disposition
            }
        } catch {
            return
        }
        peers[number] = peer
        intake.counts.connections = peers.count
    }

    private func read(_ peer: SourcePeer) -> Disposition {
        guard let number = peer.socket?.number else { return .stop }
        let count = buffer.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, $0.count) }
        isDrained = count < 0 && errno == EAGAIN
        if count < 0, errno == EAGAIN || errno == EINTR { return .keep }
        guard count > 0 else {
            finish(peer)
            return .stop
        }
        peer.readAt = loop.now
        buffer.withUnsafeBytes { bytes in
            let chunk = UnsafeRawBufferPointer(rebasing: bytes[..<count])
            _ = peer.framing.feed(chunk, pool) { take($0, peer) }
        }
        return .keep
    }

    private func take(_ found: LineFraming.Found, _ peer: SourcePeer) -> Bool {
        switch found {
        case .line(let line), .partial(let line): intake.take(line, from: peer.from)
        case .overlong: intake.leaveOutOverlong()
        case .skipped: break
        }
        return true
    }

    private func sweep() {
        let limit = UInt64(max(intake.settings.idleTimeout.nanoseconds, 0))
        for peer in Array(peers.values) where loop.now &- peer.readAt > limit { finish(peer) }
    }

    /// Ends a connection of which no more will come: what has begun is a line.
    private func finish(_ peer: SourcePeer) {
        peer.framing.finish(pool) { take($0, peer) }
        end(peer)
    }

    private func end(_ peer: SourcePeer) {
        guard let number = peer.socket?.number else { return }
        if let token = peer.token { loop.unwatch(token) }
        peers[number] = nil
        peer.socket = nil
        intake.counts.connections = peers.count
    }
}

/// One connection of a source.
///
/// Loop-confined.
private final class SourcePeer {
    var socket: Descriptor?
    var token: WatchToken?
    var framing: LineFraming
    var readAt: UInt64
    let from: String

    init(_ socket: consuming Descriptor, from: String, lineSize: Int, now: UInt64) {
        self.socket = consume socket
        self.from = from
        framing = LineFraming(maxLength: lineSize)
        readAt = now
    }
}
