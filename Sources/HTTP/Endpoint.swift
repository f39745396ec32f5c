// Endpoint: an address to listen on or to connect to, and its translation to socket addresses.

internal import CLinux
internal import Glibc
package import Notifier

/// A place that speaks HTTP.
package enum Endpoint: Sendable, Equatable, CustomStringConvertible {
    /// A host name or address, and a TCP port.
    case tcp(host: String, port: UInt16)
    /// A Unix socket at a path.
    case unix(path: String)

    /// `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/x.sock`.
    package var description: String {
        switch self {
        case .tcp(let host, let port):
            host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// A socket address in the kernel's form.
package struct SocketAddress: Sendable, CustomStringConvertible {
    var storage: sockaddr_storage
    var length: socklen_t

    /// Address family, such as AF_INET.
    var family: Int32 { Int32(storage.ss_family) }

    /// An address without content, to be filled by the kernel.
    init() {
        storage = sockaddr_storage()
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    }

    /// The address that the socket `descriptor` is bound to.
    package init(boundTo descriptor: Int32) {
        self.init()
        _ = withMutablePointer { getsockname(descriptor, $0, $1) }
    }

    /// The same address with another port.
    package func withPort(_ port: UInt16) -> SocketAddress {
        guard family != AF_UNIX else { return self }
        var copy = self
        withUnsafeMutableBytes(of: &copy.storage) { bytes in
            bytes[2] = UInt8(port >> 8)
            bytes[3] = UInt8(port & 0xFF)
        }
        return copy
    }

    /// `127.0.0.1:8080`, `[::1]:8080`, `unix`.
    package var description: String {
        if family == AF_UNIX { return host }
        return family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Whether only this machine can reach a socket bound to it.
    package var isLocal: Bool {
        withUnsafeBytes(of: storage) { bytes in
            switch family {
            case AF_UNIX: return true
            case AF_INET: return bytes[4] == 127
            case AF_INET6:
                let head = bytes[8..<18].allSatisfy { $0 == 0 }
                let isMapped = head && bytes[18] == 0xFF && bytes[19] == 0xFF
                if isMapped { return bytes[20] == 127 }
                return head && bytes[18..<23].allSatisfy { $0 == 0 } && bytes[23] == 1
            default: return false
            }
        }
    }

    /// The path of a Unix socket's file; nil for other addresses, and for sockets without a file.
    package var path: String? {
        guard family == AF_UNIX, length > 2 else { return nil }
        let text = withUnsafeBytes(of: storage) { bytes in
            String(decoding: bytes[2..<Int(length)].prefix { $0 != 0 }, as: UTF8.self)
        }
        return text.isEmpty ? nil : text
    }

    /// Calls `body` with the address as the kernel takes it.
    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    /// Takes one datagram from the socket `descriptor` into `room`.
    ///
    /// - Returns: how many bytes it has, of which those that fit are in `room`; -1 with `errno` if
    ///   there is none; and who sent it.
    package static func receive(
        _ descriptor: Int32, into room: UnsafeMutableRawBufferPointer
    ) -> (count: Int, sender: SocketAddress) {
        var sender = SocketAddress()
        let count = sender.withMutablePointer {
            recvfrom(
                descriptor, room.baseAddress, room.count, Int32(MSG_TRUNC), $0, $1)
        }
        return (count, sender)
    }

    /// Calls `body` with room for the kernel to write an address into.
    mutating func withMutablePointer<Result>(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result
    ) -> Result {
        withUnsafeMutablePointer(to: &length) { length in
            withUnsafeMutablePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
            }
        }
    }

    /// The numeric host, such as `127.0.0.1`; `unix` for a Unix socket.
    package var host: String {
        if family == AF_UNIX { return "unix" }
        var text = [CChar](repeating: 0, count: 64)  // INET6_ADDRSTRLEN is 46
        let result = withPointer {
            getnameinfo($0, $1, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        }
        guard result == 0 else { return "unknown" }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The TCP port; 0 for a Unix socket.
    package var port: UInt16 {
        withUnsafeBytes(of: storage) { bytes in
            // sockaddr_in and sockaddr_in6 both have the port, big-endian, behind the family.
            family == AF_UNIX ? 0 : UInt16(bytes[2]) << 8 | UInt16(bytes[3])
        }
    }

    /// The addresses of `endpoint`.
    ///
    /// Blocks while a name is resolved: only before a loop runs, or on a worker.
    ///
    /// - Throws: `SystemError` naming the endpoint.
    package static func resolve(_ endpoint: Endpoint) throws(SystemError) -> [SocketAddress] {
        switch endpoint {
        case .unix(let path): return [try unix(path)]
        case .tcp(let host, let port): return try tcp(host, port)
        }
    }

    private static func unix(_ path: String) throws(SystemError) -> SocketAddress {
        var address = SocketAddress()
        address.storage.ss_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let room = MemoryLayout<sockaddr_un>.size - 2 - 1
        guard bytes.count <= room else {
            throw SystemError("bind", ENAMETOOLONG, subject: "unix:\(path)")
        }
        withUnsafeMutableBytes(of: &address.storage) { raw in
            UnsafeMutableRawBufferPointer(rebasing: raw[2...]).copyBytes(from: bytes)
        }
        address.length = socklen_t(2 + bytes.count + 1)
        return address
    }

    private static func tcp(_ host: String, _ port: UInt16) throws(SystemError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0 else {
            let code = result == EAI_SYSTEM ? errno : EADDRNOTAVAIL
            let reason = String(cString: gai_strerror(result))
            throw SystemError("resolve", code, subject: "\(host) (\(reason))")
        }
        defer { freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = list
        while let entry = next {
            var address = SocketAddress()
            address.length = min(entry.pointee.ai_addrlen, address.length)
            withUnsafeMutableBytes(of: &address.storage) { raw in
                raw.copyMemory(
                    from: UnsafeRawBufferPointer(
                        start: entry.pointee.ai_addr, count: Int(address.length)))
            }
            found.append(address)
            next = entry.pointee.ai_next
        }
        return found
    }
}
