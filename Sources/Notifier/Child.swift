// Child: one process we started, from its start to its reaping.
//
//     spawn → running ── pidfd readable → gone ── both outputs at their end ──→ finish → onExit
//                │                         └ pipe held by a grandchild: lingerTime ┘
//                └ terminate: close input, TERM, KILL (ChildTermination)
//
// Until `finish` the process stays a zombie: its id, which is also that of its group, cannot be
// given to anybody else, so signals to the group reach the right one.

internal import CLinux
internal import Glibc

/// A child process.
///
/// Loop-confined.
///
/// The loop keeps a child alive until it has ended. A loop that is let go with children alive kills
/// their groups; orderly owners call `children.terminateAll` first.
public final class Child {
    /// The process id, which is also the id of its process group.
    public let pid: Int32

    /// What the child reads as its standard input.
    public let input: ChildInput

    /// What the child tells its owner; may be set until the loop makes its next turn.
    public var events: ChildEvents

    /// How the child ended; nil until `onExit`.
    public private(set) var exit: ChildExit?

    /// The child's end, for tasks to wait for.
    public let ending = ChildEnding()

    /// What the child's callbacks are called in reports.
    let name: CallbackName

    unowned let loop: EventLoop
    unowned let registry: ChildRegistry
    private let lingerTime: Duration
    private let leavesGroup: Bool
    private var pidfd: Descriptor?
    private var watch: WatchToken?
    private var outputs: [ChildOutput] = []
    private var leaderExit: ChildExit?
    private var linger: TimerToken?
    private var course: TerminationCourse?
    private var isFinishing = false
    private var wantsFinish = false
    private var isPaused = false

    /// Starts `command`; its output and its end are reported to `events` by later turns of `loop`.
    ///
    /// The child leads a process group of its own, has default signal dispositions, an empty signal
    /// mask, the environment of the command and no descriptor but its three streams. `name` is what
    /// its callbacks are called in reports; by default where it was started.
    ///
    /// - Throws: `SystemError`, e.g. ENOENT for a missing program, EMFILE. Nothing is left behind.
    public static func spawn(
        _ command: ChildCommand, on loop: EventLoop, name: StaticString = #fileID,
        line: UInt32 = #line, _ events: ChildEvents = ChildEvents()
    ) throws(SystemError) -> Child {
        // The first one of a loop arranges that exits can be waited for: before there is an exit.
        let registry = loop.children
        var input = try StreamEnds(command.input)
        var output = try StreamEnds(command.output, inherited: STDOUT_FILENO)
        var error = try StreamEnds(command.error, inherited: STDERR_FILENO)
        let pid = try command.start(
            input: input.childNumber, output: output.childNumber, error: error.childNumber)
        let name = CallbackName(.child, name, line: line)
        let child = Child(pid, command, loop, name, events, input: input.ours.take())
        do throws(SystemError) {
            try child.watchProcess()
            try child.read(output.ours.take(), .output, command.output)
            try child.read(error.ours.take(), .error, command.error)
        } catch {
            child.discard()
            throw error
        }
        registry.add(child)
        return child
    }

    private init(
        _ pid: Int32, _ command: ChildCommand, _ loop: EventLoop, _ name: CallbackName,
        _ events: ChildEvents, input end: consuming Descriptor?
    ) {
        self.pid = pid
        self.name = name
        self.loop = loop
        self.events = events
        registry = loop.children
        lingerTime = command.lingerTime
        leavesGroup = command.leavesGroup
        input = ChildInput(registry, name, end)
    }

    deinit {
        ending.settle(nil)
        // Only when the loop was let go first, or nothing could be watched.
        if exit == nil, pidfd != nil { ChildReaper.discard(pid) }
    }

    // MARK: For the owner

    /// Whether the process has not ended yet; its output may outlast it for a moment.
    public var isRunning: Bool { leaderExit == nil && exit == nil }

    /// Whether `terminate` was called.
    var isTerminating: Bool { course != nil }

    /// Sends `signal` to the child's process group, or to the child alone.
    public func send(_ signal: ProcessSignal, toGroup: Bool = true) {
        guard exit == nil, ownsPid else { return }
        kill(toGroup ? -pid : pid, signal.rawValue)
    }

    /// Stops reading both outputs, so that a child that writes on will have to wait.
    ///
    /// What has been read already, at most 64 KiB of each, is still delivered.
    ///
    /// While output is paused the exit of the child is not reported either, as it comes last.
    public func pauseOutput() {
        guard !isPaused, exit == nil else { return }
        isPaused = true
        if let linger { loop.removeTimer(linger) }
        linger = nil
        for output in outputs { output.pause() }
    }

    /// Reads the outputs again.
    public func resumeOutput() {
        guard isPaused else { return }
        isPaused = false
        for output in outputs { output.resume() }
        if leaderExit != nil { settle() }
    }

