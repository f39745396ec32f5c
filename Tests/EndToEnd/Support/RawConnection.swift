// A connection of which a test decides every byte: pipelining, chunks, half a request.

import Foundation

/// A connection to a port on this machine.
///
/// Confined to the test that opened it.
final class RawConnection {
    private let descriptor: Int32
    private(set) var received: [UInt8] = []
    private(set) var isAtEnd = false

    /// Connects to 127.0.0.1.
    ///
    /// - Throws: `TestError` naming the call that failed.
    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            throw TestError(description: "connect to \(port): \(errnoText(errno))")
        }
    }

    /// Connects to the Unix socket at `path`.
    ///
    /// - Throws: `TestError` naming the call that failed.
    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { room in
            room.dropLast().copyBytes(from: path.utf8.prefix(room.count - 1))
        }
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else {
            throw TestError(description: "connect to \(path): \(errnoText(errno))")
        }
    }

    deinit {
        close(descriptor)
    }

    /// Sends all of `text`.
    func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends all of `bytes`.
    func send(_ bytes: [UInt8]) throws {
        var bytes = bytes[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else {
                throw TestError(description: "send: \(errnoText(errno))")
            }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Says that nothing more will be sent.
    func finishSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// What has arrived so far, as text.
    var text: String { String(decoding: received, as: UTF8.self) }

    /// Reads until `condition` holds of the text that has arrived.
    ///
    /// - Throws: `TestError` with that text.
    func read(
        until condition: (String) -> Bool, within limit: Duration = .seconds(10)
    ) throws {
        try waitUntil("more than: \(text)", within: limit) {
            try readOnce()
            return condition(text)
        }
    }

    /// Reads until the peer has closed its side.
    func readToEnd(within limit: Duration = .seconds(10)) throws {
        try read(until: { _ in isAtEnd }, within: limit)
    }

    /// Reads until the peer has closed its side and keeps nothing of it, with a pause after each
    /// piece that calls `between`; returns how much came.
    func discardToEnd(within limit: Duration = .seconds(20), _ between: () throws -> Void) throws
        -> Int
    {
        var count = 0
        try waitUntil("the end behind \(count) bytes", within: limit) {
            received.removeAll(keepingCapacity: true)
            try readOnce()
            count += received.count
            try between()
            return isAtEnd
        }
        return count
    }

    private func readOnce() throws {
        guard !isAtEnd else { return }
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&watched, 1, 100) == 1 else { return }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count >= 0 else { throw TestError(description: "recv: \(errnoText(errno))") }
        received += buffer.prefix(count)
        isAtEnd = count == 0
    }
}

/// Ports on which nobody listens at the moment.
enum FreePort {
    /// Asks the kernel for `count` different ports.
    static func take(_ count: Int) throws -> [Int] {
        var descriptors: [Int32] = []
        defer { descriptors.forEach { close($0) } }
        return try (0..<count).map { _ in
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            descriptors.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let status = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) | getsockname(descriptor, $0, &length)
                }
            }
            guard status == 0 else {
                throw TestError(description: "no free port: \(errnoText(errno))")
            }
            return Int(in_port_t(bigEndian: address.sin_port))
        }
    }
}
