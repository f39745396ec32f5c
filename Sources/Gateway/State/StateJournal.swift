// StateJournal: what is to be stored, on its way to the disk. One batch is written at a time; what
// comes meanwhile makes the next one, so that many emissions share one commit.
//
//     hub ──add──→ waiting ──→ numbers ──→ worker: one transaction ──→ hub publishes, emitters are answered
//
// An event that cannot be stored is never published, and its emitter is told. Timers and events that
// are gone are tried again.

internal import Bytes
internal import Notifier

/// Brings changes to the disk and says when they are there.
///
/// Loop-confined, on the control loop.
final class StateJournal {
    /// Events and their bytes that may wait for the disk; more are refused: five seconds of a slow
    /// disk at a rate that a fast one keeps up with.
    static let eventLimit = 10_000
    static let byteLimit = 32 << 20

    /// Numbers reserved ahead: events of signals that are not stored use them up as well.
    static let reserveAhead: UInt64 = 1 << 20

    /// Longest time that the last run of a timer waits for a commit of its own.
    static let lazyDelay = Duration.seconds(1)

    /// Pause before what failed is tried again.
    static let retryDelay = Duration.seconds(2)

    /// Time without a failure after which a full disk counts as recovered although nothing as large
    /// as what did not fit has come: small batches fit where large ones do not, and whoever is told
    /// of each would hear of nothing else.
    static let calmDelay = Duration.seconds(60)

    /// Gives the first number of the events of a batch that is about to be written.
    var numberBatch: () -> UInt64 = { 0 }

    /// Called when these emissions are stored, in order.
    var onStored: ([(held: HeldEmission, event: SignalEvent)]) -> Void = { _ in }

    /// Called when these emissions could not be stored.
    var onLost: ([HeldEmission], StateError) -> Void = { _, _ in }

    /// Called when writing begins to fail, and with nil when it works again.
    var onTrouble: (StateError?) -> Void = { _ in }

    /// Since when writing fails, in nanoseconds since 1970, and why; nil while it works.
    private(set) var trouble: (sinceWallNanos: Int64, reason: String)?

    /// Commits so far, and those that failed.
    private(set) var commitCount: UInt64 = 0
    private(set) var failureCount: UInt64 = 0

    /// Events that wait for the disk.
    var pendingCount: Int { held.count + flyingHeld.count }

    /// Events stored so far; divided by the commits it tells how many share one.
    private(set) var storedCount: UInt64 = 0

    private let loop: EventLoop
    private let pool: WorkerPool
    private let store: StateStore
    private var batch = StateBatch()
    private var held: [HeldEmission] = []
    private var heldBytes = 0
    private var waiters: [(StateError?) -> Void] = []
    private var flying = StateBatch()
    private var flyingHeld: [HeldEmission] = []
    private var isFlying = false
    private var flyingBytes = 0
    private var flyingWaiters: [(StateError?) -> Void] = []
    private var reserved: UInt64
    private var lazyToken: TimerToken?
    private var retryToken: TimerToken?

    /// Bytes of the largest batch that did not fit since writing fails.
    private var unfitBytes = 0

    /// When a batch of any size says that writing works again.
    private var calmMoment: UInt64 = 0

    private var flusher: Flusher?

    /// Makes a journal; numbers up to `reserved` may be given.
    init(loop: EventLoop, store: StateStore, reserved: UInt64) throws(SystemError) {
        self.loop = loop
        self.store = store
        self.reserved = reserved
        pool = try WorkerPool(threads: 1, queueLimit: 4, name: "state")
        flusher = loop.addFlusher(onDemand: true) { [weak self] in self?.start() }
    }

    // MARK: Taking

    /// Why an event with so many bytes cannot be taken; nil if it can.
    func refusal(_ byteCount: Int) -> String? {
        pendingCount < Self.eventLimit && heldBytes + flyingBytes + byteCount <= Self.byteLimit
            ? nil : "too many signals wait for the disk"
    }

    /// Takes an emission to be stored.
    ///
    /// Nothing is written before the end of the turn, so that all that comes in it shares a commit.
    func add(_ emission: HeldEmission) {
        held.append(emission)
        heldBytes += emission.byteCount
        startSoon()
    }

    /// Notes that the history has let go of a stored event.
    func drop(_ event: SignalEvent) {
        batch.dropped.append((event.sequence, event.name))
        startLazily()
    }

    /// Notes what a timer is now, nil if it is gone; a lazy note waits for company.
    func note(_ id: String, _ timer: StoredTimer?, isLazy: Bool) {
        batch.timers[id] = .some(timer)
        if isLazy { startLazily() } else { startSoon() }
    }

    /// Sees to it that numbers beyond `sequence` are reserved before they are used up.
    func reserve(_ sequence: UInt64) {
        guard sequence &+ Self.reserveAhead / 2 > reserved else { return }
        reserved = sequence &+ Self.reserveAhead
        batch.reserved = reserved
        startSoon()
    }

