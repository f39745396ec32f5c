// CallTicket: one call on its way: where the outcome goes, and how it is cancelled. Whoever has the
// ticket finishes it exactly once; later outcomes go nowhere.

/// What came of a call.
enum CallOutcome {
    /// The result: JSON, readable while the completion runs.
    case result(UnsafeRawBufferPointer)
    /// Why there is none.
    case failure(ModuleError)
}

/// One call under way.
///
/// Loop-confined.
final class CallTicket {
    @exclusivity(unchecked) private var completion: ((CallOutcome) -> Void)?
    @exclusivity(unchecked) private var cancellation: (() -> Void)?
    @exclusivity(unchecked) private var conclusion: (() -> Void)?
    @exclusivity(unchecked) private var backendConclusion: (() -> Void)?

    /// Whether nobody waits any longer because the module took longer than its own deadline.
    @exclusivity(unchecked) private(set) var isOverdue = false

    /// Who wants to know how the call is getting on, if anybody does.
    let observer: CallObserver?

    /// Makes a ticket; `completion` gets the outcome, once.
    init(observer: CallObserver? = nil, _ completion: @escaping (CallOutcome) -> Void) {
        self.observer = observer
        self.completion = completion
    }

    /// Whether the outcome is still wanted.
    @inline(__always)
    var isOpen: Bool { completion != nil }

    /// Says what to do when the caller no longer wants the outcome.
    func onCancel(_ action: @escaping () -> Void) {
        cancellation = action
    }

    /// Says what to do when the call is over, however it ends.
    func onConclusion(_ action: @escaping () -> Void) {
        conclusion = action
    }

    /// The same for the back end that has the call.
    func onFinish(_ action: @escaping () -> Void) {
        backendConclusion = action
    }

    /// Delivers the outcome.
    func finish(_ outcome: CallOutcome) {
        guard let completion else { return }
        self.completion = nil
        cancellation = nil
        conclude()
        completion(outcome)
    }

    /// Delivers a failure although the module is still at it, and tells the module.
    ///
    /// - Parameter isOverdue: whether that is the module's fault.
    func giveUp(_ error: ModuleError, isOverdue: Bool) {
        self.isOverdue = isOverdue
        let action = cancellation
        cancellation = nil
        action?()
        fail(error)
    }

    private func conclude() {
        let action = conclusion
        conclusion = nil
        action?()
        guard let last = backendConclusion else { return }
        backendConclusion = nil
        last()
    }

    /// Delivers a failure.
    func fail(_ error: ModuleError) { finish(.failure(error)) }

    /// The outcome is no longer wanted: nobody hears of it, and the module is told.
    ///
    /// - Parameter isOverdue: whether that is the module's fault.
    func cancel(isOverdue: Bool = false) {
        guard completion != nil else { return }
        self.isOverdue = isOverdue
        completion = nil
        let action = cancellation
        cancellation = nil
        conclude()
        action?()
    }
}

/// Hears of a call while it runs.
///
/// Loop-confined. Bytes are readable during the call of a closure only.
final class CallObserver {
    /// A value that the module reported, as JSON, and how many before it were dropped because they
    /// came faster than they could be passed on.
    let progress: (_ value: UnsafeRawBufferPointer, _ dropped: Int) -> Void

    /// A line that the module's program wrote to its standard error while it had the call.
    let output: ((_ line: UnsafeRawBufferPointer) -> Void)?

    init(
        progress: @escaping (_ value: UnsafeRawBufferPointer, _ dropped: Int) -> Void,
        output: ((_ line: UnsafeRawBufferPointer) -> Void)? = nil
    ) {
        self.progress = progress
        self.output = output
    }
}

/// One call as its module gets it.
struct ModuleCall {
    /// The command's name.
    var command: UnsafeRawBufferPointer

    /// The parameters: one JSON value on one line.
    ///
    /// Readable until `call` returns.
    var params: UnsafeRawBufferPointer

    /// The context object to pass along, as JSON, or empty.
    var context: UnsafeRawBufferPointer

    /// Whose child is meant, for a module that has one for each session; empty for nobody's.
    var session = UnsafeRawBufferPointer(start: nil, count: 0)
}

/// What answers the commands of one module on its owning loop.
///
/// Loop-confined.
protocol ModuleBackend: AnyObject {
    /// Answers a call, now or later, by finishing `ticket`.
    func call(_ call: ModuleCall, _ ticket: CallTicket)

    /// Starts what should run before the first call.
    func start()

    /// Starts in any case, as the first call would.
    func wake()

    /// What has been counted since the start.
    var counters: ModuleCounters { get }

    /// Ends what runs at once, whatever it is doing; `stop` has been called or follows.
    func kill()

    /// Ends everything; calls `done` when nothing is left.
    func stop(_ done: @escaping () -> Void)
}

extension ModuleBackend {
    var counters: ModuleCounters { ModuleCounters() }
    func start() {}
    func wake() {}
    func kill() {}
    func stop(_ done: @escaping () -> Void) { done() }
}
