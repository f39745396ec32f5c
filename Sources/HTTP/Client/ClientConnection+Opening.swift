// ClientConnection+Opening: from addresses to a connection that can carry requests.

internal import Notifier
internal import TLS

extension ClientConnection {
    /// Goes on with the addresses of the origin.
    func connect(to result: Result<[SocketAddress], ClientError>) {
        guard phase == .connecting else { return }
        switch result {
        case .failure(let error): fail(error)
        case .success(let addresses):
            let connector = ClientConnector(
                addresses, delay: limits.attemptDelay, loop: loop
            ) { [weak self] outcome in self?.connected(outcome) }
            self.connector = connector
            connector.start()
        }
    }

    private func connected(_ outcome: consuming ClientConnector.Outcome) {
        connector = nil
        switch consume outcome {
        case .failed(let errors):
            origin.resolver.doubt()
            fail(.connectFailed(errors))
        case .connected(let descriptor, let address):
            do throws(ClientError) {
                try open(descriptor, address)
            } catch {
                failSoon(error)
            }
        }
    }

    private func open(
        _ descriptor: consuming Descriptor, _ address: SocketAddress
    ) throws(ClientError) {
        let fresh = ClientSocket(
            descriptor, to: address, tls: try makeSession(), loop: loop, room: room)
        do throws(SystemError) {
            try fresh.watch { [unowned self] in becameReady($0) }
        } catch {
            throw .broken(error)
        }
        socket = fresh
        if fresh.tls == nil {
            opened()
        } else {
            phase = .handshake
            room.arm(self, ticks.handshake)
            _ = fresh.flush()
        }
    }

    private func makeSession() throws(ClientError) -> TLSSession? {
        guard let context = origin.tls else { return nil }
        do throws(TLSError) {
            return try TLSSession(
                client: context, host: origin.certificateHost, resuming: pool?.resumption)
        } catch {
            throw .tls(error)
        }
    }

    /// The connection can carry requests.
    func opened() {
        phase = .idle
        if let exchange {
            begin(exchange)
        } else {
            room.arm(self, ticks.idle)
            pool?.connectionIsFree(self)
        }
    }
}
