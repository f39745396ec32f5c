// Listener: one listening socket of one loop, and the accepting of its connections.
//
// Each loop has its own socket on the same port (SO_REUSEPORT); the kernel spreads connections over
// them. A Unix socket, and one of systemd's, is shared by all loops: one of them is woken for each
// connection, and the next for the next. When the process runs out of descriptors, a reserve is closed
// for a moment so that the newcomer can be taken from the queue and closed, and the listener pauses
// instead of spinning.

internal import CLinux
internal import Glibc
package import Notifier

/// A listening socket.
///
/// Loop-confined.
package final class Listener {
    /// Quiet time after which the kernel asks whether the peer's host is still there.
    ///
    /// Streams have heartbeats; this is for handlers that take long.
    static let keepAliveSeconds: Int32 = 60

    /// Connections the kernel may hold until they are accepted; it caps this at `somaxconn`.
    static let backlog: Int32 = 4096

    /// Pause after descriptors ran out: long enough not to spin, short enough not to be felt.
    static let exhaustionPause = Duration.milliseconds(100)

    /// The address it is bound to.
    package let address: SocketAddress

    /// Whether its connections begin with a TLS handshake.
    package let isTLS: Bool

    private let loop: EventLoop
    /// Called when the process has no descriptors left; returns whether some have become free.
    package var onExhausted: () -> Bool = { false }

    private let acceptsPerTurn: Int
    private var socket: Descriptor?
    private var reserve: Descriptor?
    private var token: WatchToken?
    private let onAccept: (Int32, SocketAddress) -> Void

    /// Wraps a bound, listening, non-blocking socket; `onAccept` gets each new descriptor.
    ///
    /// - Parameter isShared: whether other loops accept from the same socket.
    package init(
        adopting socket: consuming Descriptor, isTLS: Bool, isShared: Bool = false, loop: EventLoop,
        limits: ServerLimits, onAccept: @escaping (Int32, SocketAddress) -> Void
    ) throws(SystemError) {
        self.isTLS = isTLS
        self.loop = loop
        acceptsPerTurn = limits.acceptsPerTurn
        self.onAccept = onAccept
        let number = socket.number
        address = SocketAddress(boundTo: number)
        if address.family != AF_UNIX { Self.setOptions(number, limits) }
        self.socket = consume socket
        reserve = Self.openReserve()
        token = try loop.watch(number, isShared ? [.read, .exclusive] : .read) { [unowned self] _ in
            acceptSome()
            if isShared, let token { loop.passTurn(token) }
            return .keep
        }
    }

    /// Sets what accepted sockets inherit, which spares each of them the calls.
    private static func setOptions(_ number: Int32, _ limits: ServerLimits) {
        let level = Int32(IPPROTO_TCP)
        let patience = limits.writeTimeout.nanoseconds / 1_000_000
        SocketOption.set(number, level, TCP_NODELAY, 1)
        // A host that has gone acknowledges nothing: without this TCP would try for 15 minutes.
        SocketOption.set(number, level, TCP_USER_TIMEOUT, Int32(clamping: patience))
        SocketOption.set(number, SOL_SOCKET, SO_KEEPALIVE, 1)
        SocketOption.set(number, level, TCP_KEEPIDLE, keepAliveSeconds)
        SocketOption.set(number, level, TCP_KEEPINTVL, keepAliveSeconds / 4)
    }

    /// Opens a listening socket on `address`; `prepare` runs when it is bound and does not listen
    /// yet.
    ///
    /// - Throws: `SystemError` naming the address, e.g. EADDRINUSE, or what `prepare` throws.
    package static func open(
        _ address: SocketAddress, prepare: () throws(SystemError) -> Void = {}
    ) throws(SystemError) -> Descriptor {
        let subject = "\(address)"
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let number = Glibc.socket(address.family, flags, 0)
        guard number >= 0 else { throw SystemError("socket", subject: subject) }
        let socket = Descriptor(owning: number)
        if address.family != AF_UNIX {
            SocketOption.set(number, SOL_SOCKET, SO_REUSEADDR, 1)
            SocketOption.set(number, SOL_SOCKET, SO_REUSEPORT, 1)
        }
        if address.family == AF_INET6 {
            // `[::]` means IPv6 only; IPv4 gets a listener of its own, so both say who they are.
            SocketOption.set(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1)
        }
        guard address.withPointer({ bind(number, $0, $1) }) == 0 else {
            throw SystemError("bind", subject: subject)
        }
        try prepare()
        guard listen(number, backlog) == 0 else { throw SystemError("listen", subject: subject) }
        return socket
    }

    /// Opens a UDP socket on `address`.
    ///
    /// - Throws: `SystemError` naming the address, e.g. EADDRINUSE.
    package static func openDatagrams(_ address: SocketAddress) throws(SystemError) -> Descriptor {
        let flags = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let number = Glibc.socket(address.family, flags, 0)
        guard number >= 0 else { throw SystemError("socket", subject: "\(address)") }
        let socket = Descriptor(owning: number)
        guard address.withPointer({ bind(number, $0, $1) }) == 0 else {
            throw SystemError("bind", subject: "\(address)")
        }
        return socket
    }

    /// Tries whether `address` is free, without the sharing of ports that `open` allows.
    ///
    /// - Throws: `SystemError` EADDRINUSE if another process listens there.
    package static func probe(_ address: SocketAddress) throws(SystemError) {
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let number = Glibc.socket(address.family, flags, 0)
        guard number >= 0 else { throw SystemError("socket", subject: "\(address)") }
        let socket = Descriptor(owning: number)
        SocketOption.set(socket.number, SOL_SOCKET, SO_REUSEADDR, 1)
        if address.family == AF_INET6 {
            SocketOption.set(socket.number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1)
        }
        guard address.withPointer({ bind(socket.number, $0, $1) }) == 0 else {
            throw SystemError("bind", subject: "\(address)")
        }
    }

    /// Removes the file of a Unix socket that nobody listens on.
    ///
    /// - Throws: `SystemError` EADDRINUSE if somebody does, EEXIST if it is no socket.
    package static func clearStale(_ address: SocketAddress, path: String) throws(SystemError) {
        var facts = stat()
        guard lstat(path, &facts) == 0 else { return }
        guard facts.st_mode & S_IFMT == S_IFSOCK else {
            throw SystemError("bind", EEXIST, subject: "\(path) (it is no socket)")
        }
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let number = Glibc.socket(AF_UNIX, flags, 0)
        guard number >= 0 else { throw SystemError("socket", subject: path) }
        let socket = Descriptor(owning: number)
        let result = address.withPointer { connect(socket.number, $0, $1) }
        guard result != 0, errno == ECONNREFUSED else {
            throw SystemError("bind", EADDRINUSE, subject: path)
        }
        _ = unlink(path)
    }

    /// Stops accepting and closes the socket.
    package func close() {
        if let token { loop.unwatch(token) }
        token = nil
        socket = nil
        reserve = nil
    }

    private static func openReserve() -> Descriptor? {
        let number = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
        return number >= 0 ? Descriptor(owning: number) : nil
    }

    /// Accepts everything that waits in the kernel's queue.
    package func acceptAll() {
        for _ in 0...(Int(Self.backlog) / max(acceptsPerTurn, 1)) where !acceptSome() { return }
    }

    /// Accepts up to a turn's share of connections; returns whether there may be more.
    @discardableResult
    private func acceptSome() -> Bool {
        guard let number = socket?.number else { return false }
        // Another loop may have taken it while it was given up for a moment.
        if reserve == nil { reserve = Self.openReserve() }
        for _ in 0..<acceptsPerTurn {
            var peer = SocketAddress()
            let accepted = peer.withMutablePointer { clinux_accept4(number, $0, $1) }
            if accepted >= 0 {
                onAccept(accepted, peer)
                if socket == nil { return false }
                continue
            }
            switch errno {
            case EAGAIN: return false
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                // What has become free is used in the next turn.
                if !onExhausted() { shed(number) }
                return false
            default: continue  // the peer left the queue: ECONNABORTED and its kin
            }
        }
        return true
    }

    /// Takes one connection off the queue and closes it, then pauses.
    private func shed(_ number: Int32) {
        reserve = nil
        let victim = clinux_accept4(number, nil, nil)
        if victim >= 0 { _ = Glibc.close(victim) }
        reserve = Self.openReserve()
        guard let token else { return }
        loop.change(token, to: [])
        loop.addTimer(after: Self.exhaustionPause) { [weak self] in
            guard let self, let token = self.token else { return }
            self.loop.change(token, to: .read)
        }
    }
}

/// Setting of integer socket options.
enum SocketOption {
    /// Sets one option; failure is ignored, as every option set here is an improvement only.
    static func set(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        _ = setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Makes the closing of a socket a reset instead of an orderly end.
    static func resetAtClose(_ descriptor: Int32) {
        var option = linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }
}
