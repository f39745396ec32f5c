// StreamClient: which clients get an event stream without chunks. haproxy with its default settings
// holds the last bytes of a chunked message back for 200 ms, and a stream without chunks passes at
// once. But libraries that read so many bytes at a time, such as Python's requests, would wait for
// them without chunks: so only those get none of whom it is known that they read what there is.

internal import Bytes
internal import HTTP
internal import HTTPWire

/// What is known of the client of a stream.
enum StreamClient {
    /// How the User-Agents begin of programs that read a stream as it comes.
    private static let products: [StaticString] = ["curl/", "python-httpx/", "Go-http-client/"]

    /// Whether the client of `exchange` reads a stream as it comes, whatever its framing.
    static func readsAsItComes(_ exchange: Exchange) -> Bool {
        // Browsers, and only they, send it with each request.
        if exchange.field(.secFetchSite) != nil { return true }
        guard let agent = exchange.field(.userAgent) else { return false }
        return products.contains { product in
            let start = agent.prefix(product.utf8CodeUnitCount)
            return ASCII.isExactly(UnsafeRawBufferPointer(rebasing: start), product)
        }
    }
}
