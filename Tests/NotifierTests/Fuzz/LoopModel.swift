// What a loop should do, as plainly as it can be said: the things a program has made, and what the
// loop may and must tell of them.

import Glibc
import Notifier

/// A watched descriptor and its other side.
final class ModelChannel {
    let kind: ChannelKind
    let near: Int32
    private(set) var far: Int32
    /// The byte it carries: what is read must be nobody else's.
    let mark: UInt8
    var unread = 0
    var isFarShut = false
    var isOpen = true
    var watch: ModelWatch?

    init?(_ kind: ChannelKind, _ mark: UInt8) {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let result = kind == .socket ? socketpair(AF_UNIX, type, 0, &ends) : pipe(&ends)
        guard result == 0 else { return nil }
        self.kind = kind
        self.mark = mark
        near = kind == .pipeWriter ? ends[1] : ends[0]
        far = kind == .pipeWriter ? ends[0] : ends[1]
        _ = fcntl(near, F_SETFL, O_NONBLOCK)
        // A process that another test starts shall not keep an end alive.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }

    var isFarOpen: Bool { far >= 0 }

    func closeFar() {
        if far >= 0 { _ = Glibc.close(far) }
        far = -1
    }

    func close() {
        closeFar()
        if isOpen { _ = Glibc.close(near) }
        isOpen = false
    }

    /// What is true of the descriptor now.
    var level: Readiness {
        switch kind {
        case .socket:
            var level: Readiness = .write
            if unread > 0 || isFarShut || !isFarOpen { level.insert(.read) }
            if isFarShut || !isFarOpen { level.insert(.peerClosed) }
            if !isFarOpen { level.insert(.hangUp) }
            return level
        case .pipeReader:
            var level: Readiness = unread > 0 ? .read : []
            if !isFarOpen { level.insert(.hangUp) }
            return level
        case .pipeWriter:
            return isFarOpen ? .write : [.write, .error]
        }
    }
}

/// One registration, from its beginning to after its end.
final class ModelWatch {
    enum Told { case nothing, peerClosedUnread, peerClosed, endedUnread }

    let channel: ModelChannel
    let reaction: Reaction
    var token: WatchToken?
    var interest: Interest
    var isLive = true
    var isRunning = false
    /// The descriptor was closed under it: nothing is promised but silence.
    var isAbandoned = false
    /// And a duplicate is alive: until it is unwatched, what happens there may still be told.
    var hasDuplicate = false
    var told = Told.nothing
    var calls = 0
    var changes = 0

    init(_ channel: ModelChannel, _ interest: Interest, _ reaction: Reaction) {
        self.channel = channel
        self.interest = interest
        self.reaction = reaction
    }

    /// What the callback may hear now, and must if it is not empty.
    var due: Readiness {
        var asked: Readiness = [.hangUp, .error]
        if interest.contains(.read) { asked.formUnion([.read, .peerClosed]) }
        if interest.contains(.write) { asked.insert(.write) }
        if interest.contains(.peerClosed) { asked.insert(.peerClosed) }
        switch told {
        case .nothing: break
        case .peerClosedUnread: asked.remove(.peerClosed)
        case .peerClosed: asked.subtract([.read, .peerClosed])
        case .endedUnread: asked = []
        }
        return channel.level.intersection(asked)
    }

    func change(to fresh: Interest) {
        changes += 1
        let isUnread = told == .peerClosedUnread || told == .endedUnread
        if fresh.contains(.read), fresh != interest, isUnread { told = .nothing }
        interest = fresh
    }

    /// What follows from a call that said `ready` and was answered with `.keep`.
    func settle(_ ready: Readiness) {
        guard !ready.isDisjoint(with: .ended) else { return }
        let holdsMore = channel.kind != .pipeWriter && channel.unread > 0
        if holdsMore, interest.contains(.read) { return }
        if ready.isDisjoint(with: [.hangUp, .error]) {
            told = holdsMore ? .peerClosedUnread : .peerClosed
        } else if holdsMore {
            told = .endedUnread
        } else {
            end()
        }
    }

    func end() {
        isLive = false
        changes += 1
        if channel.watch === self { channel.watch = nil }
    }
}

/// One timer.
final class ModelTimer {
    let reaction: Reaction
    let every: UInt64
    var token: TimerToken?
    var deadline: UInt64
    var age: Int
    /// The turn whose timers are running when it is added or moved: too late for that turn.
    var bornIn: Int?
    var isLive = true
    var isRunning = false
    var wasMoved = false
    var calls = 0
    var changes = 0

    init(_ deadline: UInt64, every: UInt64, age: Int, bornIn: Int?, _ reaction: Reaction) {
        self.deadline = deadline
        self.every = every
        self.age = age
        self.bornIn = bornIn
        self.reaction = reaction
    }
}

/// One dispatcher.
final class ModelDispatcher {
    let reaction: Reaction
    /// Its place in every pass.
    let rank: Int
    var token: DispatcherToken?
    var isLive = true
    var isRunning = false
    var calls = 0

    init(rank: Int, _ reaction: Reaction) {
        self.rank = rank
        self.reaction = reaction
    }
}
