// ServiceNotice: tells the service manager how we are (sd_notify(3)): a datagram to the socket that
// NOTIFY_SOCKET names. Without that variable every message goes nowhere.

internal import CLinux
internal import Glibc

/// The line to systemd, or to whoever else set NOTIFY_SOCKET.
///
/// Confined to the thread that runs the gateway. Sending never blocks, and a manager that does not
/// listen is ignored.
final class ServiceNotice {
    /// How often the manager wants to hear that we live; nil if it does not ask.
    let watchdogInterval: Duration?

    /// Closed with the object; -1 for none.
    private let number: Int32
    private var address = sockaddr_un()
    private var addressLength: socklen_t = 0

    /// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID of `environment`.
    init(_ environment: [String: String]) {
        let name = environment["NOTIFY_SOCKET"] ?? ""
        number = Self.open(name, &address, &addressLength)
        watchdogInterval = number < 0 ? nil : Self.interval(environment)
    }

    deinit { if number >= 0 { close(number) } }

    /// All listeners are open; also said when a reload is done.
    func ready() { send("READY=1\n") }

    /// A reload has begun.
    func reloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let microseconds = Int64(now.tv_sec) &* 1_000_000 &+ Int64(now.tv_nsec) / 1_000
        send("RELOADING=1\nMONOTONIC_USEC=\(microseconds)\n")
    }

    /// The end has begun.
    func stopping() { send("STOPPING=1\n") }

    /// All loops turn.
    func alive() { send("WATCHDOG=1\n") }

    private func send(_ text: String) {
        guard number >= 0 else { return }
        let bytes = Array(text.utf8)
        let length = addressLength
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(
                    number, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), $0,
                    length)
            }
        }
    }

    private static func open(
        _ name: String, _ address: inout sockaddr_un, _ length: inout socklen_t
    ) -> Int32 {
        var path = Array(name.utf8)
        // `@` stands for the NUL of an abstract name, which has no end of its own.
        guard let first = path.first, first == UInt8(ascii: "@") || first == UInt8(ascii: "/"),
            path.count < MemoryLayout.size(ofValue: address.sun_path)
        else { return -1 }
        if first == UInt8(ascii: "@") { path[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        length = socklen_t(2 + path.count + (path[0] == 0 ? 0 : 1))
        let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        return Glibc.socket(AF_UNIX, kind, 0)
    }

    private static func interval(_ environment: [String: String]) -> Duration? {
        if let process = environment["WATCHDOG_PID"], process != "\(getpid())" { return nil }
        guard let text = environment["WATCHDOG_USEC"], let microseconds = Int64(text),
            (1...1_000_000_000_000).contains(microseconds)
        else { return nil }
        return .microseconds(microseconds)
    }
}
