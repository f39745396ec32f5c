// Job: one call that goes on without its caller: how it is getting on, and what came of it.

internal import Bytes
internal import JSON
internal import Notifier

/// One call without a waiting caller.
///
/// Loop-confined, on the control loop.
final class Job {
    /// How far it is.
    enum State: String {
        /// The module has it.
        case running
        /// There is a result.
        case done
        /// There is an error.
        case failed
        /// Somebody has called it off.
        case cancelled
    }

    /// Lines of output kept: enough for the end of a traceback.
    static let tailLimit = 20

    /// Bytes kept of each.
    static let lineLimit = 512

    /// Its name in URLs: random, because who knows it may read the result.
    let id: String
    /// The module's name.
    let module: String
    /// The command's name.
    let command: String
    /// When it began, in nanoseconds since 1970.
    let startWallNanos: Int64

    fileprivate(set) var state = State.running
    fileprivate(set) var endWallNanos: Int64?
    fileprivate(set) var result: [UInt8] = []
    fileprivate(set) var error: ModuleError?
    fileprivate(set) var progress: [UInt8] = []
    fileprivate(set) var progressCount = 0
    fileprivate(set) var tail: [String] = []
    fileprivate var ticket: CallTicket?
    fileprivate var expiry: TimerToken?

    fileprivate init(id: String, module: String, command: String, startWallNanos: Int64) {
        self.id = id
        self.module = module
        self.command = command
        self.startWallNanos = startWallNanos
    }

    /// Bytes kept for it.
    fileprivate var byteCount: Int { result.count + progress.count }

    /// Whether its call is over.
    var hasEnded: Bool { state != .running }

    /// Writes it as the API shows it; in lists without what may be large.
    func write(_ json: inout JSONWriter, isListed: Bool = false) {
        json.beginObject()
        json.key("id")
        json.string(id)
        json.key("module")
        json.string(module)
        json.key("command")
        json.string(command)
        json.key("state")
        json.string(state.rawValue)
        json.key("started")
        json.string(Timestamp.text(startWallNanos))
        json.key("ended")
        if let endWallNanos { json.string(Timestamp.text(endWallNanos)) } else { json.null() }
        if !isListed { writeContent(&json) }
        json.endObject()
    }

    private func writeContent(_ json: inout JSONWriter) {
        json.key("progress")
        if progress.isEmpty { json.null() } else { progress.withUnsafeBytes { json.raw($0) } }
        json.key("progress_count")
        json.int(progressCount)
        json.key("output")
        json.beginArray()
        for line in tail { json.string(line) }
        json.endArray()
        if state == .done {
            json.key("result")
            result.withUnsafeBytes { json.raw($0) }
        }
        if let error {
            json.key("error")
            Problem.write(error, &json)
        }
    }
}

/// The jobs of the process.
///
/// Loop-confined, on the control loop.
final class JobTable {
    /// Called when a job has begun or ended.
    var onChange: (Job) -> Void = { _ in }

    private let loop: EventLoop
    private let settings: Settings.Jobs
    private var jobs: [String: Job] = [:]
    private var order: [String] = []
    private(set) var byteCount = 0

    /// Makes an empty table with the bounds of `settings`.
    init(loop: EventLoop, _ settings: Settings.Jobs) {
        self.loop = loop
        self.settings = settings
    }

    /// Whether no more are taken.
    var isFull: Bool { jobs.count >= settings.count }

    /// Number of jobs that have not ended.
    var runningCount: Int { jobs.values.count { !$0.hasEnded } }

    /// Number of jobs, running or kept.
    var count: Int { jobs.count }

    /// All jobs, oldest first.
    var all: [Job] { order.compactMap { jobs[$0] } }

    /// The job with that id.
    func find(_ id: String) -> Job? { jobs[id] }

    /// Adds a job and begins its call by `start`, which gets its observer and completion.
    ///
    /// - Returns: the job; or, if its call failed at once, why: it is not kept then.
    func add(
        id: String, module: String, command: String,
        _ start: (CallObserver, @escaping (CallOutcome) -> Void) -> CallTicket
    ) -> Result<Job, ModuleError> {
        let job = Job(
            id: id, module: module, command: command, startWallNanos: loop.clock.wallNanos())
        let observer = CallObserver(
            // What another loop has sent may come when the job has been forgotten.
            progress: { [unowned self, weak job] value, dropped in
                if let job { progressed(job, value, dropped) }
            },
            output: { [weak job] line in if let job { Self.keep(line, job) } })
        var failure: ModuleError?
        var isStarting = true
        let ticket = start(observer) { [unowned self] outcome in
            if isStarting, case .failure(let error) = outcome {
                failure = error
                return
            }
            finish(job, outcome)
        }
        isStarting = false
        if let failure { return .failure(failure) }
        jobs[id] = job
        order.append(id)
        byteCount += job.byteCount
        if ticket.isOpen { job.ticket = ticket }
        if job.hasEnded {
            expireLater(job)
        } else {
            onChange(job)
        }
        return .success(job)
    }

    /// Calls a running job off; forgets one that has ended.
    func delete(_ job: Job) {
        guard !job.hasEnded else {
            forget(job)
            return
        }
        let ticket = job.ticket
        end(job, .cancelled)
        ticket?.cancel()
    }

    // MARK: News of a job

    private static func keep(_ line: UnsafeRawBufferPointer, _ job: Job) {
        if job.tail.count == Job.tailLimit { job.tail.removeFirst() }
        job.tail.append(String(decoding: line.prefix(Job.lineLimit), as: UTF8.self))
    }

    private func progressed(_ job: Job, _ value: UnsafeRawBufferPointer, _ dropped: Int) {
        guard !job.hasEnded else { return }
        job.progressCount += 1 + dropped
        guard byteCount - job.progress.count + value.count <= settings.size else { return }
        let before = job.byteCount
        job.progress = Array(value)
        if jobs[job.id] === job { byteCount += job.byteCount - before }
    }

    private func finish(_ job: Job, _ outcome: CallOutcome) {
        guard !job.hasEnded else { return }
        switch outcome {
        case .result(let json):
            guard byteCount + json.count <= settings.size else {
                job.error = .nonsense(
                    module: job.module,
                    reason: "its result is too large to keep beside those of other jobs")
                end(job, .failed)
                return
            }
            job.result = Array(json)
            if jobs[job.id] === job { byteCount += json.count }
            end(job, .done)
        case .failure(let error):
            job.error = error
            end(job, .failed)
        }
    }

    private func end(_ job: Job, _ state: Job.State) {
        job.state = state
        job.ticket = nil
        job.endWallNanos = loop.clock.wallNanos()
        if jobs[job.id] === job { expireLater(job) }
        onChange(job)
    }

    private func expireLater(_ job: Job) {
        job.expiry = loop.addTimer(after: settings.keep) { [unowned self, unowned job] in
            job.expiry = nil
            forget(job)
        }
    }

    private func forget(_ job: Job) {
        if let expiry = job.expiry { loop.removeTimer(expiry) }
        job.expiry = nil
        guard jobs.removeValue(forKey: job.id) != nil else { return }
        order.removeAll { $0 == job.id }
        byteCount -= job.byteCount
    }
}
