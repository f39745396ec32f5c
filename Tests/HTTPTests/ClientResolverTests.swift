// Names are resolved off the loop, and kept for a while.

import HTTPWire
import Notifier
import Testing

@testable import HTTP

@Suite struct ClientResolverTests {
    private func wait(
        _ loop: EventLoop, _ resolver: ClientResolver
    ) -> Result<[SocketAddress], ClientError>? {
        var answer: Result<[SocketAddress], ClientError>?
        resolver.find { answer = $0 }
        loop.run(until: { answer != nil }, limit: .seconds(20))
        return answer
    }

    @Test func `known addresses are told at once`() throws {
        let address = try SocketAddress.resolve(.tcp(host: "127.0.0.1", port: 1))[0]
        var told: [String] = []
        ClientResolver([address]).find { told = ((try? $0.get()) ?? []).map { "\($0)" } }
        #expect(told == ["127.0.0.1:1"])
    }

    @Test func `a name is resolved on a worker and then known for a while`() throws {
        let loop = try EventLoop()
        let workers = try WorkerPool(threads: 1)
        let resolver = ClientResolver(
            .tcp(host: "localhost", port: 7), workers: workers, loop: loop)
        var isInside = true
        var count = 0
        for _ in 0..<3 {
            resolver.find { _ in
                #expect(!isInside)
                count += 1
            }
        }
        isInside = false
        loop.run(until: { count == 3 }, limit: .seconds(20))
        #expect(count == 3)
        var known: [SocketAddress] = []
        resolver.find { known = (try? $0.get()) ?? [] }
        #expect(known.contains { "\($0)" == "127.0.0.1:7" || "\($0)" == "[::1]:7" })
        // After doubt it asks again.
        resolver.doubt()
        known = []
        resolver.find { known = (try? $0.get()) ?? [] }
        #expect(known.isEmpty)
        loop.run(until: { !known.isEmpty }, limit: .seconds(20))
        #expect(!known.isEmpty)
    }

    @Test func `a name without an address is an error that names it`() throws {
        let loop = try EventLoop()
        let workers = try WorkerPool(threads: 1)
        let resolver = ClientResolver(
            .tcp(host: "no-such-host.invalid", port: 7), workers: workers, loop: loop)
        guard case .failure(.unresolved(let error)) = wait(loop, resolver) else {
            Issue.record("resolved")
            return
        }
        #expect(error.subject.contains("no-such-host.invalid"))
    }

    @Test func `without a worker there is an answer all the same`() throws {
        let loop = try EventLoop()
        let workers = try WorkerPool(threads: 1)
        workers.stop()
        let resolver = ClientResolver(
            .tcp(host: "localhost", port: 7), workers: workers, loop: loop)
        guard case .failure(.unresolved) = wait(loop, resolver) else {
            Issue.record("resolved")
            return
        }
    }

    @Test func `a pool resolves before it connects`() throws {
        let loop = try EventLoop()
        let peer = try ClientPeer()
        let workers = try WorkerPool(threads: 1)
        let endpoint = Endpoint.tcp(host: "localhost", port: peer.address.port)
        let pool = ClientPool(
            ClientOrigin(
                endpoint, resolver: ClientResolver(endpoint, workers: workers, loop: loop)),
            on: loop)
        let record = ClientRecord()
        let request = try ClientRequest(
            .get, target: "/", authority: pool.origin.authority)
        try pool.send(request, record.events)
        var hasAnswered = false
        loop.run(
            until: {
                try? peer.serve()
                if !hasAnswered, let first = peer.connections.first, first.requestCount == 1 {
                    first.send("HTTP/1.1 204 No Content\r\n\r\n")
                    hasAnswered = true
                }
                return record.hasEnded
            }, limit: .seconds(20))
        #expect(record.succeeded)
    }
}
