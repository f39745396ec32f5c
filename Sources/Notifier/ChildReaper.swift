// ChildReaper: the duty of PID 1 and of a sub-reaper. Processes whose parent has ended become
// children of this process; when they end, somebody must wait for them or they stay as zombies.
//
// The children that loops have started are enrolled here, so that the reaper never takes an exit
// away from its owner. This is the one fact that all loops of a process share: process ids belong
// to the process, and a wait for "any" child sees all of them. Hence a lock, held while a child is
// started or reaped, never while the loop handles its data.

internal import CLinux
internal import Glibc

/// Waits for processes that nobody else waits for.
///
/// Loop-confined, but for its static functions, which any thread may call.
public final class ChildReaper {
    /// How soon to look again when a child that its owner has yet to reap hides what is behind it,
    /// and how often to look when SIGCHLD cannot be had.
    static let retryDelay = Duration.milliseconds(100)
    static let pollInterval = Duration.seconds(1)

    private static let enrolled = Guarded<Set<Int32>>([])

    private unowned let loop: EventLoop
    private var signals: ProcessSignals?
    private var timer: TimerToken?

    /// Makes this process the parent of its orphaned descendants, as PID 1 is by nature.
    ///
    /// Only for a process whose children are all started through `Child`: the exits of others would
    /// be taken from their owners by `reapStrays`.
    ///
    /// - Throws: `SystemError` if the kernel refuses.
    public static func becomeSubreaper() throws(SystemError) {
        guard clinux_set_subreaper(1) == 0 else { throw SystemError("prctl") }
    }

    /// Reaps the strays that have ended.
    ///
    /// Children started through `Child` are left to their owners.
    ///
    /// - Returns: how many were reaped, and whether one of those children is in the way, so that
    ///   there may be more behind it.
    @discardableResult
    public static func reapStrays() -> (reaped: Int, isIncomplete: Bool) {
        var reaped = 0
        while true {
            // Locked from the look to the wait: no other thread may start a child in between that
            // gets the process id looked at.
            let next = enrolled.withLock { pids -> Bool? in
                var found = clinux_exit()
                guard clinux_peek_any(&found) == 0, found.pid != 0 else { return nil }
                guard !pids.contains(found.pid) else { return false }
                return clinux_wait_pid(found.pid, &found) == 0 && found.pid != 0
            }
            guard let next else { return (reaped, false) }
            if !next { return (reaped, true) }
            reaped += 1
        }
    }

    /// Reaps strays on `loop` from now on: on SIGCHLD if the main thread has blocked that signal
    /// by `ProcessSignals.block`, else once a second.
    ///
    /// Goes on until `stop`, even if nobody keeps the object.
    ///
    /// - Throws: `SystemError` if no descriptor is left.
    public convenience init(on loop: EventLoop) throws(SystemError) {
        try self.init(on: loop, listening: ProcessSignals.isBlocked(.child))
    }

    init(on loop: EventLoop, listening: Bool) throws(SystemError) {
        self.loop = loop
        if listening {
            signals = try ProcessSignals([.child], on: loop) { [self] _ in look() }
            look()
        } else {
            timer = loop.addTimer(every: Self.pollInterval) {
                Self.reapStrays()
                return .keep
            }
        }
    }

    /// Reaps no more.
    public func stop() {
        signals?.close()
        signals = nil
        if let timer { loop.removeTimer(timer) }
        timer = nil
    }

    private func look() {
        guard Self.reapStrays().isIncomplete, timer == nil else { return }
        timer = loop.addTimer(after: Self.retryDelay) { [self] in
            timer = nil
            if signals != nil { look() }
        }
    }

    // MARK: For Child

    /// Starts a child by `start`, which returns an errno value, and enrols its process id.
    static func enrol(
        _ pid: inout Int32, _ start: (UnsafeMutablePointer<Int32>) -> Int32
    ) -> Int32 {
        var fresh: Int32 = 0
        let code = enrolled.withLock { pids in
            let code = start(&fresh)
            if code == 0 { pids.insert(fresh) }
            return code
        }
        pid = fresh
        return code
    }

    /// Waits for an enrolled child that has ended; its process id may be another's afterwards.
    static func reap(_ pid: Int32) {
        enrolled.withLock { pids in
            var found = clinux_exit()
            _ = clinux_wait_pid(pid, &found)
            pids.remove(pid)
        }
    }

    /// Forgets an enrolled child that other code has reaped.
    static func forget(_ pid: Int32) {
        enrolled.withLock { pids in _ = pids.remove(pid) }
    }

    /// Kills and reaps an enrolled child that cannot be watched.
    static func discard(_ pid: Int32) {
        kill(-pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        // Removed after the wait: until then nobody else could have taken it for a stray.
        enrolled.withLock { pids in _ = pids.remove(pid) }
    }
}
