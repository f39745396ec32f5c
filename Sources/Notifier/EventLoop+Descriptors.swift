// EventLoop+Descriptors: watching descriptors, and handing what the poll found to their callbacks.

internal import CLinux
internal import Glibc

extension EventLoop {
    /// Number of watched descriptors.
    public var watchCount: Int { registrations.count }

    /// Calls `callback` whenever `descriptor` is ready for something in `interest`, has hung up or
    /// failed.
    ///
    /// One registration per descriptor; the caller keeps ownership, and unwatches before it closes.
    /// If it does not, the registration goes when the number is watched anew.
    ///
    /// An end (hang-up, error, the peer's end of stream) is delivered once: if the callback keeps
    /// the registration although nothing is left to read, the loop stops reporting it. If bytes are
    /// left that it does not want to read now, the end is told again with them, when it does.
    ///
    /// - Parameters:
    ///   - descriptor: anything that epoll takes: not a regular file.
    ///   - interest: what it is watched for.
    ///   - name: of the callback in reports; by default where it was registered.
    ///   - line: goes with the default of `name`.
    ///   - callback: may throw; what then happens is the loop's `failurePolicy`.
    /// - Throws: `SystemError`: EEXIST if it is watched already, EPERM for a regular file, EBADF.
    public func watch(
        _ descriptor: Int32, _ interest: Interest,
        name: StaticString = #fileID, line: UInt32 = #line,
        _ callback: @escaping (Readiness) throws -> Disposition
    ) throws(SystemError) -> WatchToken {
        try watch(descriptor, interest, CallbackName(.descriptor, name, line: line), callback)
    }

    /// Watches under a name that the caller has from somebody else.
    func watch(
        _ descriptor: Int32, _ interest: Interest, _ name: CallbackName,
        _ callback: @escaping (Readiness) throws -> Disposition
    ) throws(SystemError) -> WatchToken {
        let token = registrations.insert(descriptor, interest, name, callback)
        do throws(SystemError) {
            try poller.add(descriptor, interest.events, token: token.rawValue)
        } catch {
            registrations.remove(token)
            throw error
        }
        if registrations.settle(token, descriptor) { lastUnwatch = pollNumber }
        return token
    }

    /// Changes what the descriptor of `token` is watched for; a removed token changes nothing.
    public func change(_ token: WatchToken, to interest: Interest) {
        guard let slot = registrations.find(token) else { return }
        let isExclusive = slot.interest.contains(.exclusive)
        let interest =
            isExclusive ? interest.union(.exclusive) : interest.subtracting(.exclusive)
        guard slot.interest != interest else { return }
        slot.interest = interest
        let isUnread = slot.ending == .peerClosedUnread || slot.ending == .endedUnread
        if isUnread, interest.contains(.read) { slot.ending = .none }
        if slot.isSuspended { return }
        ask(slot, token)
    }

    /// Lets the other loops that watch the same open file exclusively be woken first.
    ///
    /// The kernel wakes the first that sleeps, in the order in which they began to watch: while
    /// there is little to do, that would be the same one each time.
    public func passTurn(_ token: WatchToken) {
        guard let slot = registrations.find(token), slot.interest.contains(.exclusive) else {
            return
        }
        ask(slot, token)
    }

    /// Stops watching; no callback comes after this, not even from events already taken.
    public func unwatch(_ token: WatchToken) {
        guard let slot = registrations.find(token) else { return }
        poller.remove(slot.descriptor)
        registrations.remove(token)
        lastUnwatch = pollNumber
    }

    /// Whether `token` is still watched.
    public func isWatching(_ token: WatchToken) -> Bool {
        registrations.find(token) != nil
    }
}

// MARK: - Delivery

extension EventLoop {
    /// Hands the events of poll number `poll` to the callbacks they are for.
    func dispatch(
        _ batch: UnsafeMutablePointer<epoll_event>, _ count: Int, _ poll: UInt64
    ) {
        var isHaunted = false
        for index in 0..<count {
            let token = WatchToken(rawValue: clinux_epoll_token(&batch[index]))
            if token.rawValue == 0 {
                handle.acknowledgeWake()
                continue
            }
            guard let slot = registrations.peek(token) else {
                // A callback of this batch may have removed it; else the kernel should not know it.
                if lastUnwatch < poll { isHaunted = true }
                continue
            }
            let ready = Readiness(events: clinux_epoll_ready(&batch[index]))
            // SAFETY: it lives until its callback has returned, and longer if that keeps it.
            slot._withUnsafeGuaranteedRef { serve($0, token, ready, poll) }
        }
        if isHaunted { renewPoller() }
    }

