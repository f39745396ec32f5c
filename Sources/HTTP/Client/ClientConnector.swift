// ClientConnector: from addresses to one connected socket. Addresses are tried in turn, families
// alternating; each gets a head start of a quarter of a second, and the first that connects wins
// (RFC 8305 §4 and §5).

internal import CLinux
internal import Glibc
internal import Notifier

/// One attempt to connect to any of several addresses.
///
/// Loop-confined.
final class ClientConnector {
    /// Addresses tried at most: more would be a resolver gone wild.
    static let addressLimit = 8

    /// How it went.
    enum Outcome: ~Copyable {
        /// A connected socket and its peer.
        case connected(Descriptor, SocketAddress)
        /// Why each address failed.
        case failed([SystemError])
    }

    private final class Attempt {
        let address: SocketAddress
        var socket: Descriptor?
        var token: WatchToken?

        init(_ socket: consuming Descriptor, _ address: SocketAddress) {
            self.address = address
            self.socket = consume socket
        }
    }

    private unowned let loop: EventLoop
    private let delay: Duration
    private let addresses: [SocketAddress]
    private var next = 0
    private var attempts: [Attempt] = []
    private var errors: [SystemError] = []
    private var timer: TimerToken?
    private var completion: ((consuming Outcome) -> Void)?

    /// Prepares to connect to any of `addresses`; `completion` is called once: success may come
    /// inside `start`, failure never does.
    init(
        _ addresses: [SocketAddress], delay: Duration, loop: EventLoop,
        _ completion: @escaping (consuming Outcome) -> Void
    ) {
        self.addresses = Array(Self.interleaved(addresses).prefix(Self.addressLimit))
        self.delay = delay
        self.loop = loop
        self.completion = completion
    }

    /// The addresses with their families taking turns, beginning with the first one's.
    static func interleaved(_ addresses: [SocketAddress]) -> [SocketAddress] {
        guard let family = addresses.first?.family else { return [] }
        let same = addresses.filter { $0.family == family }
        let other = addresses.filter { $0.family != family }
        var result: [SocketAddress] = []
        for index in 0..<max(same.count, other.count) {
            if index < same.count { result.append(same[index]) }
            if index < other.count { result.append(other[index]) }
        }
        return result
    }

    /// Begins with the first address.
    func start() { attemptNext() }

    /// Gives up; nothing is called after this.
    func cancel() {
        completion = nil
        if let timer { loop.removeTimer(timer) }
        timer = nil
        for attempt in attempts { drop(attempt) }
        attempts = []
    }

    /// Tries addresses until one needs time.
    private func attemptNext() {
        while completion != nil, next < addresses.count {
            let address = addresses[next]
            next += 1
            do throws(SystemError) {
                if try attempt(address) { break }
            } catch {
                errors.append(error)
            }
        }
        guard completion != nil else { return }
        if let timer { loop.removeTimer(timer) }
        timer = nil
        if next < addresses.count {
            timer = loop.addTimer(after: delay) { [weak self] in self?.attemptNext() }
        } else if attempts.isEmpty {
            timer = loop.addTimer(after: .zero) { [weak self] in self?.fail() }
        }
    }

    /// Begins to connect to `address`; returns whether that is done or under way.
    private func attempt(_ address: SocketAddress) throws(SystemError) -> Bool {
        let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let number = Glibc.socket(address.family, Int32(kind), 0)
        guard number >= 0 else { throw SystemError("socket", subject: "\(address)") }
        let attempt = Attempt(Descriptor(owning: number), address)
        if address.family != AF_UNIX {
            SocketOption.set(number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        }
        if address.withPointer({ connect(number, $0, $1) }) == 0 {
            succeed(attempt)
            return true
        }
        guard errno == EINPROGRESS || errno == EINTR else {
            throw SystemError("connect", subject: "\(address)")
        }
        attempt.token = try loop.watch(number, .write) { [weak self, unowned attempt] _ in
            self?.settle(attempt)
            return .keep
        }
        attempts.append(attempt)
        return true
    }

    private func settle(_ attempt: Attempt) {
        guard let number = attempt.socket?.number else { return }
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &length)
        attempts.removeAll { $0 === attempt }
        if code == 0 {
            succeed(attempt)
        } else {
            drop(attempt)
            errors.append(SystemError("connect", code, subject: "\(attempt.address)"))
            attemptNext()
        }
    }

    private func drop(_ attempt: Attempt) {
        if let token = attempt.token { loop.unwatch(token) }
        attempt.token = nil
        attempt.socket = nil
    }

    private func succeed(_ attempt: Attempt) {
        guard let completion, let socket = attempt.socket.take() else { return }
        if let token = attempt.token { loop.unwatch(token) }
        cancel()
        completion(.connected(socket, attempt.address))
    }

    private func fail() {
        guard let completion else { return }
        cancel()
        completion(.failed(errors))
    }
}
