// DeadlineTicks: the deadlines of a connection in the ticks of the idle sweep.

internal import Notifier

/// The deadlines in the sweep's ticks, computed once.
struct DeadlineTicks {
    let handshake: UInt32
    let head: UInt32
    let body: UInt32
    let idle: UInt32
    let write: UInt32
    let linger: UInt32
    let drainLinger: UInt32
    let halfClose: UInt32

    /// Translates the durations of `limits`.
    init(_ limits: ServerLimits) {
        handshake = IdleSweep.ticks(limits.handshakeTimeout)
        head = IdleSweep.ticks(limits.headTimeout)
        body = IdleSweep.ticks(limits.bodyTimeout)
        idle = IdleSweep.ticks(limits.idleTimeout)
        write = IdleSweep.ticks(limits.writeTimeout)
        linger = IdleSweep.ticks(limits.lingerTimeout)
        drainLinger = IdleSweep.ticks(limits.drainLinger)
        halfClose = IdleSweep.ticks(limits.halfCloseTimeout)
    }
}