    /// Calls `done` when everything taken so far is stored, or with the error.
    func barrier(_ done: @escaping (StateError?) -> Void) {
        if !batch.isEmpty || !held.isEmpty {
            waiters.append(done)
            startSoon()
        } else if isFlying {
            flyingWaiters.append(done)
        } else {
            done(nil)
        }
    }

    // MARK: Writing

    private func startLazily() {
        guard lazyToken == nil else { return }
        lazyToken = loop.addTimer(after: Self.lazyDelay) { [unowned self] in
            lazyToken = nil
            startSoon()
        }
    }

    private var hasWork: Bool { !batch.isEmpty || !held.isEmpty || !waiters.isEmpty }

    /// Writes what waits when the turn ends, unless a batch is on its way: then that follows it.
    private func startSoon() {
        guard !isFlying, hasWork else { return }
        if let flusher { loop.flushSoon(flusher) }
    }

    private func start() {
        guard !isFlying, hasWork else { return }
        isFlying = true
        flyingHeld = held
        flyingBytes = heldBytes
        held = []
        heldBytes = 0
        flyingWaiters = waiters
        waiters = []
        if !flyingHeld.isEmpty {
            let first = numberBatch()
            batch.events = flyingHeld.enumerated().map { $1.event(first &+ UInt64($0)) }
            reserve(first &+ UInt64(flyingHeld.count))
        }
        flying = batch
        batch = StateBatch()
        let written = flying
        do throws(WorkerError) {
            try pool.run(on: loop) { [store] _ in
                try store.write(written)
            } then: { [weak self] result in
                self?.finish(result)
            }
        } catch {
            finish(.failure(error))
        }
    }

    private func finish(_ result: Result<Void, any Error>) {
        let waiting = flyingWaiters
        let emissions = flyingHeld
        let events = flying.events
        flyingWaiters = []
        switch result {
        case .success:
            commitCount &+= 1
            storedCount &+= UInt64(events.count)
            if trouble != nil { recover(flyingBytes) }
            clearFlying()
            if !events.isEmpty {
                onStored(zip(emissions, events).map { (held: $0, event: $1) })
            }
            for done in waiting { done(nil) }
        case .failure(let error):
            let reason =
                error as? StateError ?? .failed(path: store.path, reason: "\(error)")
            failureCount &+= 1
            keepForLater()
            fail(reason, flyingBytes)
            clearFlying()
            if !emissions.isEmpty { onLost(emissions, reason) }
            for done in waiting { done(reason) }
            retryLater()
            return
        }
        startSoon()
    }

    /// Notes that a batch with so many bytes of events could not be stored.
    private func fail(_ reason: StateError, _ byteCount: Int) {
        let isNews = trouble == nil
        trouble = (trouble?.sinceWallNanos ?? loop.clock.wallNanos(), reason.description)
        if reason.dependsOnSize { unfitBytes = max(unfitBytes, byteCount) }
        calmMoment = loop.clock.monotonicNanos() &+ UInt64(Self.calmDelay.nanoseconds)
        if isNews { onTrouble(reason) }
    }

    /// Ends the trouble if a batch with so many bytes of events says that it is over.
    private func recover(_ byteCount: Int) {
        guard byteCount >= unfitBytes || isCalm else { return }
        trouble = nil
        unfitBytes = 0
        onTrouble(nil)
    }

    private var isCalm: Bool { loop.clock.monotonicNanos() >= calmMoment }

    /// Tries again, and goes on trying while there is trouble, as nobody may emit anything until
    /// it is over.
    private func retryLater() {
        guard retryToken == nil else { return }
        retryToken = loop.addTimer(after: Self.retryDelay) { [weak self] in
            guard let self else { return }
            retryToken = nil
            guard trouble != nil else { return }
            // The smallest batch there is: it tells whether anything can be written.
            if !hasWork, unfitBytes == 0 || isCalm { batch.reserved = reserved }
            startSoon()
            retryLater()
        }
    }

    private func clearFlying() {
        flying = StateBatch()
        flyingHeld = []
        flyingBytes = 0
        isFlying = false
    }

    /// Keeps what failed and nobody waits for: newer notes of the same timer win.
    private func keepForLater() {
        batch.timers = flying.timers.merging(batch.timers) { _, newer in newer }
        batch.reserved = batch.reserved ?? flying.reserved
        // Bounded: the history has no more of them than it had events; what is forgotten here is
        // let go again after the next start.
        if batch.dropped.count < Self.eventLimit { batch.dropped = flying.dropped + batch.dropped }
    }

    /// Writes what waits, then closes the file and calls `done`; `newest` is the last number given.
    func close(newest: UInt64, _ done: @escaping () -> Void) {
        batch.reserved = newest
        barrier { [self] _ in
            pool.stop()
            store.close()
            done()
        }
    }
}
