// ServerLoop+Proxy: connections that come through a proxy which names its clients first. They count
// as connections from the start, and by their client's address from the header on.

internal import Notifier
internal import TLS

extension ServerLoop {
    /// Waits for the proxy's header on an accepted `socket`, and then starts the connection.
    func greet(_ socket: consuming Descriptor, _ proxy: SocketAddress, _ tls: TLSSource?) {
        guard !isDraining, quota.takeSeat() else {
            counters.accepted &+= 1
            counters.refused &+= 1
            return
        }
        let greeting = ProxyGreeting(socket, from: proxy, loop: loop)
        greetings[ObjectIdentifier(greeting)] = greeting
        do throws(SystemError) {
            let outcome = try greeting.begin(limit: limits.proxyTimeout) {
                [unowned self] greeting, outcome in
                finish(greeting, outcome, tls)
            }
            if let outcome { finish(greeting, outcome, tls) }
        } catch {
            greetings[ObjectIdentifier(greeting)] = nil
            quota.giveSeatBack()
        }
    }

    /// Closes the connections of proxies that have not said for whom they connect.
    func dropGreetings() {
        for greeting in greetings.values {
            _ = greeting.release()
            quota.giveSeatBack()
        }
        greetings = [:]
    }

    private func finish(
        _ greeting: ProxyGreeting, _ outcome: ProxyGreeting.Outcome, _ tls: TLSSource?
    ) {
        // Whoever takes it out of the table has its seat.
        guard greetings.removeValue(forKey: ObjectIdentifier(greeting)) != nil else { return }
        guard let socket = greeting.release() else {
            quota.giveSeatBack()
            return
        }
        switch outcome {
        case .client(let address): accept(socket, address, tls?.context, isSeated: true)
        case .gone: quota.giveSeatBack()
        case .refused(let reason):
            quota.giveSeatBack()
            counters.accepted &+= 1
            counters.refused &+= 1
            onUnproxied(greeting.proxy, reason)
        }
    }
}
