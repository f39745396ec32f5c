// ServerLimits: every bound and deadline of the server side, with its default and its reason.

package import HTTPWire

/// Bounds and deadlines of connections and exchanges.
package struct ServerLimits: Sendable {
    /// Bounds of the message grammar (head, target, fields, chunks).
    package var wire = WireLimits()

    /// Body bytes of one request, decoded; a route may ask for less.
    ///
    /// 1 MiB holds any reasonable command and keeps a thousand parallel uploads under a gigabyte.
    package var bodyBytes = 1 << 20

    /// Time for a complete head, from its first byte (or from the accept).
    ///
    /// 10 s is slow enough for any honest link and starves slow-header attacks.
    package var headTimeout = Duration.seconds(10)

    /// Time in which a body must progress by `bodyProgressBytes`.
    package var bodyTimeout = Duration.seconds(30)

    /// Bytes of body that count as progress: a floor of 34 bytes a second.
    package var bodyProgressBytes = 1024

    /// Time for the header of a proxy that names its client.
    ///
    /// It is a proxy's first packet; 5 s outlast the loss of it, as the protocol asks for.
    package var proxyTimeout = Duration.seconds(5)

    /// Time for a TLS handshake.
    package var handshakeTimeout = Duration.seconds(10)

    /// Time a connection may stay idle: nginx's own default, so that the side in front closes first
    /// and no request meets a closing socket.
    package var idleTimeout = Duration.seconds(75)

    /// Time in which a peer must take some of what waits to be sent, and its host acknowledge what
    /// was sent.
    package var writeTimeout = Duration.seconds(30)

    /// Time for each answer in the making once its peer has closed its sending side.
    ///
    /// A client that has gone looks the same and should not hold a command, so it must be short.
    package var halfCloseTimeout = Duration.seconds(1)

    /// Longest silence of a peer that has its last answer and has not closed yet; closing earlier
    /// would reset the connection and could take the answer with it.
    package var lingerTimeout = Duration.seconds(2)

    /// Longest time such a peer may go on sending, for example the rest of a refused upload.
    package var lingerLimit = Duration.seconds(30)

    /// Both of these while the server drains: enough for an answer and the peer's end to cross any
    /// usual link, and little against the time that a restart takes.
    package var drainLinger = Duration.milliseconds(500)

    /// Time for answers in flight when the server shuts down.
    package var drainTimeout = Duration.seconds(30)

    /// Connections of all loops that share a `ConnectionQuota`.
    ///
    /// 10,000 idle ones take some ten megabytes.
    package var connections = 10_000

    /// Those from one address (from one /64 of IPv6, which is one customer's): half of all, so that
    /// nobody locks the others out.
    package var connectionsPerAddress = 5_000

    /// Peers over these limits that each loop tells so, as opposed to just closing, at the same time.
    package var connectionsTurnedAway = 64

    /// Connections accepted in one turn of the loop, so that a flood cannot starve the guests.
    package var acceptsPerTurn = 64

    /// Steps of TLS handshakes in one turn: at half a millisecond each, 8 ms for the others to wait.
    package var handshakesPerTurn = 16

    /// Bytes that may wait for one peer before its next pipelined request is looked at.
    package var sendBacklog = 256 * 1024

    /// Requests of one peer that are taken before the others have their turn.
    package var pipelinedRequests = 64

    /// Pipelined bytes kept while an answer is in the making; beyond it the socket is not read.
    ///
    /// Nor is the end of a peer heard that has sent more than this and the kernel's buffer take.
    package var pipelineBytes = 64 * 1024

    /// Limits with their defaults.
    package init() {}
}
