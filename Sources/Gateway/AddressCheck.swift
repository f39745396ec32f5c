// AddressCheck: whether this machine has the addresses that a configuration listens on. Asked for by
// check-config; a gateway that serves finds out when it binds them.

internal import Glibc
internal import HTTP
internal import Notifier

extension Gateway {
    /// What this machine lacks of the addresses that listeners and sources of `settings` are bound
    /// to: each a sentence with its key path.
    ///
    /// Blocks while names are resolved.
    public static func missingAddresses(of settings: Settings) -> [String] {
        var found: [String] = []
        for (index, listener) in settings.listeners.enumerated() {
            guard case .tcp(let host, _) = listener.address, let problem = problem(ofHost: host)
            else { continue }
            found.append("listeners[\(index)].url: \(problem)")
        }
        for source in settings.sources {
            switch source.kind {
            case .udp(let host, _), .tcp(let host, _):
                guard let problem = problem(ofHost: host) else { continue }
                found.append("sources.\(source.name).\(source.kind.name): \(problem)")
            case .unix, .file: break
            }
        }
        return found
    }

    /// Why nothing can be bound to `host`; nil if one of its addresses is this machine's.
    private static func problem(ofHost host: String) -> String? {
        let addresses: [SocketAddress]
        do throws(SystemError) {
            addresses = try SocketAddress.resolve(.tcp(host: host, port: 0))
        } catch {
            return "there is no address of that name: \(error.subject)"
        }
        for address in addresses {
            do throws(SystemError) {
                try Listener.probe(address)
                return nil
            } catch {
                continue
            }
        }
        let names = addresses.map(\.host)
        return "this machine does not have the address \(names.joined(separator: ", "))"
    }
}
