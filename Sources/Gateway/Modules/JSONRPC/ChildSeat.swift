// ChildSeat: a place of a module that one child after the other has: when it is started, when it
// counts as ready, what happens when it ends. What is said is in ChildSeat+Messages.swift.
//
//     stopped → starting → ready ⇄ (exit) → starting …        after a pause that grows
//                          │          └→ failing              too many failures in a row
//                          └ unresponsive ⇄                     too many deadlines in a row missed
//
// A child that ends takes the calls it had with it, each with the reason. Calls that wait for a
// child that ends before it was ready fail with it; others wait for the next one.

internal import Bytes
internal import JSON
internal import Notifier

/// One child of a module, and the next when it has ended.
///
/// Loop-confined.
final class ChildSeat {
    /// Bytes that may wait in the pipe to a child that does not read, before calls wait instead.
    static let inputLimit = 4 << 20

    /// Memory kept from one framed message to the next at most.
    static let scratchLimit = 64 << 10

    /// Faults of one child that are logged.
    static let complaintLimit = 10

    /// Time between the end of a child's stream and its own end, when it simply ends.
    static let deafness = Duration.milliseconds(200)

    /// A child that lived this long without trouble has recovered.
    static let recovery = Duration.seconds(10)

    /// A child that need not say anything counts as ready when it has lived this long: programs that
    /// cannot start end sooner.
    static let settling = Duration.seconds(1)

    /// How long, after a child's end, output is awaited that a process it left behind may write:
    /// what the child itself wrote is in the pipe by then.
    static let lingerTime = Duration.milliseconds(5)

    unowned let module: StdioModule
    let index: Int

    @exclusivity(unchecked) private(set) var state = ModuleState.stopped
    @exclusivity(unchecked) private(set) var reason: String?
    @exclusivity(unchecked) private(set) var lastEnd = ModuleError.ChildEnd()
    @exclusivity(unchecked) var child: Child?
    @exclusivity(unchecked) var pending = PendingCalls()
    @exclusivity(unchecked) var framing: ContentLengthFraming
    @exclusivity(unchecked) var scratch = ByteBuffer()
    /// Whose answer the message is that is being passed over because of its length.
    @exclusivity(unchecked) var overlongAnswer = AnswerID()
    /// What was logged about the present child's faults.
    @exclusivity(unchecked) var complaints = 0

    // INVARIANT: true only while there is a child that calls may be sent to.
    @exclusivity(unchecked) private var takesCalls = false
    @exclusivity(unchecked) private var isRetiring = false
    @exclusivity(unchecked) private var restarts = 0
    @exclusivity(unchecked) private var backoff: Backoff
    @exclusivity(unchecked) private var tail = StderrTail()
    @exclusivity(unchecked) private var endReason: String?
    @exclusivity(unchecked) private var startTimer: TimerToken?
    @exclusivity(unchecked) private var restartTimer: TimerToken?
    @exclusivity(unchecked) private var idleTimer: TimerToken?
    @exclusivity(unchecked) private var lifeTimer: TimerToken?
    @exclusivity(unchecked) private var startedNanos: UInt64 = 0

    var settings: Settings.ProcessModule { module.settings }
    var loop: EventLoop { module.surroundings.loop }

    /// Calls in a row that ran into their deadline, with no answer to any call in between.
    @exclusivity(unchecked) private(set) var missedDeadlines = 0

    /// Whether these are so many that the child seems to hang.
    @exclusivity(unchecked) private(set) var isUnresponsive = false

    /// Makes an empty seat, number `index` of `module`.
    init(_ module: StdioModule, index: Int) {
        self.module = module
        self.index = index
        let settings = module.settings
        usesLines = settings.framing == .lines
        idleLimit = settings.idleTimeout
        framing = ContentLengthFraming(maxLength: settings.lineSize)
        backoff = Backoff(
            first: settings.restart.delay, limit: settings.restart.maxDelay,
            breakerFailures: settings.restart.failures)
    }

    /// What people see of it.
    var facts: ChildFacts {
        ChildFacts(
            state: isUnresponsive ? .unresponsive : state, reason: reason,
            pid: child.map { Int($0.pid) }, restarts: restarts,
            failures: backoff.failures)
    }

    /// Whether the child may have another call.
    @inline(__always)
    var hasRoom: Bool {
        takesCalls && pending.count < module.callLimit
            && child?.input.pendingByteCount ?? .max < Self.inputLimit
    }

    /// Whether the child takes calls although it has not shown yet that it is alive.
    var takesCallsWhileStarting: Bool { takesCalls && state == .starting }

    private var name: String { module.name }

    /// Whether messages are lines, else they are framed by their length.
    let usesLines: Bool
    private let idleLimit: Duration?

