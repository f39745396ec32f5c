// What the client's tests share: a peer that says what a test tells it to, and a loop whose clock
// only the test moves. Nothing sleeps: client and peer take turns until what is expected is there.

import Bytes
import Foundation
import HTTPWire
import Notifier
import TLS
import Testing

@testable import HTTP

/// The peer's end of one connection.
final class ClientPeerConnection {
    private var number: Int32
    fileprivate let session: TLSSession?
    private var records = ByteBuffer()
    private var isHolding = false
    /// What has arrived, decrypted.
    private(set) var received = ""
    /// The client has ended its stream, or broken it.
    private(set) var sawEnd = false
    private(set) var sawCloseNotify = false

    init(_ number: Int32, _ tls: TLSContext?) throws {
        self.number = number
        session = try tls.map { try TLSSession(server: $0) }
    }

    deinit { close() }

    /// Number of requests whose head has arrived.
    var requestCount: Int { received.components(separatedBy: "\r\n\r\n").count - 1 }

    /// Takes in what there is, up to `limit` bytes.
    func read(_ limit: Int = .max) {
        var left = limit
        while number >= 0, !sawEnd, left > 0 {
            var bytes = [UInt8](repeating: 0, count: min(65536, left))
            let count = recv(number, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            if count < 0 {
                if errno != EAGAIN { sawEnd = true }
                return
            }
            sawEnd = count == 0
            left -= max(count, 0)
            take(Array(bytes.prefix(count)))
        }
    }

    private func take(_ bytes: [UInt8]) {
        guard let session else {
            received += String(decoding: bytes, as: UTF8.self)
            return
        }
        var text = ByteBuffer()
        let progress = bytes.withUnsafeBytes {
            session.receive($0, plaintext: &text, ciphertext: &records)
        }
        sawCloseNotify = sawCloseNotify || progress == .peerClosed
        received += text.text()
        sendRecords()
    }

    private func sendRecords() {
        guard !isHolding else { return }
        sendRaw(records.array())
        records.removeAll()
    }

    /// Lets what `body` sends leave in one piece.
    func hold(_ body: (ClientPeerConnection) -> Void) {
        isHolding = true
        body(self)
        isHolding = false
        sendRecords()
    }

    /// Sends `text`, as much as the socket takes.
    func send(_ text: String) { send(Array(text.utf8)) }

    /// Sends `bytes`, as much as the socket takes.
    func send(_ bytes: [UInt8]) {
        guard let session else {
            sendRaw(bytes)
            return
        }
        bytes.withUnsafeBytes { try? session.send($0, into: &records) }
        sendRecords()
    }

    fileprivate func sendRaw(_ bytes: [UInt8]) {
        _ = Glibc.send(number, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    }

    /// Says that nothing more will come (close_notify).
    func sayGoodbye() {
        session?.close(into: &records)
        sendRecords()
    }

    /// Ends the sending side.
    func endSending() { shutdown(number, Int32(SHUT_WR)) }

    /// Closes; what the client sent and nobody has read makes that a reset.
    func close() {
        guard number >= 0 else { return }
        Glibc.close(number)
        number = -1
    }

    /// Closes with a reset.
    func reset() {
        var off = linger(l_onoff: 1, l_linger: 0)
        setsockopt(number, SOL_SOCKET, SO_LINGER, &off, socklen_t(MemoryLayout<linger>.size))
        close()
    }
}

/// A listening socket on a loopback address, and those who have connected.
final class ClientPeer {
    let address: SocketAddress
    let tls: TLSContext?
    private let socket: Descriptor
    private(set) var connections: [ClientPeerConnection] = []
    /// While false, connections stay in the kernel's queue, and what they send is not read.
    var isListening = true

    init(tls: TLSContext? = nil, host: String = "127.0.0.1") throws {
        let wanted = try SocketAddress.resolve(.tcp(host: host, port: 0))[0]
        socket = try Listener.open(wanted)
        address = SocketAddress(boundTo: socket.number)
        self.tls = tls
    }

    /// Accepts and reads what there is.
    func serve() throws {
        guard isListening else { return }
        while true {
            let number = accept(socket.number, nil, nil)
            guard number >= 0 else { break }
            connections.append(try ClientPeerConnection(number, tls))
        }
        for connection in connections { connection.read() }
    }
}

/// What one exchange told its owner.
final class ClientRecord {
    var status = 0
    var fields: [String: String] = [:]
    var body: [UInt8] = []
    var pieceCount = 0
    var ends: [ClientError?] = []
    var writableCount = 0
    var calls: [String] = []
    var onHead: (ClientExchange) -> Void = { _ in }
    var onBody: () -> Void = {}
    var onEnd: () -> Void = {}

    var hasEnded: Bool { !ends.isEmpty }
    var succeeded: Bool { ends.count == 1 && ends[0] == nil }
    var error: ClientError? { ends.first ?? nil }
    var text: String { String(decoding: body, as: UTF8.self) }

    var events: ClientEvents {
        var events = ClientEvents()
        events.onHead = { [self] exchange in
            calls.append("head")
            status = exchange.status
            exchange.forEachField { _, name, value in
                fields[String(decoding: name, as: UTF8.self).lowercased()] = String(
                    decoding: value, as: UTF8.self)
            }
            onHead(exchange)
        }
        events.onBody = { [self] bytes in
            calls.append("body")
            body.append(contentsOf: bytes)
            pieceCount += 1
            onBody()
        }
        events.onEnd = { [self] error in
            calls.append("end")
            ends.append(error)
            onEnd()
        }
        events.onWritable = { [self] in writableCount += 1 }
        return events
    }
}

/// A loop with a clock of its own, a peer, and a way from one to the other.
final class ClientStage {
    let clock = ManualClock()
    let loop: EventLoop
    let peer: ClientPeer
    var limits = ClientLimits()
    var clientTLS: TLSContext?
    var certificateHost = "localhost"

    init(tls: TLSContext? = nil, trusting client: TLSContext? = nil) throws {
        loop = try EventLoop(clock: clock)
        peer = try ClientPeer(tls: tls)
        clientTLS = client
    }

    var origin: ClientOrigin {
        ClientOrigin(
            .tcp(host: "localhost", port: peer.address.port), addresses: [peer.address],
            tls: clientTLS, certificateHost: certificateHost)
    }

    func pool() -> ClientPool { ClientPool(origin, limits: limits, on: loop) }

    func connection() -> ClientConnection {
        ClientConnection(to: origin, limits: limits, on: loop)
    }

    /// Lets client and peer take turns until `condition` holds; fails after ten seconds.
    func run(
        _ sourceLocation: SourceLocation = #_sourceLocation, until condition: () -> Bool
    ) throws {
        let limit = ContinuousClock.now + .seconds(10)
        while !condition() {
            loop.step(sleep: false)
            try peer.serve()
            try #require(
                ContinuousClock.now < limit, "nothing happened", sourceLocation: sourceLocation)
        }
    }

    /// A few turns, for things that must not happen.
    func settle() throws {
        for _ in 0..<50 {
            loop.step(sleep: false)
            try peer.serve()
        }
    }

    /// Moves the clock and lets the deadlines be noticed.
    func advance(by time: Duration) throws {
        clock.advance(by: time)
        try settle()
    }

    /// A connection that has sent a GET, the peer's end of it, and what its owner hears.
    func asked(
        _ method: HTTPWire.Method = .get, _ record: ClientRecord = ClientRecord()
    ) throws -> (ClientConnection, ClientPeerConnection, ClientRecord, ClientExchange) {
        let connection = connection()
        let exchange = try connection.send(request(method), record.events)
        try run { peer.connections.last?.requestCount == 1 }
        return (connection, try #require(peer.connections.last), record, exchange)
    }

    /// A small request.
    func request(
        _ method: HTTPWire.Method = .get, _ target: String = "/", _ body: ClientBody = .none
    ) throws -> ClientRequest {
        var request = try ClientRequest(method, target: target, authority: origin.authority)
        request.body = body
        return request
    }
}

/// Certificates of the development script, made once per run in a temporary folder.
enum ClientCertificates {
    private static let folder: String = {
        let folder = NSTemporaryDirectory() + "signalbox-client-\(UUID().uuidString)"
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../certs/make-dev-certificates.sh").standardizedFileURL
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [script.path, "-d", folder]
        process.standardOutput = FileHandle.nullDevice
        do { try process.run() } catch { preconditionFailure("\(error)") }
        process.waitUntilExit()
        precondition(process.terminationStatus == 0, "no certificates")
        doomed = folder
        atexit {
            if let folder = ClientCertificates.doomed {
                try? FileManager.default.removeItem(atPath: folder)
            }
        }
        return folder
    }()

    private nonisolated(unsafe) static var doomed: String?

    /// The server's side, good for localhost, 127.0.0.1 and ::1.
    static func server() throws -> TLSContext {
        var settings = TLSSettings(identities: [
            TLSIdentityFiles(chain: folder + "/localhost.crt", key: folder + "/localhost.key")
        ])
        settings.ticketKeys = TLSTicketKeys()
        return try TLSContext(server: settings)
    }

    /// A client that trusts the development authority.
    static func client() throws -> TLSContext {
        try TLSContext(client: TLSClientSettings(trust: .file(folder + "/dev-ca.crt")))
    }

    /// A client that trusts somebody else.
    static func stranger() throws -> TLSContext {
        try TLSContext(client: TLSClientSettings(trust: .system))
    }
}

extension ClientPeerConnection {
    /// Sends a record that no key can open.
    func forge() {
        sendRaw([23, 3, 3, 0, 32] + [UInt8](repeating: 0x55, count: 32))
    }

    /// Whether the handshake was shortened by a ticket.
    var wasResumed: Bool { session?.wasResumed ?? false }
}

extension ClientExchange {
    /// Sends `text` as a piece of body.
    func send(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { send(UnsafeRawBufferPointer($0)) }
    }
}
