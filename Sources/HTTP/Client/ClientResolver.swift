// ClientResolver: from a host's name to addresses without keeping the loop waiting: names are
// resolved on a worker thread, and kept for a while.

internal import Glibc
package import Notifier

/// The addresses of one endpoint.
///
/// Loop-confined; must not outlive its loop.
package final class ClientResolver {
    /// How long addresses are used before they are asked for again: containers that move keep their
    /// name, and resolvers do not tell how long an answer is good.
    package static let defaultLifetime = Duration.seconds(30)

    private struct Source {
        let endpoint: Endpoint
        let workers: WorkerPool
        unowned let loop: EventLoop
        let lifetimeNanos: UInt64
    }

    private let source: Source?
    private var addresses: [SocketAddress]
    private var goodUntil: UInt64 = 0
    private var waiting: [(Result<[SocketAddress], ClientError>) -> Void] = []

    /// Knows `addresses` and never asks.
    package init(_ addresses: [SocketAddress]) {
        source = nil
        self.addresses = addresses
    }

    /// Resolves `endpoint` on `workers` whenever it is needed and the last answer is older than
    /// `lifetime`.
    package init(
        _ endpoint: Endpoint, workers: WorkerPool, loop: EventLoop,
        lifetime: Duration = defaultLifetime
    ) {
        addresses = []
        source = Source(
            endpoint: endpoint, workers: workers, loop: loop,
            lifetimeNanos: UInt64(max(lifetime.nanoseconds, 0)))
    }

    /// Calls `then` with the addresses: at once if they are known, else later on the loop.
    ///
    /// A name that could be resolved before and cannot be now keeps the addresses it had.
    func find(_ then: @escaping (Result<[SocketAddress], ClientError>) -> Void) {
        guard let source, source.loop.now >= goodUntil else {
            then(.success(addresses))
            return
        }
        waiting.append(then)
        guard waiting.count == 1 else { return }
        let endpoint = source.endpoint
        do throws(WorkerError) {
            try source.workers.run(
                on: source.loop, { _ in try SocketAddress.resolve(endpoint) },
                then: { [weak self] in self?.settle($0, source) })
        } catch {
            source.loop.addTimer(after: .zero) { [weak self] in
                self?.settle(.failure(error), source)
            }
        }
    }

    /// Forgets how fresh the addresses are, because none of them could be reached.
    func doubt() { goodUntil = 0 }

    private func settle(_ result: Result<[SocketAddress], any Error>, _ source: Source) {
        let answer: Result<[SocketAddress], ClientError>
        switch result {
        case .success(let found):
            addresses = found
            goodUntil = source.loop.now &+ source.lifetimeNanos
            answer = .success(found)
        case .failure(let error):
            answer = addresses.isEmpty ? .failure(Self.error(error, source)) : .success(addresses)
        }
        let callers = waiting
        waiting = []
        for then in callers { then(answer) }
    }

    private static func error(_ error: any Error, _ source: Source) -> ClientError {
        .unresolved(
            error as? SystemError
                ?? SystemError("resolve", EAGAIN, subject: "\(source.endpoint) (\(error))"))
    }
}
