// ProcessSignals: POSIX signals as events of a loop, through signalfd. In-process events are
// Signal.swift.
//
// A signal reaches a signalfd only while it is blocked in every thread, so blocking is the first
// thing a program does: threads inherit the mask of their creator. Children start with an empty
// mask (CLinux).

internal import CLinux
internal import Glibc
internal import Synchronization

/// A POSIX signal.
public struct ProcessSignal: RawRepresentable, Hashable, Sendable {
    /// The signal's number.
    public let rawValue: Int32

    /// Makes a signal from its number.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// SIGTERM: a request to end.
    public static let terminate = ProcessSignal(rawValue: SIGTERM)
    /// SIGINT: ^C on the terminal.
    public static let interrupt = ProcessSignal(rawValue: SIGINT)
    /// SIGHUP: by custom, a request to read the configuration again.
    public static let hangUp = ProcessSignal(rawValue: SIGHUP)
    /// SIGUSR1.
    public static let user1 = ProcessSignal(rawValue: SIGUSR1)
    /// SIGUSR2.
    public static let user2 = ProcessSignal(rawValue: SIGUSR2)
    /// SIGCHLD: a child process changed its state.
    public static let child = ProcessSignal(rawValue: SIGCHLD)
}

/// Delivers POSIX signals to a loop.
///
/// Loop-confined.
public final class ProcessSignals {
    /// How many signals are handled in one turn, as many as there are kinds: a callback that raises
    /// its own signal, or a sender that never rests, shall not keep the loop from its other work.
    private static let turnLimit = 64

    private static let blockedFromStart = Atomic<UInt64>(0)

    private unowned let loop: EventLoop
    private let descriptor: Descriptor
    private let callback: (ProcessSignal) throws -> Void
    private var watch: WatchToken?

    /// Blocks `signals` in the calling thread and in those it starts from now on.
    ///
    /// To be called first thing in the program, before any other thread exists.
    public static func block(_ signals: [ProcessSignal]) {
        var set = mask(signals)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        guard clinux_is_main_thread() != 0 else { return }
        for signal in signals where (1..<64).contains(signal.rawValue) {
            blockedFromStart.bitwiseOr(1 << UInt64(signal.rawValue), ordering: .relaxed)
        }
    }

    /// Whether `signal` was blocked by the main thread through `block`, so that it waits for a
    /// receiver if it is sent to the process.
    ///
    /// The mask of the calling thread does not tell: threads of libdispatch, for one, block all.
    static func isBlocked(_ signal: ProcessSignal) -> Bool {
        blockedFromStart.load(ordering: .relaxed) & (1 << UInt64(signal.rawValue & 63)) != 0
    }

    /// Lets writes to a pipe without a reader fail instead of ending the process: SIGPIPE is
    /// ignored from now on, unless the program has arranged something for it itself.
    public static func ignoreBrokenPipes() {
        var present = sigaction()
        guard sigaction(SIGPIPE, nil, &present) == 0 else { return }
        // SIG_DFL is the null pointer.
        if present.__sigaction_handler.sa_handler == nil { _ = signal(SIGPIPE, SIG_IGN) }
    }

    /// Lets the exits of children be waited for: if SIGCHLD is ignored, as it is in a program that
    /// was started by one that ignored it, the kernel throws them away.
    static func keepChildExits() {
        var present = sigaction()
        guard sigaction(SIGCHLD, nil, &present) == 0 else { return }
        let handler = unsafeBitCast(present.__sigaction_handler.sa_handler, to: UInt.self)
        let isIgnored = handler == unsafeBitCast(SIG_IGN, to: UInt.self)
        guard isIgnored || present.sa_flags & Int32(SA_NOCLDWAIT) != 0 else { return }
        present.sa_flags &= ~Int32(SA_NOCLDWAIT)
        // SIG_DFL is the null pointer.
        if isIgnored { present.__sigaction_handler.sa_handler = nil }
        sigaction(SIGCHLD, &present, nil)
    }

    /// Calls `callback` on `loop` for each of `signals`, which must be blocked.
    ///
    /// Of several pending signals of one kind one arrives; each signal should have one receiver in
    /// the process. Delivery ends with `close` or with the loop, and when `callback` throws, if the
    /// loop's `failurePolicy` says so. `name` is what it is called in reports.
    ///
    /// - Throws: `SystemError` if no descriptor is left.
    public init(
        _ signals: [ProcessSignal], on loop: EventLoop,
        name: StaticString = #fileID, line: UInt32 = #line,
        _ callback: @escaping (ProcessSignal) throws -> Void
    ) throws(SystemError) {
        var set = Self.mask(signals)
        let number = signalfd(-1, &set, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK))
        guard number >= 0 else { throw SystemError("signalfd") }
        self.loop = loop
        self.callback = callback
        descriptor = Descriptor(owning: number)
        // The registration keeps this object alive until it is closed.
        let name = CallbackName(.signal, name, line: line)
        watch = try loop.watch(number, .read, name) { [self] _ in
            read()
            return .keep
        }
    }

    /// Ends the delivery; the signals stay blocked.
    public func close() {
        if let watch { loop.unwatch(watch) }
        watch = nil
    }

    private func read() {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        for _ in 0..<Self.turnLimit {
            // A callback may close this object.
            guard watch != nil, Glibc.read(descriptor.number, &info, size) == size else { return }
            do {
                try callback(ProcessSignal(rawValue: Int32(bitPattern: info.ssi_signo)))
            } catch {
                if loop.noteFailure(error) == .stop { close() }
            }
        }
    }

    private static func mask(_ signals: [ProcessSignal]) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal.rawValue) }
        return set
    }
}