    @inline(__always)
    private func serve(
        _ slot: Registration, _ token: WatchToken, _ event: Readiness, _ poll: UInt64
    ) {
        // A nested step may have served it.
        guard slot.lastPoll <= poll, slot.ending != .endedUnread else { return }
        if slot.isRunning {
            suspend(slot, token)
            return
        }
        // A callback of this batch may have changed the interest.
        let ready = event.intersection(slot.interest.answers)
        if !ready.isEmpty { deliver(ready, to: slot, token) }
    }

    /// Takes a fresh epoll instance, because the present one reports a descriptor that was closed
    /// while a duplicate of it is alive, and would do so for ever.
    private func renewPoller() {
        // Without a descriptor for it the next turn tries again.
        guard let fresh = try? Poller() else { return }
        guard (try? fresh.add(handle.wakeNumber, EPOLLIN.rawValue, token: 0)) != nil else { return }
        registrations.forEach { slot, token in
            // Not those that were closed: their numbers may be others' by now.
            let events = events(of: slot)
            guard ask(slot, token) else { return }
            try? fresh.add(slot.descriptor, events, token: token.rawValue)
        }
        fresh.replace(poller)
    }

    @inline(__always)
    private func deliver(_ ready: Readiness, to slot: Registration, _ token: WatchToken) {
        slot.isRunning = true
        slot.lastPoll = pollNumber
        begin(slot.name)
        let disposition: Disposition
        do { disposition = try slot.callback(ready) } catch { disposition = noteFailure(error) }
        if slot.isRemoved {
            registrations.release(slot)
            return
        }
        slot.isRunning = false
        if slot.isSuspended {
            slot.isSuspended = false
            ask(slot, token)
        }
        if disposition == .stop {
            unwatch(token)
        } else if !ready.isDisjoint(with: .ended) {
            settleEnd(ready, slot, token)
        }
    }

    /// Silences a descriptor whose callback is on the stack, else a nested step that waits for
    /// something else would spin on it.
    private func suspend(_ slot: Registration, _ token: WatchToken) {
        guard !slot.isSuspended else { return }
        slot.isSuspended = true
        ask(slot, token)
    }

    /// Keeps an end that was delivered from being reported for ever.
    private func settleEnd(_ ready: Readiness, _ slot: Registration, _ token: WatchToken) {
        let present = Poller.state(of: slot.descriptor)
        var unread: Int32 = 0
        // The writing end of a pipe, too, tells how much is unread.
        let holdsMore =
            present.contains(.read) && clinux_unread(slot.descriptor, &unread) == 0 && unread > 0
        // While the owner reads on, it is right that the end comes again with what is unread.
        if holdsMore, slot.interest.contains(.read) { return }
        if ready.isDisjoint(with: [.hangUp, .error]) {
            slot.ending = holdsMore ? .peerClosedUnread : .peerClosed
        } else {
            // The callback may have cleared an error, after which a datagram socket goes on.
            guard !present.isDisjoint(with: [.hangUp, .error]) else { return }
            guard holdsMore else {
                unwatch(token)
                return
            }
            slot.ending = .endedUnread
        }
        ask(slot, token)
    }

    /// Asks the kernel for what a registration wants now; false if its owner closed the descriptor.
    @discardableResult
    private func ask(_ slot: Registration, _ token: WatchToken) -> Bool {
        let events = events(of: slot)
        return slot.interest.contains(.exclusive)
            ? poller.renew(slot.descriptor, events, token: token.rawValue)
            : poller.modify(slot.descriptor, events, token: token.rawValue)
    }

    private func events(of slot: Registration) -> UInt32 {
        if slot.interest.contains(.exclusive) {
            let isSilent = slot.isSuspended || slot.ending != .none
            return isSilent ? EPOLLEXCLUSIVE.rawValue : slot.interest.events
        }
        // One-shot, because hang-up and error come unasked: once at most, and then no more.
        if slot.isSuspended { return EPOLLONESHOT.rawValue }
        return switch slot.ending {
        case .none: slot.interest.events
        case .peerClosedUnread: slot.interest.events & ~EPOLLRDHUP.rawValue
        case .peerClosed: slot.interest.events & ~(EPOLLIN.rawValue | EPOLLRDHUP.rawValue)
        case .endedUnread: EPOLLONESHOT.rawValue
        }
    }
}
