// DatagramSource: a UDP socket; each datagram is one signal. What comes faster than it is read is
// dropped by the kernel, as is the way of UDP.

internal import Bytes
internal import Glibc
internal import HTTP
internal import Notifier

/// A UDP socket whose datagrams become signals.
///
/// Loop-confined, on the control loop.
final class DatagramSource {
    /// Datagrams read in one turn, so that a flood does not hold the loop.
    static let budget = 64

    private let intake: SourceIntake
    private let loop: EventLoop
    private var socket: Descriptor?
    private var token: WatchToken?
    private var buffer: [UInt8]

    /// Binds a socket and reads it from now on.
    init(
        _ intake: SourceIntake, host: String, port: Int, loop: EventLoop
    ) throws(SystemError) {
        self.intake = intake
        self.loop = loop
        // Programs that speak of lines end their datagrams with one.
        buffer = Array(repeating: 0, count: intake.settings.lineSize + 2)
        let endpoint = Endpoint.tcp(host: host, port: UInt16(clamping: port))
        guard let address = try SocketAddress.resolve(endpoint).first else {
            throw SystemError("bind", EADDRNOTAVAIL, subject: "\(endpoint)")
        }
        let opened = try Listener.openDatagrams(address)
        let number = opened.number
        intake.address = "\(SocketAddress(boundTo: number))"
        socket = consume opened
        token = try loop.watch(number, .read) { [unowned self] _ in
            read()
            return .keep
        }
    }

    /// Whether the socket is open.
    var state: SourceState { socket == nil ? .closed : .listening }

    /// Reads no more.
    func close() {
        if let token { loop.unwatch(token) }
        token = nil
        socket = nil
    }

    private func read() {
        guard let number = socket?.number else { return }
        for _ in 0..<Self.budget {
            let (count, sender) = buffer.withUnsafeMutableBytes {
                SocketAddress.receive(number, into: $0)
            }
            guard count >= 0 else {
                if errno == EINTR || errno == ECONNREFUSED { continue }
                return
            }
            guard count <= buffer.count else {
                intake.leaveOutOverlong()
                continue
            }
            buffer.withUnsafeBytes { bytes in
                var datagram = UnsafeRawBufferPointer(rebasing: bytes[..<count])
                while let last = datagram.last, last == 0x0A || last == 0x0D || last == 0 {
                    datagram = UnsafeRawBufferPointer(rebasing: datagram.dropLast())
                }
                intake.take(datagram, from: "\(sender)")
            }
        }
    }
}
