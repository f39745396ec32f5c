// ClientLimits: every bound and deadline of the client side, with its default and its reason.

package import HTTPWire
internal import Notifier

/// Bounds and deadlines of connections to one origin.
package struct ClientLimits: Sendable {
    /// Bounds of the message grammar (head, fields, chunks).
    ///
    /// At most 256 fields are ever accepted.
    package var wire = WireLimits()

    /// Body bytes of one response, decoded.
    ///
    /// No limit by default: bodies are passed on as they come and held nowhere; whoever collects one
    /// limits it.
    package var bodyBytes = Int.max

    /// Interim responses (1xx) before the final one: servers send one or two, a flood is an attack.
    package var interimCount = 16

    /// Time for resolving the name and for connecting, all addresses together.
    package var connectTimeout = Duration.seconds(10)

    /// Head start of one address over the next (RFC 8305 §5).
    package var attemptDelay = Duration.milliseconds(250)

    /// Time for a TLS handshake.
    package var handshakeTimeout = Duration.seconds(10)

    /// Time in which the peer must take some of the request.
    package var writeTimeout = Duration.seconds(30)

    /// Time from the end of the request to the complete head of its final response: as long as a
    /// call may take by default.
    package var headTimeout = Duration.seconds(60)

    /// Time in which a body must progress by `bodyProgressBytes`.
    package var bodyTimeout = Duration.seconds(30)

    /// Bytes of body that count as progress; 1 suits event streams with their heartbeats.
    package var bodyProgressBytes = 1024

    /// Time a connection is kept without a request: below the 60 to 75 s after which servers close,
    /// so that a request seldom meets a closing connection.
    package var idleTimeout = Duration.seconds(55)

    /// Connections open at once, connecting ones included.
    package var connections = 64

    /// Connections kept without a request.
    package var idleConnections = 16

    /// Requests that may wait for a connection.
    package var queueLength = 256

    /// Time a request may wait for a connection.
    package var queueTimeout = Duration.seconds(10)

    /// Unsent bytes of a streamed request body at which `send` asks its caller to wait.
    package var sendBacklog = 64 * 1024

    /// Limits with their defaults.
    package init() {}
}

/// The deadlines in the sweep's ticks, computed once.
struct ClientTicks {
    let connect: UInt32
    let handshake: UInt32
    let write: UInt32
    let head: UInt32
    let body: UInt32
    let idle: UInt32

    /// Translates the durations of `limits`.
    init(_ limits: ClientLimits) {
        connect = IdleSweep.ticks(limits.connectTimeout)
        handshake = IdleSweep.ticks(limits.handshakeTimeout)
        write = IdleSweep.ticks(limits.writeTimeout)
        head = IdleSweep.ticks(limits.headTimeout)
        body = IdleSweep.ticks(limits.bodyTimeout)
        idle = IdleSweep.ticks(limits.idleTimeout)
    }
}
