// ModuleTable: the modules as one loop sees them: facts of all, back ends of those it owns.
//
// A module with a child has one owner, so that its answers and its order are in one place; calls
// from other loops travel by mailbox and come back the same way. Modules without state of their own
// have a back end on every loop.

internal import Bytes
internal import JSON
internal import Notifier

/// One command, by reference: a request then retains one object instead of each of its fields.
final class CommandRecord {
    /// What is known of the command.
    let facts: CommandFacts

    /// The JSON Schema type of each parameter that has a single one, for values from queries.
    let queryKinds: [String: String]

    init(_ facts: CommandFacts) {
        self.facts = facts
        let schema = facts.params.flatMap { text in
            text.withUnsafeBytes { try? JSONValue.parse($0) }
        }
        var kinds: [String: String] = [:]
        for member in schema?["properties"]?.object?.members ?? [] {
            kinds[member.key] = member.value["type"]?.string
        }
        queryKinds = kinds
    }
}

/// The modules of the gateway, on one loop.
///
/// Loop-confined.
final class ModuleTable {
    /// What is known of each module.
    @exclusivity(unchecked) private(set) var facts: [ModuleFacts]

    /// Number of changes to `facts`, for whoever caches what was made of them.
    @exclusivity(unchecked) private(set) var revision = 0

    @exclusivity(unchecked) private var names: NameTable
    @exclusivity(unchecked) private var commands: [NameTable]
    @exclusivity(unchecked) private var records: [[CommandRecord]]
    @exclusivity(unchecked) private var paths = NameTable([])
    @exclusivity(unchecked) private var places: [CommandPlace] = []
    private let basePath: String
    @exclusivity(unchecked) private var backends: [(any ModuleBackend)?]
    /// The back ends of upstream modules, which take calls as they come from HTTP.
    @exclusivity(unchecked) var upstreams: [UpstreamModule?]
    @exclusivity(unchecked) private var owners: [LoopAddress?]
    @exclusivity(unchecked) private var remoteCalls: [RemoteCall: CallTicket] = [:]
    @exclusivity(unchecked) private var nextRemote: UInt64 = 0
    @exclusivity(unchecked) private var waiters: [Int: [(number: UInt64, action: () -> Void)]] = [:]
    @exclusivity(unchecked) private var nextWaiter: UInt64 = 0

    /// Requests that may wait for one module to say what it has.
    static let waiterLimit = 1_000
    private let loop: EventLoop

    /// Names a call that another loop has made.
    struct RemoteCall: Hashable, Sendable {
        let loop: Int
        let number: UInt64
    }

    /// Makes the table of `facts`; back ends and owners follow.
    init(_ facts: [ModuleFacts], loop: EventLoop, basePath: String = "") {
        self.facts = facts
        self.loop = loop
        self.basePath = basePath
        names = NameTable(facts.map(\.name))
        commands = facts.map { NameTable($0.commands.map(\.name)) }
        records = facts.map { $0.commands.map(CommandRecord.init) }
        backends = facts.map { _ in nil }
        upstreams = facts.map { _ in nil }
        owners = facts.map { _ in nil }
        collectPaths()
    }

    /// A command that a module is known to have, by the path of its URL.
    struct CommandPlace {
        let module: Int
        let command: CommandRecord
        /// Where the command's name begins in the path.
        let nameStart: Int
        /// What a GET is answered with, if it is the same every time.
        let fixedAnswer: UnsafeRawBufferPointer?
        // SAFETY: holds the bytes of `fixedAnswer`.
        let payload: Payload?
    }

    /// Notes the path of every known command, so that most calls are found by one comparison.
    private func collectPaths() {
        var names: [String] = []
        places = []
        for (module, commands) in records.enumerated() {
            let prefix = "\(basePath)/v1/modules/\(facts[module].name)/"
            for command in commands {
                names.append(prefix + command.facts.name)
                let reply = command.facts.isSafe ? command.facts.fixedReply : nil
                let payload = reply.map { Payload($0) }
                places.append(
                    CommandPlace(
                        module: module, command: command, nameStart: prefix.utf8.count,
                        fixedAnswer: payload?.bytes, payload: payload))
            }
        }
        paths = NameTable(names)
    }

    /// The number of the command whose URL has `path`.
    @inline(__always)
    func findPlace(_ path: UnsafeRawBufferPointer) -> Int? { paths.find(path) }

    /// What a GET of the command of that number is answered with, if it is the same every time.
    @inline(__always)
    func fixedAnswer(_ number: Int) -> UnsafeRawBufferPointer? {
        number >= 0 ? places[number].fixedAnswer : nil
    }

    /// The command of that number.
    @inline(__always)
    func place(_ number: Int) -> CommandPlace { places[number] }

    /// Gives module `index` its back end on this loop.
    func own(_ index: Int, _ backend: any ModuleBackend) { backends[index] = backend }

    /// Says which other loop has the back end of module `index`.
    func borrow(_ index: Int, from owner: LoopAddress) { owners[index] = owner }

    /// The back ends of this loop.
    var owned: [any ModuleBackend] { backends.compactMap { $0 } }

    /// The index of the module `name`.
    @inline(__always)
    func find(_ name: UnsafeRawBufferPointer) -> Int? { names.find(name) }

    /// The index of command `name` in module `module`.
    @inline(__always)
    func findCommand(_ name: UnsafeRawBufferPointer, in module: Int) -> Int? {
        commands[module].find(name)
    }

    /// Command `index` of module `module`.
    @inline(__always)
    func command(_ index: Int, of module: Int) -> CommandRecord { records[module][index] }

