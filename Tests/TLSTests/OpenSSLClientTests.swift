// The server's end against the openssl program over a real socket: bytes cross a process boundary
// in whatever pieces the kernel makes of them.

import Bytes
import Foundation
import Glibc
import Testing

@testable import TLS

@Suite struct OpenSSLClientTests {
    /// Accepts one connection on `listener`, echoes one line in upper case and closes politely.
    private static func serve(_ listener: Int32, _ session: TLSSession) -> TLSProgress {
        let peer = accept(listener, nil, nil)
        guard peer >= 0 else { return .failed(.truncated) }
        defer { close(peer) }
        var plain = ByteBuffer()
        var out = ByteBuffer()
        var chunk = [UInt8](repeating: 0, count: 700)
        var progress = TLSProgress.handshaking
        while true {
            let count = read(peer, &chunk, chunk.count)
            if count <= 0 { return session.receiveEnd() }
            progress = chunk[..<count].withUnsafeBytes {
                session.receive($0, plaintext: &plain, ciphertext: &out)
            }
            if plain.text().hasSuffix("\n") {
                let answer = Array(plain.text().uppercased().utf8)
                plain.removeAll()
                try? answer.withUnsafeBytes { try session.send($0, into: &out) }
                session.close(into: &out)
            }
            while out.count > 0 {
                let written = write(peer, out.readable.baseAddress, out.count)
                if written <= 0 { return .failed(.truncated) }
                out.consume(written)
            }
            if progress != .handshaking, progress != .open { return progress }
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `openssl s_client verifies us and is answered`(_ version: String) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(listener >= 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port: UInt16 = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, size)
                listen(listener, 1)
                getsockname(listener, address, &size)
            }
            return UInt16(bigEndian: $0.pointee.sin_port)
        }
        try #require(port > 0)
        let session = try TLSSession(
            server: Fixtures.server("localhost", keys: TLSTicketKeys()))
        nonisolated(unsafe) let confined = session
        nonisolated(unsafe) var progress = TLSProgress.handshaking
        let thread = DispatchQueue(label: "server")
        let served = DispatchGroup()
        thread.async(group: served) { progress = Self.serve(listener, confined) }
        let outcome = Fixtures.shell(
            """
            printf 'hello over the wire\\n' | timeout 20 openssl s_client -connect "127.0.0.1:$1" \
            -servername localhost -verify_hostname localhost -verify_return_error -CAfile "$2" \
            -alpn h2,http/1.1 -ign_eof $3 2>&1
            """, "\(port)", Fixtures.path("dev-ca.crt"), version)
        served.wait()
        #expect(outcome.output.contains("HELLO OVER THE WIRE"))
        #expect(outcome.output.contains("Verify return code: 0 (ok)"))
        #expect(outcome.output.contains("ALPN protocol: http/1.1"))
        #expect(outcome.output.contains("Verification: OK"))
        #expect(progress == .peerClosed)
        #expect(session.serverName == "localhost")
    }
}
