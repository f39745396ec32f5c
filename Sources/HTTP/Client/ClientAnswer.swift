// ClientAnswer: a whole response in memory, for those who want it in one piece and know how large
// it may be.

internal import Bytes
internal import HTTPWire
internal import Notifier

/// A whole response.
package struct ClientAnswer: Sendable {
    /// The status code, 200 to 599.
    package let status: Int

    /// The media type, without parameters and in lower case; empty if there is none.
    package let type: String

    /// The body.
    package let body: [UInt8]

    /// Makes a response of its parts; `contentType` as the field of that name has it.
    package init(status: Int, contentType: String?, body: [UInt8]) {
        self.status = status
        type = (contentType ?? "").prefix { $0 != ";" && $0 != " " }.lowercased()
        self.body = body
    }
}

/// A response as it comes in.
private final class ClientCollector {
    var status = 0
    var contentType: String?
    var body = ByteBuffer()
    weak var exchange: ClientExchange?
}

extension ClientPool {
    /// Sends a request and collects its response; the body may have `limit` bytes.
    ///
    /// - Throws: as `send`.
    @discardableResult
    package func fetch(
        _ request: consuming ClientRequest, limit: Int,
        then: @escaping (Result<ClientAnswer, ClientError>) -> Void
    ) throws(ClientError) -> ClientExchange {
        let collector = ClientCollector()
        var events = ClientEvents()
        events.onHead = { exchange in
            collector.status = exchange.status
            collector.contentType = exchange.text(.contentType)
        }
        events.onBody = { bytes in
            guard bytes.count <= limit - collector.body.count else {
                collector.exchange?.cancel()
                then(.failure(.bodyTooLarge(limit: limit)))
                return
            }
            collector.body.append(bytes)
        }
        events.onEnd = { error in
            if let error {
                then(.failure(error))
            } else {
                then(
                    .success(
                        ClientAnswer(
                            status: collector.status, contentType: collector.contentType,
                            body: collector.body.array())))
            }
        }
        let exchange = try send(request, events)
        collector.exchange = exchange
        return exchange
    }
}
