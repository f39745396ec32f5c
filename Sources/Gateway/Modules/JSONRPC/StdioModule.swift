// StdioModule: a long-lived child that speaks JSON-RPC 2.0, one message per line. Here: its life.
// What is said is in StdioModule+Messages.swift.
//
//     stopped → starting → ready ⇄ (exit) → starting …        after a pause that grows
//                                     └→ failing              too many failures in a row
//
// Calls wait while it starts. A child that ends takes the calls it had with it, each with the
// reason; those still waiting go to the next child.

internal import Bytes
internal import JSON
internal import Notifier

/// The back end of a module that is a child process.
///
/// Loop-confined.
final class StdioModule: ModuleBackend {
    /// A call that waits for the child.
    struct WaitingCall {
        let command: Payload
        let params: Payload
        let context: Payload
        let ticket: CallTicket
        let expiry: TimerToken
    }

    /// Bytes that may wait in the pipe to a child that does not read, before calls are refused.
    static let inputLimit = 4 << 20

    /// Faults of one child that are logged.
    static let complaintLimit = 10

    /// Time between the end of a child's stream and its own end, when it simply ends.
    static let deafness = Duration.milliseconds(200)

    /// A child that lived this long without trouble has recovered.
    static let recovery = Duration.seconds(10)

    let name: String
    let settings: Settings.ProcessModule
    let surroundings: ModuleSurroundings
    let signalFilter: SignalFilter
    /// The commands are listed by the configuration; otherwise each child is asked.
    private let commandsAreListed: Bool
    private let callLimit: Int
    var loop: EventLoop { surroundings.loop }

    @exclusivity(unchecked) var facts: ModuleFacts
    @exclusivity(unchecked) var child: Child?
    @exclusivity(unchecked) var pending = PendingCalls()
    @exclusivity(unchecked) var counters = Counters()
    /// What was logged about the present child's faults.
    @exclusivity(unchecked) var complaints = 0
    @exclusivity(unchecked) private var waiting: [WaitingCall] = []
    @exclusivity(unchecked) private var backoff: Backoff
    @exclusivity(unchecked) private var tail = StderrTail()
    @exclusivity(unchecked) private var startTimer: TimerToken?
    @exclusivity(unchecked) private var restartTimer: TimerToken?
    @exclusivity(unchecked) private var idleTimer: TimerToken?
    @exclusivity(unchecked) private var startedNanos: UInt64 = 0
    @exclusivity(unchecked) private var lastEnd = ModuleError.ChildEnd(lastLines: [])
    @exclusivity(unchecked) private var isStopping = false
    @exclusivity(unchecked) private var onStopped: (() -> Void)?

    /// What a child did that it should not.
    struct Counters {
        var unknownAnswers: UInt64 = 0
        var malformedLines: UInt64 = 0
        var overlongLines: UInt64 = 0
        var refusedSignals: UInt64 = 0
    }

    /// Makes the back end of module `facts.name`.
    init(
        _ facts: ModuleFacts, _ settings: Settings.ProcessModule, signals: [String],
        _ surroundings: ModuleSurroundings
    ) {
        name = facts.name
        self.facts = facts
        self.settings = settings
        self.surroundings = surroundings
        commandsAreListed = !facts.commands.isEmpty
        callLimit = min(settings.child.callsInFlight, PendingCalls.slotLimit)
        signalFilter = SignalFilter(signals.compactMap { SignalPattern($0) })
        backoff = Backoff(
            first: settings.restart.delay, limit: settings.restart.maxDelay,
            breakerFailures: settings.restart.failures)
    }

    // MARK: Calls

    func call(_ call: ModuleCall, _ ticket: CallTicket) {
        guard !isStopping else {
            ticket.fail(.draining)
            return
        }
        if facts.state == .ready, waiting.isEmpty, pending.count < callLimit {
            send(call, ticket)
            return
        }
        if facts.state == .failing {
            ticket.fail(.failing(module: name, lastEnd, retryAfter: secondsToRestart))
            return
        }
        guard waiting.count < settings.child.queue else {
            ticket.fail(.overloaded(module: name))
            return
        }
        wait(call, ticket)
        if facts.state == .stopped { spawn() }
    }

