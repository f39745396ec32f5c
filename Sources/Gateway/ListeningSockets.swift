// ListeningSockets: opening what the configuration names, before any loop serves it.
//
// Every loop gets a socket of its own on each TCP address (SO_REUSEPORT). That option would also let
// a second gateway share the port unnoticed, so the address is tried without it first. Of a Unix
// socket, or one of systemd's, there is one only, and every loop gets a copy of its descriptor.

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
    /// Whether other loops serve the same socket.
    var isShared = false
    /// The file of a Unix socket of ours.
    var file: UnixSocketFile?
}

/// Opens listening sockets.
enum ListeningSockets {
    /// Opens every listener of `settings` for each of `loops`, or takes over what systemd has opened.
    ///
    /// - Throws: `GatewayError.listener` naming the URL; nothing is left open then.
    static func open(
        _ settings: Settings, loops: Int, environment: [String: String], warn: (String) -> Void
    ) throws(GatewayError) -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        var inherited = InheritedSockets(environment)
        do throws(GatewayError) {
            for (index, listener) in settings.listeners.enumerated() {
                sockets += try open(
                    listener, index, settings, loops: loops, &inherited, warn: warn)
            }
        } catch {
            close(sockets)
            throw error
        }
        for socket in inherited.unclaimed {
            warn("systemd has handed over the socket \(socket.name), which no listener uses")
        }
        return sockets
    }

    /// Closes `sockets`, which nobody serves.
    static func close(_ sockets: [ListeningSocket]) {
        for socket in sockets {
            close(socket.descriptor)
            socket.file?.remove()
        }
    }

    private static func open(
        _ listener: Settings.Listener, _ index: Int, _ settings: Settings, loops: Int,
        _ inherited: inout InheritedSockets, warn: (String) -> Void
    ) throws(GatewayError) -> [ListeningSocket] {
        if case .inherited(let name) = listener.address {
            return try adopt(
                inherited.claim(name, url: listener.url), listener, index, settings, loops: loops)
        }
        let access = try listener.access.resolved(url: listener.url)
        do throws(SystemError) {
            switch listener.address {
            case .unix(let path):
                return try openUnix(path, access, listener: index, loops: loops)
            case .tcp(let host, let port):
                return try openTCP(
                    host, UInt16(clamping: port), listener: index, loops: loops, warn: warn)
            case .inherited: return []
            }
        } catch {
            throw .listener(url: listener.url, reason: "\(error)")
        }
    }

    /// Makes each loop listen on sockets that were opened by somebody else.
    ///
    /// - Throws: `GatewayError.listener` for one that other machines can reach, unless anyone may
    ///   call.
    private static func adopt(
        _ descriptors: [Int32], _ listener: Settings.Listener, _ index: Int, _ settings: Settings,
        loops: Int
    ) throws(GatewayError) -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        for descriptor in descriptors {
            let address = SocketAddress(boundTo: descriptor)
            let socket = ListeningSocket(
                listener: index, loop: 0, descriptor: descriptor, address: address)
            sockets += share(socket, loops: loops)
            guard address.isLocal || settings.allowsAnonymous else {
                close(sockets)
                throw .listener(
                    url: listener.url,
                    reason: "other machines can reach \(address), and nobody is asked who they "
                        + "are; bind localhost, or set allow_anonymous: true if anyone may call")
            }
        }
        return sockets
    }

    /// `socket`, which has one queue, and copies of it by which the other loops take from that queue.
    private static func share(_ socket: ListeningSocket, loops: Int) -> [ListeningSocket] {
        var sockets = [socket]
        sockets[0].isShared = loops > 1
        for loop in stride(from: 1, to: loops, by: 1) {
            let copy = fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 3)
            guard copy >= 0 else { break }
            sockets.append(
                ListeningSocket(
                    listener: socket.listener, loop: loop, descriptor: copy,
                    address: socket.address, isShared: true))
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

    private static func openUnix(
        _ path: String, _ access: UnixSocketFile.Access, listener: Int, loops: Int
    ) throws(SystemError) -> [ListeningSocket] {
        let descriptor = try UnixSocketFile.listen(path, access).release()
        let socket = ListeningSocket(
            listener: listener, loop: 0, descriptor: descriptor,
            address: SocketAddress(boundTo: descriptor), file: UnixSocketFile(path))
        return share(socket, loops: loops)
    }

    private static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }
}

extension Settings.TLSFiles {
    /// What the TLS floor needs of these files.
    func settings(_ keys: TLSTicketKeys) -> TLSSettings {
        var result = TLSSettings(
            identities: certificates.map {
                TLSIdentityFiles(chain: $0.certificate, key: $0.key, ocspResponse: $0.ocsp)
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

extension Settings.Access {
    /// The numbers of the names, for the listener `url`.
    ///
    /// Blocks while names are looked up: only before a loop runs.
    ///
    /// - Throws: `GatewayError.listener` for a name that this system does not know.
    func resolved(url: String) throws(GatewayError) -> UnixSocketFile.Access {
        var access = UnixSocketFile.Access(mode: mode)
        if let owner {
            access.owner = UInt32(owner) ?? getpwnam(owner)?.pointee.pw_uid
            if access.owner == nil {
                throw .listener(url: url, reason: "there is no user \(owner)")
            }
        }
        if let group {
            access.group = UInt32(group) ?? getgrnam(group)?.pointee.gr_gid
            if access.group == nil {
                throw .listener(url: url, reason: "there is no group \(group)")
            }
        }
        return access
    }
}
