// SessionModule: a module with a child for each session, so that what one caller's child remembers
// no other caller meets. Each session has a StdioModule of its own; here is who has which, how many
// there may be, and when one ends.

internal import Bytes
internal import Notifier

/// The back end of a module with a child for each session.
///
/// Loop-confined.
final class SessionModule: ModuleBackend {
    /// One session's child, and its calls.
    private final class Session {
        let module: StdioModule
        var openCalls = 0
        var idleTimer: TimerToken?

        init(_ module: StdioModule) { self.module = module }
    }

    private let settings: Settings.ProcessModule
    private let bounds: Settings.ProcessModule.PerSession
    private let signals: [String]
    private let commands: [Settings.Command]
    private let surroundings: ModuleSurroundings
    private let plainFacts: ModuleFacts
    private var facts: ModuleFacts
    private var sessions: [[UInt8]: Session] = [:]
    private var leaving: [ObjectIdentifier: Session] = [:]
    private var goneCounters = ModuleCounters()
    private var refusedCalls: UInt64 = 0
    private var isStopping = false
    private var onStopped: (() -> Void)?

    /// Makes the back end of module `facts.name`, without any child.
    init(
        _ facts: ModuleFacts, _ settings: Settings.ProcessModule,
        _ bounds: Settings.ProcessModule.PerSession, signals: [String],
        commands: [Settings.Command], _ surroundings: ModuleSurroundings
    ) {
        self.facts = facts
        plainFacts = facts
        self.settings = settings
        self.bounds = bounds
        self.signals = signals
        self.commands = commands
        self.surroundings = surroundings
    }

    /// Number of sessions with a child.
    var sessionCount: Int { sessions.count }

    var counters: ModuleCounters {
        var sum = goneCounters
        sum.calls &+= refusedCalls
        for session in sessions.values { sum.add(session.module.counters) }
        for session in leaving.values { sum.add(session.module.counters) }
        return sum
    }

    // MARK: Calls

    func call(_ call: ModuleCall, _ ticket: CallTicket) {
        guard !isStopping else {
            ticket.fail(.draining)
            return
        }
        guard let session = session(Array(call.session)) else {
            refusedCalls &+= 1
            ticket.fail(.tooManySessions(module: facts.name, limit: bounds.limit))
            return
        }
        session.openCalls += 1
        if let timer = session.idleTimer { surroundings.loop.removeTimer(timer) }
        session.idleTimer = nil
        let key = Array(call.session)
        ticket.onFinish { [unowned self] in
            session.openCalls -= 1
            if session.openCalls == 0 { expireLater(session, key) }
        }
        session.module.call(call, ticket)
    }

    private func session(_ key: [UInt8]) -> Session? {
        if let known = sessions[key] { return known }
        // Those that are leaving still are processes.
        guard sessions.count + leaving.count < bounds.limit else { return nil }
        var around = surroundings
        around.publish = { [unowned self] in heard($0) }
        var own = settings
        own.sharing = .pool(1)
        // The session as a whole expires; its child need not by itself.
        own.idleTimeout = nil
        let session = Session(
            StdioModule(plainFacts, own, signals: signals, commands: commands, around))
        sessions[key] = session
        return session
    }

    private func expireLater(_ session: Session, _ key: [UInt8]) {
        guard !isStopping, sessions[key] === session, session.idleTimer == nil else { return }
        session.idleTimer = surroundings.loop.addTimer(after: bounds.idleTimeout) {
            [unowned self] in
            session.idleTimer = nil
            guard session.openCalls == 0, sessions[key] === session else { return }
            sessions[key] = nil
            leave(session)
        }
    }

    private func leave(_ session: Session) {
        let place = ObjectIdentifier(session)
        leaving[place] = session
        session.module.stop { [unowned self] in
            leaving[place] = nil
            goneCounters.add(session.module.counters)
            publish()
            finishStopping()
        }
    }

    // MARK: Life

    /// Starts a child of nobody's, to learn which commands there are.
    func wake() {
        guard sessions.isEmpty, !isStopping, let session = session([]) else { return }
        session.module.wake()
        expireLater(session, [])
    }

    func stop(_ done: @escaping () -> Void) {
        isStopping = true
        onStopped = done
        let present = sessions.values
        sessions = [:]
        for session in present {
            if let timer = session.idleTimer { surroundings.loop.removeTimer(timer) }
            leave(session)
        }
        finishStopping()
    }

    private func finishStopping() {
        guard isStopping, leaving.isEmpty, let done = onStopped else { return }
        onStopped = nil
        done()
    }

    func kill() {
        for session in sessions.values { session.module.kill() }
        for session in leaving.values { session.module.kill() }
    }

    // MARK: Facts

    /// A session's child has changed.
    private func heard(_ news: ModuleFacts) {
        if !news.commands.isEmpty || news.acceptsAnyCommand {
            facts.commands = news.commands
            facts.acceptsAnyCommand = news.acceptsAnyCommand
            facts.warnings = news.warnings
        }
        facts.hasSettled = facts.hasSettled || news.hasSettled
        publish()
    }

    /// Children listed in the module's resource at most.
    private static let listedChildren = 100

    private func publish() {
        let all = sessions.values.flatMap(\.module.facts.children)
        facts.adopt(all, limit: Self.listedChildren)
        surroundings.publish(facts)
    }
}