    private func wait(_ call: ModuleCall, _ ticket: CallTicket) {
        let expiry = loop.addTimer(after: settings.child.queueTimeout) { [unowned self] in
            waiting.removeAll { $0.ticket === ticket }
            ticket.fail(.overloaded(module: name))
        }
        waiting.append(
            WaitingCall(
                command: Payload(call.command), params: Payload(call.params),
                context: Payload(call.context), ticket: ticket, expiry: expiry))
        ticket.onCancel { [unowned self] in
            waiting.removeAll { $0.ticket === ticket }
            loop.removeTimer(expiry)
        }
    }

    /// Sends waiting calls as far as the child may have more.
    func sendWaiting() {
        while facts.state == .ready, !waiting.isEmpty,
            pending.count < callLimit
        {
            let next = waiting.removeFirst()
            loop.removeTimer(next.expiry)
            guard next.ticket.isOpen else { continue }
            send(
                ModuleCall(
                    command: next.command.bytes, params: next.params.bytes,
                    context: next.context.bytes),
                next.ticket)
        }
        if waiting.isEmpty, pending.count == 0 { becameIdle() }
    }

    private func becameIdle() {
        guard let limit = settings.idleTimeout, idleTimer == nil, facts.state == .ready else {
            return
        }
        idleTimer = loop.addTimer(after: limit) { [unowned self] in
            idleTimer = nil
            guard pending.count == 0, waiting.isEmpty, let child else { return }
            surroundings.log(.info, "stopping after \(limit) without a call")
            setState(.stopped, reason: "idle")
            child.terminate(termination)
        }
    }

    func becameBusy() {
        if let timer = idleTimer { loop.removeTimer(timer) }
        idleTimer = nil
    }

    // MARK: Start

    func start() {
        if settings.start == .eager { wake() }
    }

    func wake() {
        if facts.state == .stopped { spawn() }
    }

    private func spawn() {
        guard child == nil, !isStopping else { return }
        restartTimer = nil
        tail.removeAll()
        complaints = 0
        setState(.starting, reason: nil)
        var command = ChildCommand(
            settings.command, environment: settings.child.resolvedEnvironment,
            directory: settings.child.directory)
        command.output = .lines(maxLength: settings.lineSize)
        command.error = .lines(maxLength: 16 << 10)
        do throws(SystemError) {
            let fresh = try Child.spawn(command, on: loop)
            fresh.events = events(of: fresh)
            child = fresh
            startedNanos = loop.now
            facts.pid = Int(fresh.pid)
            surroundings.log(.debug, "started with pid \(fresh.pid)")
            introduce(fresh)
        } catch {
            notStarted("\(error)")
        }
    }

    /// Asks the child for its commands if nobody has listed them.
    private func introduce(_ fresh: Child) {
        guard !commandsAreListed else {
            becameReady()
            return
        }
        startTimer = loop.addTimer(after: settings.startTimeout) { [unowned self] in
            startTimer = nil
            surroundings.log(.error, "did not answer rpc.discover in \(settings.startTimeout)")
            child?.terminate(.immediate)
        }
        discover { [unowned self] commands in
            if let timer = startTimer { loop.removeTimer(timer) }
            startTimer = nil
            facts.commands = commands
            facts.acceptsAnyCommand = commands.isEmpty
            becameReady()
        }
    }

    private func becameReady() {
        setState(.ready, reason: nil)
        sendWaiting()
    }

    private func notStarted(_ reason: String) {
        surroundings.log(.error, "cannot be started: \(reason)")
        lastEnd = ModuleError.ChildEnd(lastLines: [reason])
        let error = ModuleError.notStarted(module: name, reason: reason)
        scheduleRestart(reason: reason)
        failWaiting(error)
    }

