// GatewayClient: one command's conversation with a running gateway: a loop of its own, one
// connection, and an end of the program with the right code when there is nobody to talk to.

internal import Bytes
internal import Glibc
internal import HTTP
internal import HTTPWire
internal import Notifier
internal import TLS

/// Talks to a running gateway.
final class GatewayClient {
    /// Bytes of an answer that are kept: what a module may answer with, and more.
    static let answerLimit = 256 * 1024 * 1024

    let address: GatewayAddress
    let loop: EventLoop
    private let pool: ClientPool
    private let authority: String

    /// Prepares to talk to the gateway of `options`; `change` adapts the limits.
    ///
    /// Ends the program if that cannot be.
    init(_ options: GatewayOptions, _ change: (inout ClientLimits) -> Void = { _ in }) {
        do {
            address = try options.address
            loop = try EventLoop()
            let workers = try WorkerPool(threads: 1, name: "resolver")
            let origin = ClientOrigin(
                address.endpoint,
                resolver: ClientResolver(address.endpoint, workers: workers, loop: loop),
                tls: address.usesTLS ? try Self.context(options) : nil)
            var limits = ClientLimits()
            limits.connections = 1
            // How long a call may take is the gateway's to say.
            limits.headTimeout = .seconds(86_400)
            change(&limits)
            pool = ClientPool(origin, limits: limits, on: loop)
            authority = origin.authority
        } catch {
            Terminal.fail("\(error)")
        }
    }

    private static func context(_ options: GatewayOptions) throws -> TLSContext {
        do throws(TLSError) {
            return try TLSContext(
                client: TLSClientSettings(trust: options.cacert.map { .file($0) } ?? .system))
        } catch {
            Terminal.fail("--cacert: \(error)", ExitStatus.usage)
        }
    }

    /// A request for `path` below the gateway's base path.
    ///
    /// Ends the program if the path cannot be asked for, which no argument of a command can cause.
    func request(_ method: HTTPWire.Method, _ path: String) -> ClientRequest {
        do throws(ClientError) {
            var request = try ClientRequest(
                method, target: address.basePath + path, authority: authority)
            try request.append("User-Agent", "signalbox")
            return request
        } catch {
            Terminal.fail("cannot ask \(address.text) for \(path): \(error)")
        }
    }

    /// Starts a request.
    func send(_ request: consuming ClientRequest, _ events: ClientEvents) {
        do throws(ClientError) {
            try pool.send(request, events)
        } catch {
            fail(error)
        }
    }

    /// Sends a request and waits for the whole answer; ends the program if there is none.
    func fetch(_ request: consuming ClientRequest) -> ClientAnswer {
        var result: Result<ClientAnswer, ClientError>?
        do throws(ClientError) {
            try pool.fetch(request, limit: Self.answerLimit) { [loop] in
                result = $0
                loop.stop()
            }
        } catch {
            fail(error)
        }
        loop.run()
        switch result {
        case .success(let answer): return answer
        case .failure(let error): fail(error)
        case nil: Terminal.fail("the gateway at \(address.text) was not asked to the end")
        }
    }

    /// Ends the program, saying why there is no answer.
    func fail(_ error: ClientError) -> Never {
        Terminal.fail(
            explain(error), error.isUnreachable ? ExitStatus.unreachable : ExitStatus.failed)
    }

    /// What `error` means, and what to do about it.
    func explain(_ error: ClientError) -> String {
        switch error {
        case .connectFailed(let errors):
            var reasons: [String] = []
            for error in errors {
                let reason = String(cString: strerror(error.code)).lowercased()
                if !reasons.contains(reason) { reasons.append(reason) }
            }
            return "no gateway at \(address.text): \(reasons.joined(separator: ", "))\n"
                + "Start one with signalbox serve, or name another with --url or SIGNALBOX_URL."
        case .unresolved, .timedOut(.connect):
            return "no gateway at \(address.text): \(error)\n"
                + "Name another with --url or SIGNALBOX_URL."
        case .tls(.certificateRejected(let reason)):
            return "the certificate of \(address.text) does not hold: \(reason)\n"
                + "Name the authority that signed it with --cacert FILE."
        case .tls(.plainHTTP):
            return "\(address.text) speaks plain HTTP\nWrite http:// instead of https://."
        case .tls, .closedInHandshake, .timedOut(.handshake):
            return "no TLS with \(address.text): \(error)"
        default:
            return "\(address.text) gave no answer: \(error)"
        }
    }
}

/// Text in URLs.
enum URLText {
    /// `text` with all but letters, digits, `-`, `.`, `_` and `~` written as `%XX`.
    static func encoded(_ text: String) -> String {
        var output = ByteBuffer()
        var copy = text
        copy.withUTF8 { Percent.encode(UnsafeRawBufferPointer($0), into: &output) }
        return output.text()
    }
}
