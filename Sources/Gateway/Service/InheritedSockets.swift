// InheritedSockets: listening sockets that systemd opened before it started us (sd_listen_fds(3)):
// descriptors from 3 on, as many as LISTEN_FDS says, with the names in LISTEN_FDNAMES.

internal import CLinux
internal import Glibc
internal import HTTP
internal import Notifier

/// The sockets that were handed to this process.
///
/// Confined to the thread that runs the gateway.
struct InheritedSockets {
    /// One of them.
    struct Socket {
        let name: String
        let descriptor: Int32
    }

    private(set) var unclaimed: [Socket] = []
    private let count: Int

    /// The first descriptor that is handed over.
    private static let first: Int32 = 3
    /// More than any unit file has; a larger number is a mistake.
    private static let limit = 1024

    /// Takes over what LISTEN_FDS of `environment` says, if it is meant for this process.
    ///
    /// The descriptors are closed in children from here on.
    init(_ environment: [String: String]) {
        guard environment["LISTEN_PID"] == "\(getpid())",
            let count = environment["LISTEN_FDS"].flatMap({ Int($0) }),
            (1...Self.limit).contains(count)
        else {
            self.count = 0
            return
        }
        self.count = count
        let names = (environment["LISTEN_FDNAMES"] ?? "").split(
            separator: ":", omittingEmptySubsequences: false)
        for index in 0..<count {
            let descriptor = Self.first + Int32(index)
            guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { continue }
            let name = index < names.count ? String(names[index]) : "unknown"
            unclaimed.append(Socket(name: name, descriptor: descriptor))
        }
    }

    /// The sockets called `name`, or the one in place `name`, from 0, made ready for a loop.
    ///
    /// - Throws: `GatewayError.listener` for the listener `url` if there is none, or one is no
    ///   listening stream socket.
    mutating func claim(_ name: String, url: String) throws(GatewayError) -> [Int32] {
        var found = unclaimed.filter { $0.name == name }
        if found.isEmpty, let place = Int32(name), place >= 0, place < count {
            found = unclaimed.filter { $0.descriptor == Self.first + place }
        }
        guard !found.isEmpty else {
            throw .listener(url: url, reason: explanation)
        }
        for socket in found {
            guard Self.option(socket.descriptor, SO_TYPE) == Int32(SOCK_STREAM.rawValue),
                Self.option(socket.descriptor, SO_ACCEPTCONN) == 1
            else { throw .listener(url: url, reason: "it is no listening stream socket") }
            do throws(SystemError) {
                try Descriptor.setNonBlocking(socket.descriptor)
            } catch {
                throw .listener(url: url, reason: "\(error)")
            }
        }
        unclaimed.removeAll { socket in found.contains { $0.descriptor == socket.descriptor } }
        return found.map(\.descriptor)
    }

    private var explanation: String {
        guard count > 0 else {
            return "systemd has handed over no sockets; is the service started by a socket unit?"
        }
        let names = unclaimed.map(\.name).joined(separator: ", ")
        return "no socket of that name was handed over; there is \(names.isEmpty ? "none" : names)"
    }

    private static func option(_ descriptor: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 else { return -1 }
        return value
    }
}