    /// Brings the child to its end by the steps of `table`; lifts a pause of its output.
    ///
    /// During a termination a further call counts only if its table ends sooner.
    public func terminate(_ table: ChildTermination = .standard) {
        guard exit == nil else { return }
        resumeOutput()
        let fresh = TerminationCourse(table, now: loop.now)
        if let present = course {
            guard fresh.endNanos < present.endNanos else { return }
            if let timer = present.timer { loop.removeTimer(timer) }
        }
        course = fresh
        if isRunning {
            takeStep()
        } else {
            // Only processes it left behind can still hold its output.
            killGroup()
        }
    }

    // MARK: Start

    private func watchProcess() throws(SystemError) {
        let number = clinux_pidfd_open(pid)
        guard number >= 0 else { throw SystemError("pidfd_open") }
        pidfd = Descriptor(owning: number)
        watch = try loop.watch(number, .read, name) { [self] _ in
            leaderMayHaveEnded()
            return .keep
        }
    }

    private func read(
        _ end: consuming Descriptor?, _ stream: ChildStream, _ kind: ChildCommand.Output
    ) throws(SystemError) {
        guard let end = consume end else { return }
        var maxLength: Int?
        if case .lines(let length) = kind { maxLength = length }
        let output = ChildOutput(self, stream, end, maxLength: maxLength)
        outputs.append(output)
        try output.start()
    }

    /// Undoes a start that could not be completed.
    private func discard() {
        events = ChildEvents()
        isFinishing = true
        for output in outputs { output.end() }
        unwatchProcess()
        ChildReaper.discard(pid)
    }

    // MARK: End

    private func leaderMayHaveEnded() {
        guard let pidfd = self.pidfdNumber else { return }
        var found = clinux_exit()
        let code = clinux_peek_pidfd(pidfd, &found)
        if code == ECHILD {
            leaderExit = .unknown
        } else {
            guard code == 0, found.pid != 0 else { return }
            leaderExit =
                found.code == CLD_EXITED
                ? .exited(found.status)
                : .signalled(number: found.status, coreDumped: found.code == CLD_DUMPED)
        }
        if let watch { loop.unwatch(watch) }
        watch = nil
        input.closeNow()
        if let timer = course?.timer { loop.removeTimer(timer) }
        if course != nil { killGroup() }
        settle()
    }

    /// Called by an output that has ended.
    func streamEnded() {
        if leaderExit != nil { settle() }
    }

    /// Called by an output whose callbacks have returned.
    func deliveryEnded() {
        guard wantsFinish else { return }
        wantsFinish = false
        for output in outputs { output.drain() }
        finish()
    }

    /// Finishes if all output is here, else waits for it, but not for ever: something the child
    /// left behind may hold the pipe.
    private func settle() {
        guard !isFinishing else { return }
        if outputs.allSatisfy(\.isEnded) {
            finish()
        } else if linger == nil, !isPaused {
            linger = loop.addTimer(after: lingerTime, name) { [self] in
                linger = nil
                if !leavesGroup { killGroup() }
                for output in outputs { output.drain() }
                finish()
            }
        }
    }

    private func finish() {
        guard exit == nil, !isFinishing, let leaderExit else { return }
        guard !outputs.contains(where: \.isDelivering) else {
            wantsFinish = true
            return
        }
        isFinishing = true
        if let linger { loop.removeTimer(linger) }
        for output in outputs { output.end() }
        if !leavesGroup || course != nil { killGroup() }
        unwatchProcess()
        if ownsPid { ChildReaper.reap(pid) } else { ChildReaper.forget(pid) }
        registry.remove(self)
        exit = leaderExit
        let last = events
        let (registry, loop) = (registry, loop)
        events = ChildEvents()
        input.onDrained = {}
        input.onBroken = { _ in }
        do { try last.onExit(leaderExit) } catch { _ = loop.noteFailure(error, name) }
        ending.settle(leaderExit)
        registry.noteExit()
    }

    private func unwatchProcess() {
        if let watch { loop.unwatch(watch) }
        watch = nil
        pidfd = nil
        input.closeNow()
    }

    private func killGroup() {
        if ownsPid { kill(-pid, SIGKILL) }
    }

    /// Whether the process id is still this child's; once other code has reaped the child, it may be
    /// anybody's.
    private var ownsPid: Bool { leaderExit != .unknown }

    private func takeStep() {
        guard isRunning, let step = course?.takeStep() else { return }
        var patience = step.patience
        switch step.action {
        case .closeInput:
            // Nothing to wait for if there was no input to close.
            if !input.isOpen { patience = .zero }
            input.flushAndClose()
        case .signal(let number):
            kill(-pid, number)
        }
        course?.timer = loop.addTimer(after: patience, name) { [self] in takeStep() }
    }

    private var pidfdNumber: Int32? {
        guard pidfd != nil else { return nil }
        return pidfd?.number
    }
}
