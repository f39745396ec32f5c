// ServerStage: what the tests of the server side share: a server on a loop whose clock only the test
// moves, and a handler that answers as its paths say. Nothing sleeps: server and peers take turns.

import Bytes
import Foundation
import HTTPWire
import Notifier
import TLS
import Testing

@testable import HTTP

/// A server and its peers.
final class ServerStage {
    let clock = ManualClock(wallSeconds: 784_111_777)
    let loop: EventLoop
    let handler = StageHandler()
    let server: ServerLoop
    let source: TLSSource?
    private var peers: [ServerPeer] = []

    /// Makes a server, on TLS if `isTLS`; with a `quota` it shares that with others.
    init(
        isTLS: Bool = false, quota: ConnectionQuota? = nil,
        _ change: (inout ServerLimits) -> Void = { _ in }
    ) throws {
        var limits = ServerLimits()
        change(&limits)
        loop = try EventLoop(clock: clock)
        source = isTLS ? TLSSource(try Self.context()) : nil
        server = ServerLoop(
            loop: loop, limits: limits, quota: quota, handler: handler, idSeed: 0)
    }

    private static func context() throws -> TLSContext { try ClientCertificates.server() }

    deinit { server.closeAll() }

    /// A new peer, connected by a pair of sockets; on TLS its handshake is done unless it `isSilent`.
    ///
    /// With `isProxied` the server expects the header of a proxy; `first` sends what is to be there
    /// when the server accepts.
    func connect(
        address: SocketAddress? = nil, isSilent: Bool = false, isTCP: Bool = false,
        isProxied: Bool = false, first: (ServerPeer) -> Void = { _ in }
    ) throws -> ServerPeer {
        let (near, far) = isTCP ? try Self.tcpPair() : try Self.unixPair()
        let session = try source.map { _ in
            try TLSSession(client: ClientCertificates.client(), host: "localhost")
        }
        let peer = ServerPeer(far, session)
        peers.append(peer)
        first(peer)
        if isProxied {
            try server.greet(Descriptor(owning: near), address ?? .unixPeer(), source)
        } else {
            try server.accept(Descriptor(owning: near), address ?? .unixPeer(), source?.context)
        }
        if !isSilent {
            peer.shakeHands()
            settle()
        }
        return peer
    }

    /// Closed in children: one that another test starts at this moment would keep a peer connected.
    private static let streamKind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)

    private static func unixPair() throws -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        let kind = Self.streamKind | Int32(SOCK_NONBLOCK.rawValue)
        try #require(socketpair(AF_UNIX, kind, 0, &ends) == 0)
        return (ends[0], ends[1])
    }

    /// Two ends of a TCP connection, for what Unix sockets do differently: resets, half-closing.
    private static func tcpPair() throws -> (Int32, Int32) {
        let any = try #require(try SocketAddress.resolve(.tcp(host: "127.0.0.1", port: 0)).first)
        let listening = try Listener.open(any)
        let bound = SocketAddress(boundTo: listening.number)
        let far = socket(AF_INET, Self.streamKind, 0)
        try #require(bound.withPointer { Glibc.connect(far, $0, $1) } == 0)
        let near = accept(listening.number, nil, nil)
        try #require(near >= 0)
        _ = fcntl(near, F_SETFD, FD_CLOEXEC)
        for end in [near, far] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        return (near, far)
    }

    /// Lets server and peers take turns until neither has more to say.
    func settle() {
        var quiet = 0
        while quiet < 4 {
            loop.step(sleep: false)
            var moved = false
            for peer in peers where peer.pump() { moved = true }
            quiet = moved ? 0 : quiet + 1
        }
    }

    /// Lets server and peers take turns until `condition` holds, for what the kernel does in its own
    /// time; fails after ten seconds.
    func run(
        _ sourceLocation: SourceLocation = #_sourceLocation, until condition: () -> Bool
    ) throws {
        let limit = ContinuousClock.now + .seconds(10)
        while !condition() {
            settle()
            try #require(
                ContinuousClock.now < limit, "nothing happened", sourceLocation: sourceLocation)
        }
    }

    /// Makes one turn of the loop, without the peers.
    func turn() { loop.step(sleep: false) }

    /// Moves the clock and lets the deadlines be noticed.
    func advance(by time: Duration) {
        clock.advance(by: time)
        settle()
    }

    /// What a new peer gets for `text`.
    func answers(to text: String, heads: Set<Int> = []) throws -> [StageAnswer] {
        let peer = try connect()
        peer.send(text)
        settle()
        return try peer.answers(heads: heads)
    }
}

