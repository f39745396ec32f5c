// ProxyGreeting: a connection of a listener behind a proxy, before it is one: the proxy first says,
// by the PROXY protocol, for whom it connects. Nothing but that header is taken off the socket, so
// that what follows it, TLS or HTTP, is read as on any other connection.

internal import Bytes
internal import CLinux
internal import Glibc
internal import HTTPWire
internal import Notifier

/// The wait for one proxy's header.
///
/// Loop-confined.
final class ProxyGreeting {
    /// What came of it.
    enum Outcome {
        /// The header is there: the client's address, or the proxy's own where it names none.
        case client(SocketAddress)
        /// It is none, or did not come in time.
        case refused(String)
        /// The proxy has gone.
        case gone
    }

    /// The proxy's address.
    let proxy: SocketAddress

    private let loop: EventLoop
    private var socket: Descriptor?
    private let number: Int32
    private var kept = ByteBuffer()
    private var token: WatchToken?
    private var alarm: TimerToken?

    /// Begins to wait on an accepted, non-blocking `socket`.
    init(_ socket: consuming Descriptor, from proxy: SocketAddress, loop: EventLoop) {
        self.proxy = proxy
        self.loop = loop
        number = socket.number
        self.socket = consume socket
    }

    /// Looks whether the header is there already, as it mostly is; if not, watches the socket, and
    /// calls `done` with what came of it within `limit`.
    ///
    /// - Returns: the outcome, if there is one at once.
    /// - Throws: `SystemError` if the loop cannot watch the socket.
    func begin(
        limit: Duration, done: @escaping (ProxyGreeting, Outcome) -> Void
    ) throws(SystemError) -> Outcome? {
        if let outcome = readSome() { return outcome }
        token = try loop.watch(number, .read) { [unowned self] _ in
            // `done` lets go of this object.
            withExtendedLifetime(self) {
                if let outcome = readSome() { done(self, outcome) }
            }
            return .keep
        }
        alarm = loop.addTimer(after: limit) { [unowned self] in
            withExtendedLifetime(self) {
                done(self, .refused("no PROXY header came within \(limit)"))
            }
        }
        return nil
    }

    /// Stops waiting and hands the socket over.
    func release() -> Descriptor? {
        if let token { loop.unwatch(token) }
        if let alarm { loop.removeTimer(alarm) }
        token = nil
        alarm = nil
        return socket.take()
    }

    /// Reads no further than the header's end; nil while there is none.
    private func readSome() -> Outcome? {
        withUnsafeTemporaryAllocation(
            byteCount: ProxyHeader.limitBytes, alignment: 1
        ) { room -> Outcome? in
            room.copyMemory(from: kept.readable)
            let free = UnsafeMutableRawBufferPointer(rebasing: room[kept.count...])
            let count = recv(number, free.baseAddress, free.count, Int32(MSG_PEEK))
            guard count > 0 else {
                return count < 0 && (errno == EAGAIN || errno == EINTR) ? nil : .gone
            }
            let bytes = UnsafeRawBufferPointer(rebasing: room[..<(kept.count + count)])
            do throws(WireError) {
                switch try ProxyHeader.parse(bytes) {
                case .needMore:
                    take(count, into: free)
                    kept.append(UnsafeRawBufferPointer(rebasing: free[..<count]))
                    return nil
                case .complete(let header):
                    take(header.byteCount - kept.count, into: free)
                    return .client(SocketAddress(header.source) ?? proxy)
                }
            } catch {
                return .refused("\(error.reason)")
            }
        }
    }

    /// Takes bytes that have been seen off the socket.
    private func take(_ count: Int, into room: UnsafeMutableRawBufferPointer) {
        // What was peeked at is there, whole.
        _ = recv(number, room.baseAddress, max(count, 0), 0)
    }
}

extension SocketAddress {
    /// The address that a proxy names; nil if it names none.
    init?(_ source: ProxyHeader.Source) {
        self.init()
        switch source {
        case .unnamed: return nil
        case .unix:
            storage.ss_family = sa_family_t(AF_UNIX)
            length = socklen_t(MemoryLayout<sa_family_t>.size)
        case .v4(let address, let port):
            storage.ss_family = sa_family_t(AF_INET)
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            // sockaddr_in: family, port, address.
            put(port.bigEndian, at: 2)
            put(address.bigEndian, at: 4)
        case .v6(let high, let low, let port):
            storage.ss_family = sa_family_t(AF_INET6)
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            // sockaddr_in6: family, port, flow, then 16 bytes of address.
            put(port.bigEndian, at: 2)
            put(high.bigEndian, at: 8)
            put(low.bigEndian, at: 16)
        }
    }

    private mutating func put(_ value: some FixedWidthInteger, at offset: Int) {
        withUnsafeMutableBytes(of: &storage) {
            $0.storeBytes(of: value, toByteOffset: offset, as: type(of: value))
        }
    }
}
