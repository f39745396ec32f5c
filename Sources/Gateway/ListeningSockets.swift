// ListeningSockets: opening what the configuration names, before any loop serves it.
//
// Every loop gets a socket of its own on each TCP address (SO_REUSEPORT). That option would also let
// a second gateway share the port unnoticed, so the address is tried without it first.

internal import Glibc
internal import HTTP
internal import Notifier
internal import TLS

/// One listener of the configuration, open.
///
/// Any thread.
struct ListeningSocket: Sendable {
    /// The listener's place in the configuration.
    let listener: Int
    /// Which loop serves it.
    let loop: Int
    /// The open, listening descriptor; whoever serves it owns it.
    let descriptor: Int32
    /// The address it is bound to.
    let address: SocketAddress
}

/// Opens listening sockets.
enum ListeningSockets {
    /// Opens every listener of `settings` for each of `loops`.
    ///
    /// - Throws: `GatewayError.listener` naming the URL.
    static func open(
        _ settings: Settings, loops: Int, warn: (String) -> Void
    ) throws(GatewayError) -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        for (index, listener) in settings.listeners.enumerated() {
            do throws(SystemError) {
                switch listener.address {
                case .unix(let path):
                    sockets.append(try openUnix(path, listener: index))
                case .tcp(let host, let port):
                    sockets += try openTCP(
                        host, UInt16(clamping: port), listener: index, loops: loops, warn: warn)
                }
            } catch {
                for socket in sockets { close(socket.descriptor) }
                throw .listener(url: listener.url, reason: "\(error)")
            }
        }
        return sockets
    }

    private static func openTCP(
        _ host: String, _ port: UInt16, listener: Int, loops: Int, warn: (String) -> Void
    ) throws(SystemError) -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        var failure = SystemError("resolve", ENOENT, subject: host)
        var chosen = port
        for address in try SocketAddress.resolve(.tcp(host: host, port: port)) {
            do throws(SystemError) {
                let wanted = address.withPort(chosen)
                let bound = try openOne(wanted, listener: listener, loops: loops)
                // Port 0 means any: the same for all addresses of the name.
                if chosen == 0 { chosen = bound.first?.address.port ?? 0 }
                sockets += bound
            } catch {
                failure = error
                // A machine without IPv6 still serves `localhost` by IPv4.
                if error.code != EADDRNOTAVAIL, error.code != EAFNOSUPPORT {
                    for socket in sockets { close(socket.descriptor) }
                    throw error
                }
                warn("not listening on \(address.host): \(error)")
            }
        }
        guard !sockets.isEmpty else { throw failure }
        return sockets
    }

    private static func openOne(
        _ address: SocketAddress, listener: Int, loops: Int
    ) throws(SystemError) -> [ListeningSocket] {
        if address.port != 0 { try Listener.probe(address) }
        var sockets: [ListeningSocket] = []
        var wanted = address
        for loop in 0..<loops {
            let descriptor = try Listener.open(wanted).release()
            let bound = SocketAddress(boundTo: descriptor)
            wanted = bound
            sockets.append(
                ListeningSocket(
                    listener: listener, loop: loop, descriptor: descriptor, address: bound))
        }
        return sockets
    }

    /// A Unix socket has one queue, served by the control loop.
    private static func openUnix(
        _ path: String, listener: Int
    ) throws(SystemError) -> ListeningSocket {
        let addresses = try SocketAddress.resolve(.unix(path: path))
        guard let address = addresses.first else {
            throw SystemError("bind", ENOENT, subject: path)
        }
        try Listener.clearStale(address, path: path)
        let descriptor = try Listener.open(address).release()
        return ListeningSocket(
            listener: listener, loop: 0, descriptor: descriptor, address: address)
    }

    private static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }
}

extension Settings.TLSFiles {
    /// What the TLS floor needs of these files.
    func settings(_ keys: TLSTicketKeys) -> TLSSettings {
        var result = TLSSettings(
            identities: certificates.map {
                TLSIdentityFiles(chain: $0.certificate, key: $0.key)
            }, ticketKeys: keys)
        if let clientAuthority { result.clientTrust = .file(clientAuthority) }
        switch clientAuthentication {
        case .none: result.clientAuthentication = .none
        case .optional: result.clientAuthentication = .optional
        case .required: result.clientAuthentication = .required
        }
        return result
    }
}