    /// Replaces what is known of module `index`.
    func update(_ index: Int, _ fresh: ModuleFacts) {
        facts[index] = fresh
        commands[index] = NameTable(fresh.commands.map(\.name))
        records[index] = fresh.commands.map(CommandRecord.init)
        collectPaths()
        revision += 1
        // A reason to be starting is a start that has failed.
        let hasFailed =
            fresh.state == .failing || fresh.state == .stopped
            || (fresh.state == .starting && fresh.reason != nil)
        if !isUnknown(index) || hasFailed {
            let actions = waiters.removeValue(forKey: index) ?? []
            for waiter in actions { waiter.action() }
        }
    }

    /// Names somebody who waits for a module.
    struct WaiterToken {
        fileprivate let module: Int
        fileprivate let number: UInt64
    }

    /// Starts module `index` and calls `action` when it has said which commands it has, or when it
    /// has failed to start.
    ///
    /// - Returns: nil if too many wait already; `action` is not called then.
    func whenKnown(_ index: Int, _ action: @escaping () -> Void) -> WaiterToken? {
        guard waiters[index, default: []].count < Self.waiterLimit else { return nil }
        nextWaiter &+= 1
        waiters[index, default: []].append((nextWaiter, action))
        let token = WaiterToken(module: index, number: nextWaiter)
        wake(index)
        return token
    }

    /// Waits no longer.
    func forget(_ token: WaiterToken) {
        waiters[token.module]?.removeAll { $0.number == token.number }
    }

    /// Whether module `index` has not yet said which commands it has.
    func isUnknown(_ index: Int) -> Bool {
        facts[index].commands.isEmpty && !facts[index].acceptsAnyCommand
    }

    /// Whether module `index` may take a command that is not listed.
    func mayTake(_ command: UnsafeRawBufferPointer, _ index: Int) -> Bool {
        CommandName.isValid(command) && !CommandName.isReserved(command)
            && (facts[index].acceptsAnyCommand || isUnknown(index))
    }

    /// Whether module `index` gets a context object with each call.
    func wantsContext(_ index: Int) -> Bool { facts[index].wantsContext }

    /// What names the session of a call of module `index`, if it has a child for each.
    func sessionSource(_ index: Int) -> SessionSource? { facts[index].sessionSource }

    /// Starts module `index` if it is not running.
    func wake(_ index: Int) {
        if let backend = backends[index] {
            backend.wake()
        } else {
            owners[index]?.post { $0.modules.wake(index) }
        }
    }

    // MARK: Counters

    /// What module `index` has counted, if this loop has it.
    func counters(_ index: Int) -> ModuleCounters? { backends[index]?.counters }

    /// Calls `action` with what module `index` has counted, now or when its loop has said it.
    func withCounters(
        _ index: Int, from home: LoopAddress, _ action: @escaping (ModuleCounters) -> Void
    ) {
        guard backends[index] == nil, let owner = owners[index] else {
            action(counters(index) ?? ModuleCounters())
            return
        }
        let waiting = LoopBound(action, loop.handle)
        owner.post { there in
            let counters = there.modules.counters(index) ?? ModuleCounters()
            home.post { _ in waiting.value(counters) }
        }
    }

    // MARK: Calls

    /// Lets module `index` answer `call`.
    func call(_ index: Int, _ call: ModuleCall, _ ticket: CallTicket, from home: LoopAddress) {
        if let backend = backends[index] {
            backend.call(call, ticket)
        } else if let owner = owners[index] {
            forward(index, call, ticket, to: owner, from: home)
        } else {
            ticket.fail(.notStarted(module: facts[index].name, reason: "it has no loop"))
        }
    }

    private func forward(
        _ index: Int, _ call: ModuleCall, _ ticket: CallTicket, to owner: LoopAddress,
        from home: LoopAddress
    ) {
        nextRemote &+= 1
        let key = RemoteCall(loop: home.index, number: nextRemote)
        let command = Payload(call.command)
        let params = Payload(call.params)
        let context = Payload(call.context)
        let session = Payload(call.session)
        let waiting = LoopBound(ticket, loop.handle)
        let observer = ticket.observer.map { RemoteObserver($0, home: home, loop: loop) }
        ticket.onCancel { [unowned ticket] in
            let isOverdue = ticket.isOverdue
            owner.post { $0.modules.cancelRemote(key, isOverdue: isOverdue) }
        }
        owner.post { there in
            there.modules.answerRemote(
                key, index,
                ModuleCall(
                    command: command.bytes, params: params.bytes, context: context.bytes,
                    session: session.bytes),
                observer?.proxy(on: there.address, there.loop)
            ) { outcome in
                switch outcome {
                case .result(let bytes):
                    let copy = Payload(bytes)
                    home.post { _ in waiting.value.finish(.result(copy.bytes)) }
                case .failure(let error):
                    home.post { _ in waiting.value.fail(error) }
                }
            }
        }
    }

    private func answerRemote(
        _ key: RemoteCall, _ index: Int, _ call: ModuleCall, _ observer: CallObserver?,
        _ completion: @escaping (CallOutcome) -> Void
    ) {
        let ticket = CallTicket(observer: observer) { [unowned self] outcome in
            remoteCalls[key] = nil
            completion(outcome)
        }
        remoteCalls[key] = ticket
        guard let backend = backends[index] else {
            ticket.fail(.notStarted(module: facts[index].name, reason: "it has no loop"))
            return
        }
        backend.call(call, ticket)
    }

    private func cancelRemote(_ key: RemoteCall, isOverdue: Bool) {
        remoteCalls.removeValue(forKey: key)?.cancel(isOverdue: isOverdue)
    }
}