    /// Writes a log line, which says of which child it speaks if there are several.
    func log(_ level: ModuleSurroundings.LogLevel, _ text: String) {
        module.surroundings.log(level, module.seats.count > 1 ? "child \(index): \(text)" : text)
    }

    // MARK: Idle and busy

    /// The child has no calls: it may stop after a while, or at once if it is to be replaced.
    @inline(__always)
    func becameIdle() {
        if isRetiring || idleLimit != nil { considerLeaving() }
    }

    private func considerLeaving() {
        guard state == .ready else { return }
        if isRetiring {
            leave("replaced")
            return
        }
        guard let limit = idleLimit, idleTimer == nil, module.queue.isEmpty else { return }
        idleTimer = loop.addTimer(after: limit) { [unowned self] in
            idleTimer = nil
            guard pending.count == 0, module.queue.isEmpty else { return }
            log(.info, "stopping after \(SettingUnits.text(limit)) without a call")
            leave("idle")
        }
    }

    /// The child has something to do.
    @inline(__always)
    func becameBusy() {
        if idleTimer != nil { disarm(&idleTimer) }
    }

    /// Lets the child go although nothing is wrong with it.
    private func leave(_ reason: String) {
        guard let child else { return }
        takesCalls = false
        setState(.stopped, reason: reason)
        child.terminate(termination)
    }

    private func retire() {
        guard state == .ready else { return }
        log(.info, "replacing a child that has lived as long as it may")
        isRetiring = true
        takesCalls = false
        if pending.count == 0 { becameIdle() }
    }

    private func disarm(_ timer: inout TimerToken?) {
        if let token = timer { loop.removeTimer(token) }
        timer = nil
    }

    // MARK: Start

    /// Starts a child if there is none.
    func wake() {
        if state == .stopped { spawn() }
    }

    private func spawn() {
        guard child == nil, !module.isStopping else { return }
        restartTimer = nil
        tail.removeAll()
        complaints = 0
        endReason = nil
        isRetiring = false
        framing = ContentLengthFraming(maxLength: settings.lineSize)
        var command = ChildCommand(
            settings.command, environment: settings.child.resolvedEnvironment,
            directory: settings.child.directory)
        command.output = settings.framing == .lines ? .lines(maxLength: settings.lineSize) : .bytes
        command.error = .lines(maxLength: 16 << 10)
        command.lingerTime = Self.lingerTime
        do throws(SystemError) {
            let fresh = try Child.spawn(command, on: loop)
            fresh.events = events(of: fresh)
            child = fresh
            startedNanos = loop.now
            log(.debug, "started with pid \(fresh.pid)")
            setState(.starting, reason: nil)
            introduce()
        } catch {
            notStarted("\(error)")
        }
    }

    /// Says what is to be said before any call.
    private func introduce() {
        guard !settings.handshake.isEmpty || !module.commandsAreListed else {
            // Nothing is to be asked: calls may go at once, and the first message shows that it is
            // alive. A child that has nothing to say shows it by not ending.
            takesCalls = true
            startTimer = loop.addTimer(after: Self.settling) { [unowned self] in
                startTimer = nil
                becameReady()
            }
            module.sendWaiting()
            return
        }
        let limit = settings.startTimeout
        startTimer = loop.addTimer(after: limit) { [unowned self] in
            startTimer = nil
            end("was not ready within \(SettingUnits.text(limit))")
        }
        shake(0)
    }

    /// The child has shown that it is alive.
    func becameReady() {
        guard state == .starting, child != nil else { return }
        disarm(&startTimer)
        takesCalls = true
        if let life = settings.maxLife {
            lifeTimer = loop.addTimer(after: life) { [unowned self] in
                lifeTimer = nil
                retire()
            }
        }
        setState(.ready, reason: nil)
        module.sendWaiting()
    }

    private func notStarted(_ reason: String) {
        log(.error, "cannot be started: \(reason)")
        lastEnd = ModuleError.ChildEnd(reason: reason)
        scheduleRestart(reason: reason)
        module.failWaiting(.notStarted(module: name, reason: reason))
    }

    // MARK: End

    /// Ends a child that did something that cannot be gone on from.
    func end(_ reason: String) {
        guard let child, child.isRunning, endReason == nil, state != .stopped, !module.isStopping
        else { return }
        log(.error, "\(reason); ending it")
        takesCalls = false
        endReason = reason
        child.terminate(.immediate)
    }

