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
    public typealias Job = @Sendable (EventLoop) -> Void

    private struct Mailbox {
        var jobs: [Job] = []
        var isClosed = false
    }

    private let mailbox = Guarded(Mailbox())
    private let hasMail = Atomic<Bool>(false)
    private let thread = Atomic<UInt>(0)
    private let wakeDescriptor: Int32

    /// Opens the wake-up descriptor.
    init() throws(SystemError) {
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
    /// - Returns: false if the loop has ended; the job is then dropped.
    @discardableResult
    public func post(_ job: @escaping Job) -> Bool {
        let (accepted, isFirst) = mailbox.withLock { box in
            if box.isClosed { return (false, false) }
            box.jobs.append(job)
            return (true, box.jobs.count == 1)
        }
        if isFirst {
            hasMail.store(true, ordering: .releasing)
            if !isOnLoop { wake() }
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
    func takeMail() -> [Job] {
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

    /// Refuses further mail and returns what was left.
    func close() -> [Job] {
        mailbox.withLock { box in
            box.isClosed = true
            let jobs = box.jobs
            box.jobs = []
            return jobs
        }
    }

    private func close(_ number: Int32) { _ = Glibc.close(number) }
}
