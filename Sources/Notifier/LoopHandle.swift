// LoopHandle: the one face of a loop that any thread may touch. It holds the mailbox (the only
// lock of the house) and the eventfd that ends the loop's sleep.

internal import CLinux
internal import Glibc
internal import Synchronization

/// Posts work to a loop from anywhere.
///
/// Any thread.
public final class LoopHandle: Sendable {
    /// Work that the loop runs in the order it was posted.
    public typealias Job = @Sendable (EventLoop) throws -> Void

    /// A job with the name of the place that posted it.
    struct Letter {
        let job: Job
        let name: CallbackName
    }

    private struct Mailbox {
        var jobs: [Letter] = []
        var isClosed = false
    }

    private let mailbox = Guarded(Mailbox())
    private let hasMail = Atomic<Bool>(false)
    private let thread = Atomic<UInt>(0)
    private let runner = Atomic<UInt>(0)
    private let home = Atomic<UInt>(0)
    private let wakeDescriptor: Int32

    /// What the loop is called in reports.
    public let name: String

    /// What the loop is doing.
    let pulse = LoopPulse()

    /// Opens the wake-up descriptor.
    init(name: String) throws(SystemError) {
        self.name = name
        let number = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard number >= 0 else { throw SystemError("eventfd") }
        wakeDescriptor = number
    }

    deinit { close(wakeDescriptor) }

    /// The eventfd that becomes readable when there is mail.
    var wakeNumber: Int32 { wakeDescriptor }

    /// Whether the caller is on the thread that runs the loop.
    public var isOnLoop: Bool {
        thread.load(ordering: .relaxed) == UInt(pthread_self())
    }

    /// Runs `job` on the loop, after everything posted before it, and wakes the loop if it sleeps.
    ///
    /// - Parameters:
    ///   - name: of the job in reports; by default where it was posted.
    ///   - line: goes with the default of `name`.
    ///   - job: may throw; what then happens is the loop's `failurePolicy`.
    /// - Returns: false if the loop has ended; the job is then dropped.
    @discardableResult
    public func post(
        name: StaticString = #fileID, line: UInt32 = #line, _ job: @escaping Job
    ) -> Bool {
        post(CallbackName(.job, name, line: line), job)
    }

    /// Posts under a name that the caller has from somebody else.
    @discardableResult
    func post(_ name: CallbackName, _ job: @escaping Job) -> Bool {
        let (accepted, isFirst) = mailbox.withLock { box in
            if box.isClosed { return (false, false) }
            box.jobs.append(Letter(job: job, name: name))
            return (true, box.jobs.count == 1)
        }
        if isFirst {
            hasMail.store(true, ordering: .releasing)
            // A loop that is being run looks before it sleeps; one that a host drives is asleep.
            if runner.load(ordering: .relaxed) != UInt(pthread_self()) { wake() }
        }
        return accepted
    }

    /// Ends the loop's sleep.
    public func wake() {
        var one: UInt64 = 1
        // Would-block means that a wake-up is already pending.
        _ = write(wakeDescriptor, &one, 8)
    }

    /// Whether mail waits; a cheap look without the lock.
    @inline(__always)
    var hasPendingMail: Bool { hasMail.load(ordering: .acquiring) }

    /// Takes everything posted so far.
    func takeMail() -> [Letter] {
        hasMail.store(false, ordering: .relaxed)
        return mailbox.withLock { box in
            let jobs = box.jobs
            box.jobs = []
            return jobs
        }
    }

    /// Empties the eventfd.
    func acknowledgeWake() {
        var count: UInt64 = 0
        _ = read(wakeDescriptor, &count, 8)
    }

    /// Declares the calling thread to be the loop's.
    func bindToCurrentThread() {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
    }

    /// Declares that the calling thread runs the loop, or no longer does (0); returns who did.
    func setRunner(_ fresh: UInt) -> UInt {
        let before = runner.load(ordering: .relaxed)
        runner.store(fresh, ordering: .relaxed)
        return before
    }

    /// Says which loop this is the face of; nil when that is no more.
    func setHome(_ loop: EventLoop?) {
        let address = loop.map { UInt(bitPattern: Unmanaged.passUnretained($0).toOpaque()) } ?? 0
        home.store(address, ordering: .relaxed)
    }

    /// The loop itself, for a caller on its thread.
    var loopIfHere: EventLoop? {
        guard isOnLoop,
            let address = UnsafeRawPointer(bitPattern: home.load(ordering: .relaxed))
        else { return nil }
        // SAFETY: the loop is confined to this thread, and clears its address before it goes.
        return Unmanaged<EventLoop>.fromOpaque(address).takeUnretainedValue()
    }

    /// Runs `job` at once if the caller is on the loop's thread, else posts it.
    ///
    /// For what may happen in the middle of any callback, such as the removal of a registration.
    @discardableResult
    func perform(_ name: CallbackName, _ job: @escaping @Sendable (EventLoop) -> Void) -> Bool {
        guard let loop = loopIfHere else { return post(name, job) }
        job(loop)
        return true
    }

    /// Refuses further mail and returns what was left.
    func close() -> [Letter] {
        mailbox.withLock { box in
            box.isClosed = true
            let jobs = box.jobs
            box.jobs = []
            return jobs
        }
    }

    private func close(_ number: Int32) { _ = Glibc.close(number) }
}