    /// The child has ended; its output has been delivered.
    func ended(_ exit: ChildExit) {
        // The last one who holds the module may let it go when he hears of this.
        let module = module
        defer { withExtendedLifetime(module) {} }
        let wasReady = state == .ready
        child = nil
        takesCalls = false
        missedDeadlines = 0
        isUnresponsive = false
        disarm(&startTimer)
        disarm(&idleTimer)
        disarm(&lifeTimer)
        switch exit {
        case .exited(let code): lastEnd = .init(exitCode: Int(code), lastLines: tail.lines)
        case .signalled(let number, _):
            lastEnd = .init(signal: Int(number), lastLines: tail.lines)
        case .unknown: lastEnd = .init(isUnknown: true, lastLines: tail.lines)
        }
        lastEnd.reason = endReason
        let wasExpected = module.isStopping || state == .stopped
        let error = ModuleError.exited(module: name, lastEnd)
        for ticket in pending.removeAll() { ticket.fail(error) }
        guard !wasExpected else {
            endedAsWished()
            return
        }
        log(.warning, lastEnd.sentence + (lastEnd.reason == nil ? " unexpectedly" : ""))
        if !wasReady { module.failWaiting(error) }
        if loop.now &- startedNanos > UInt64(Self.recovery.nanoseconds) { backoff.succeeded() }
        restarts += 1
        scheduleRestart(reason: lastEnd.sentence)
    }

    private func endedAsWished() {
        log(.debug, lastEnd.sentence)
        setState(.stopped, reason: module.isStopping ? nil : reason)
        guard !module.isStopping else {
            module.seatHasEnded()
            return
        }
        if !module.queue.isEmpty || (isRetiring && settings.start == .eager) { spawn() }
    }

    private func scheduleRestart(reason: String) {
        let pause = backoff.failed(random: Double.random(in: 0..<1))
        restartTimer = loop.addTimer(after: pause) { [unowned self] in spawn() }
        setState(backoff.isOpen ? .failing : .starting, reason: reason)
        guard backoff.isOpen else { return }
        let seconds = secondsToRestart
        log(
            .error,
            "failed \(Quantity.text(backoff.failures, "time")) in a row; next try in \(seconds) s")
        if module.facts.state == .failing {
            module.failWaiting(.failing(module: name, lastEnd, retryAfter: seconds))
        }
    }

    /// Whole seconds until the next child is started.
    var secondsToRestart: Int {
        guard let restartTimer, let deadline = loop.deadline(of: restartTimer) else { return 1 }
        return deadline > loop.now ? Int(clamping: (deadline - loop.now) / 1_000_000_000) + 1 : 1
    }

    private func setState(_ state: ModuleState, reason: String?) {
        self.state = state
        self.reason = reason
        module.seatHasChanged()
    }

    private var termination: ChildTermination {
        ChildTermination(grace: .seconds(1), killAfter: settings.child.stopTimeout)
    }

    /// Ends the child for good.
    func stop() {
        takesCalls = false
        disarm(&restartTimer)
        child?.terminate(termination)
    }

    /// Ends the child at once.
    func kill() { child?.terminate(.immediate) }

    /// One of the child's streams has ended: if it does not end itself soon, it can no longer be
    /// talked to, is ended, and the next one started.
    func mayBeDeaf(_ what: String) {
        guard let suspect = child else { return }
        loop.addTimer(after: Self.deafness) { [weak self] in
            guard let self, child === suspect else { return }
            end(what)
        }
    }

    // MARK: Silence

    /// A call of the child's was given up because it had taken as long as it may.
    func missedDeadline() {
        missedDeadlines = min(missedDeadlines + 1, settings.silence.deadlines)
        guard !isUnresponsive, state == .ready, missedDeadlines == settings.silence.deadlines else {
            return
        }
        let count = missedDeadlines
        let calls = count == 1 ? "a call" : "the last \(count) calls"
        guard settings.silence.action == .keep else {
            end("answered nothing while \(calls) ran into the deadline")
            return
        }
        isUnresponsive = true
        log(.error, "has answered nothing while \(calls) ran into the deadline")
        setState(state, reason: "it answers no call in time")
    }

    /// The child has answered a call after all, be it one that nobody waits for any more.
    func answersAgain() {
        missedDeadlines = 0
        guard isUnresponsive else { return }
        isUnresponsive = false
        log(.info, "answers again")
        setState(state, reason: nil)
    }

    // MARK: News of the child

    /// Logs a line that the child wrote to stderr, and keeps it for error answers.
    func wroteError(_ line: UnsafeRawBufferPointer) {
        tail.append(line)
        log(.info, "stderr: " + String(decoding: line, as: UTF8.self))
        pending.forEach { $0.observer?.output?(line) }
    }

    /// The child answered something: it works.
    @inline(__always)
    func noteSuccess() {
        guard backoff.failures > 0 else { return }
        backoff.succeeded()
        module.seatHasChanged()
    }
}