    // MARK: End

    /// The child has ended; its output has been delivered.
    func ended(_ exit: ChildExit) {
        child = nil
        facts.pid = nil
        if let timer = startTimer { loop.removeTimer(timer) }
        startTimer = nil
        becameBusy()
        switch exit {
        case .exited(let code):
            lastEnd = .init(exitCode: Int(code), signal: nil, lastLines: tail.lines)
        case .signalled(let number, _):
            lastEnd = .init(exitCode: nil, signal: Int(number), lastLines: tail.lines)
        case .unknown:
            lastEnd = .init(isUnknown: true, lastLines: tail.lines)
        }
        let wasExpected = isStopping || facts.state == .stopped
        for ticket in pending.removeAll() {
            ticket.fail(.exited(module: name, lastEnd))
        }
        if wasExpected {
            surroundings.log(.debug, "\(lastEnd.sentence)")
            setState(.stopped, reason: facts.reason)
            if let onStopped { finishStopping(onStopped) }
            if !waiting.isEmpty, !isStopping { spawn() }
            return
        }
        surroundings.log(.warning, "\(lastEnd.sentence) unexpectedly")
        if loop.now &- startedNanos > UInt64(Self.recovery.nanoseconds) { backoff.succeeded() }
        facts.restarts += 1
        scheduleRestart(reason: lastEnd.sentence)
    }

    private func scheduleRestart(reason: String) {
        let pause = backoff.failed(random: Double.random(in: 0..<1))
        setState(backoff.isOpen ? .failing : .starting, reason: reason)
        restartTimer = loop.addTimer(after: pause) { [unowned self] in spawn() }
        if backoff.isOpen {
            let seconds = secondsToRestart
            surroundings.log(
                .error, "failed \(backoff.failures) times in a row; next try in \(seconds) s")
            failWaiting(.failing(module: name, lastEnd, retryAfter: seconds))
        }
    }

    private var secondsToRestart: Int {
        guard let restartTimer, let deadline = loop.deadline(of: restartTimer) else { return 1 }
        return deadline > loop.now ? Int(clamping: (deadline - loop.now) / 1_000_000_000) + 1 : 1
    }

    private func failWaiting(_ error: ModuleError) {
        let calls = waiting
        waiting = []
        for call in calls {
            loop.removeTimer(call.expiry)
            call.ticket.fail(error)
        }
    }

    private func setState(_ state: ModuleState, reason: String?) {
        facts.state = state
        facts.reason = reason
        surroundings.publish(facts)
    }

    private func finishStopping(_ done: () -> Void) {
        onStopped = nil
        done()
    }

    var termination: ChildTermination {
        ChildTermination(grace: .seconds(1), killAfter: settings.child.stopTimeout)
    }

    func stop(_ done: @escaping () -> Void) {
        isStopping = true
        if let timer = restartTimer { loop.removeTimer(timer) }
        failWaiting(.draining)
        guard let child else {
            done()
            return
        }
        onStopped = done
        child.terminate(termination)
    }

    /// One of the child's streams has ended: if it does not end itself soon, it can no longer be
    /// talked to, is ended, and the next one started.
    func mayBeDeaf(_ what: String) {
        guard let suspect = child else { return }
        loop.addTimer(after: Self.deafness) { [weak self] in
            guard let self, child === suspect, suspect.isRunning, !isStopping,
                facts.state != .stopped
            else { return }
            surroundings.log(.error, "\(what) while it runs; ending it")
            suspect.terminate(.immediate)
        }
    }

    func kill() { child?.terminate(.immediate) }

    // MARK: stderr

    /// Logs a line that the child wrote to stderr, and keeps it for error answers.
    func wroteError(_ line: UnsafeRawBufferPointer) {
        tail.append(line)
        surroundings.log(.info, "stderr: " + String(decoding: line, as: UTF8.self))
    }

    /// The child answered something: it works.
    func noteSuccess() {
        if backoff.failures > 0 { backoff.succeeded() }
    }
}