extension SocketAddress {
    /// The address of a peer on a Unix socket.
    static func unixPeer() throws -> SocketAddress {
        try #require(try resolve(.unix(path: "/peer")).first)
    }

    /// A numeric address.
    static func numeric(_ host: String, port: UInt16 = 1) throws -> SocketAddress {
        try #require(try resolve(.tcp(host: host, port: port)).first)
    }
}

/// Answers as the path says.
///
///     /now        200 at once             /later    when the test calls `answer`
///     /echo       the body                /late-echo  the body, when the test calls `answer`
///     /big        300,000 bytes           /stream   a stream that the test continues
///     /pieces     what the test does when it has heard of the last piece of the body
final class StageHandler: RequestHandler {
    /// Body bytes that /echo takes.
    static let limit = 100_000

    /// What has been asked, such as `GET /now`, in order.
    private(set) var asked: [String] = []
    /// The bodies that came with it.
    private(set) var bodies: [String] = []
    /// Status of each exchange that has ended; 0 for one that was abandoned.
    private(set) var ended: [Int] = []
    /// Exchanges without an answer, and open streams.
    private(set) var waiting: [Exchange] = []
    /// Exchanges whose `onAbandoned` was called.
    private(set) var abandoned = 0
    /// The pieces of bodies that were streamed, `|` behind the last one of each.
    private(set) var pieces: [String] = []
    /// Hears of each piece, after it was noted.
    var onPiece: (Exchange, _ isLast: Bool) -> Void = { _, _ in }
    /// Looks at an exchange first.
    var onReceive: (Exchange) -> Void = { _ in }
    /// Looks at an exchange whose body is there.
    var onComplete: (Exchange) -> Void = { _ in }

    func receive(_ exchange: Exchange) -> BodyPlan {
        let path = String(decoding: exchange.path, as: UTF8.self)
        asked.append("\(String(decoding: exchange.methodBytes, as: UTF8.self)) \(path)")
        onReceive(exchange)
        guard exchange.isOpen else { return .skip }
        switch path {
        case "/now": exchange.respond(200, "now\n")
        case "/later": wait(exchange)
        case "/echo", "/late-echo": return .collect(limit: Self.limit)
        case "/big": exchange.respond(200, String(repeating: "b", count: 300_000))
        case "/stream":
            exchange.beginStream(200, type: "text/event-stream")
            if exchange.isOpen { wait(exchange) }
        case "/pieces":
            exchange.onAbandoned = { [unowned self] in abandoned += 1 }
            exchange.onBody = { [unowned self] piece, isLast in
                pieces.append(String(decoding: piece, as: UTF8.self) + (isLast ? "|" : ""))
                onPiece(exchange, isLast)
            }
            return .stream(limit: Self.limit)
        default: exchange.respond(404, "none\n")
        }
        return .skip
    }

    private func wait(_ exchange: Exchange) {
        waiting.append(exchange)
        exchange.onAbandoned = { [unowned self] in abandoned += 1 }
    }

    func complete(_ exchange: Exchange) {
        bodies.append(String(decoding: exchange.body, as: UTF8.self))
        onComplete(exchange)
        if exchange.path.elementsEqual("/late-echo".utf8) {
            wait(exchange)
        } else {
            exchange.respond(200, type: "text/plain", exchange.body)
        }
    }

    func describe(
        _ refusal: Refusal, of exchange: Exchange, into body: inout ByteBuffer
    ) -> StaticString {
        body.append(text: refusal.reason)
        return "text/plain"
    }

    func ended(_ exchange: Exchange) { ended.append(exchange.status) }

    /// Answers the oldest exchange that waits.
    func answer(_ text: String = "later\n") throws {
        try #require(!waiting.isEmpty)
        waiting.removeFirst().respond(200, text)
    }

    /// The oldest exchange that waits, which goes on waiting.
    func oldest() throws -> Exchange { try #require(waiting.first) }

    /// Lets go of everything that waits.
    func forget() { waiting = [] }
}

extension Exchange {
    /// Answers with text.
    func respond(_ status: Int, _ text: String) {
        var copy = text
        copy.withUTF8 { respond(status, type: "text/plain", UnsafeRawBufferPointer($0)) }
    }

    /// Sends a part of a stream.
    func send(_ text: String) {
        var copy = text
        copy.withUTF8 { send(UnsafeRawBufferPointer($0)) }
    }
}

extension Connection {
    /// Number of bytes that were read and not taken yet.
    var keptByteCount: Int { pending.count }

    /// Whether the hello of its TLS peer has been looked at.
    var hasReadHello: Bool { tls?.applicationProtocol != nil }
}
