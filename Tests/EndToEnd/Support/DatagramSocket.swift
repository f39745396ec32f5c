// A socket from which a test sends datagrams.

import Foundation

/// A UDP socket that sends to a port of this machine.
///
/// Confined to the test that opened it.
final class DatagramSocket {
    private let descriptor: Int32
    private var address = sockaddr_in()

    /// Makes a socket that sends to `port`.
    init(port: Int) {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    }

    deinit { close(descriptor) }

    /// Sends one datagram.
    func send(_ bytes: [UInt8]) throws {
        let count = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(
                    descriptor, bytes, bytes.count, 0, $0,
                    socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard count == bytes.count else {
            throw TestError(description: "sendto: \(errnoText(errno))")
        }
    }

    /// Sends one datagram of text.
    func send(_ text: String) throws { try send(Array(text.utf8)) }
}
