// Interest, Readiness, Disposition: the words between the loop and its callbacks.

internal import CLinux

/// What a descriptor is watched for.
public struct Interest: OptionSet, Sendable {
    /// The set's bits.
    public let rawValue: UInt8

    /// Makes a set from bits.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// There is something to read, or the end of the stream.
    @inlinable public static var read: Interest { Interest(rawValue: 1) }

    /// There is room to write.
    @inlinable public static var write: Interest { Interest(rawValue: 2) }

    /// The peer will send nothing more; implied by `read`.
    @inlinable public static var peerClosed: Interest { Interest(rawValue: 4) }

    /// Of the loops that watch the same open file, one or a few are woken, not all
    /// (EPOLLEXCLUSIVE): for a listening socket that several of them serve.
    ///
    /// Counts when the watch begins and stays with it. Such a watch does not tell that the peer has
    /// closed; changing it costs two calls of the kernel instead of one.
    public static let exclusive = Interest(rawValue: 32)

    /// The bits for epoll; hang-up and error always come.
    var events: UInt32 {
        guard !contains(.exclusive) else {
            // The kernel takes nothing else beside it.
            var bits = EPOLLEXCLUSIVE.rawValue
            if contains(.read) { bits |= EPOLLIN.rawValue }
            if contains(.write) { bits |= EPOLLOUT.rawValue }
            return bits
        }
        var bits: UInt32 = 0
        if contains(.read) { bits |= EPOLLIN.rawValue | EPOLLRDHUP.rawValue }
        if contains(.write) { bits |= EPOLLOUT.rawValue }
        if contains(.peerClosed) { bits |= EPOLLRDHUP.rawValue }
        return bits
    }

    /// What may be told to one who has this interest; hang-up and error always may.
    @inline(__always)
    var answers: Readiness {
        let asked = Readiness(rawValue: rawValue).union([.hangUp, .error])
        return contains(.read) ? asked.union(.peerClosed) : asked
    }
}

/// What happened to a watched descriptor.
public struct Readiness: OptionSet, Sendable {
    /// The set's bits.
    public let rawValue: UInt8

    /// Makes a set from bits.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// There is something to read, or the end of the stream.
    @inlinable public static var read: Readiness { Readiness(rawValue: 1) }

    /// There is room to write.
    @inlinable public static var write: Readiness { Readiness(rawValue: 2) }

    /// The peer will send nothing more; what it sent may still be unread.
    @inlinable public static var peerClosed: Readiness { Readiness(rawValue: 4) }

    /// Both directions are closed; what the peer sent may still be unread.
    @inlinable public static var hangUp: Readiness { Readiness(rawValue: 8) }

    /// The descriptor failed; `SO_ERROR` tells why.
    @inlinable public static var error: Readiness { Readiness(rawValue: 16) }

    /// Any of the three ends.
    @inlinable public static var ended: Readiness { [.peerClosed, .hangUp, .error] }

    /// Translates epoll's bits.
    @inline(__always)
    init(events: UInt32) {
        var bits: UInt8 = 0
        if events & EPOLLIN.rawValue != 0 { bits |= Readiness.read.rawValue }
        if events & EPOLLOUT.rawValue != 0 { bits |= Readiness.write.rawValue }
        if events & EPOLLRDHUP.rawValue != 0 { bits |= Readiness.peerClosed.rawValue }
        if events & EPOLLHUP.rawValue != 0 { bits |= Readiness.hangUp.rawValue }
        if events & EPOLLERR.rawValue != 0 { bits |= Readiness.error.rawValue }
        rawValue = bits
    }
}

/// What becomes of a registration after its callback.
public enum Disposition: Sendable {
    /// Call again.
    case keep
    /// Remove the registration.
    case stop
}
