// EventLoop+Dispatchers: what runs at the end of a turn: dispatchers, idle sweeps, flushers.

extension EventLoop {
    /// Runs `action` at the end of every turn until it returns `.stop`.
    ///
    /// - Parameters:
    ///   - keepsAwake: the loop then sleeps at most 100 ms.
    ///   - name: of the function in reports; by default where it was added.
    ///   - line: goes with the default of `name`.
    ///   - action: may throw; what then happens is the loop's `failurePolicy`.
    @discardableResult
    public func addDispatcher(
        keepsAwake: Bool = true, name: StaticString = #fileID, line: UInt32 = #line,
        _ action: @escaping () throws -> Disposition
    ) -> DispatcherToken {
        dispatchers.add(
            keepsAwake: keepsAwake, CallbackName(.dispatcher, name, line: line), action)
    }

    /// Removes a dispatcher; returns whether there was one.
    @discardableResult
    public func removeDispatcher(_ token: DispatcherToken) -> Bool {
        dispatchers.remove(token)
    }

    /// Lets the loop drive `sweep`; `name` is what it is called in reports.
    public func addIdleSweep(
        _ sweep: IdleSweep, name: StaticString = #fileID, line: UInt32 = #line
    ) {
        sweepTime.words.pointee.setTime(now)
        sweep.join(sweepTime)
        sweeps.append((sweep, CallbackName(.sweep, name, line: line)))
    }

    /// Calls `flush` last in every turn, when all callbacks have been heard.
    ///
    /// Output that they queued leaves there, with one write per connection. Flushers run in the
    /// order in which they were added.
    ///
    /// - Parameters:
    ///   - onDemand: it runs only in turns in which `flushSoon` has named it.
    ///   - name: of the function in reports; by default where it was added.
    ///   - line: goes with the default of `name`.
    ///   - flush: the function.
    @discardableResult
    public func addFlusher(
        onDemand: Bool = false, name: StaticString = #fileID, line: UInt32 = #line,
        _ flush: @escaping () -> Void
    ) -> Flusher {
        let flusher = Flusher(
            flush, CallbackName(.flusher, name, line: line), onDemand: onDemand)
        flushers.append(Unmanaged.passRetained(flusher))
        return flusher
    }

    /// Makes sure that the flushers run before the loop sleeps again.
    ///
    /// To be called whenever output is queued for one. It matters when that happens outside of a
    /// turn, before a nested step, or in a flusher, after the queue's own flusher has run.
    @inline(__always)
    public func flushSoon() {
        wantsFlush = true
    }

    /// Makes sure that `flusher` runs before the loop sleeps again, at the latest in the next turn.
    @inline(__always)
    public func flushSoon(_ flusher: Flusher) {
        guard !flusher.isDue else { return }
        flusher.isDue = true
        dueFlusherCount &+= 1
    }

    /// Whether the flushers must run before the loop sleeps.
    @inline(__always)
    var hasToFlush: Bool { wantsFlush || dueFlusherCount > 0 }
}

/// A function that runs last in every turn, or in those for which it was asked.
///
/// Loop-confined.
public final class Flusher {
    let flush: () -> Void
    let name: CallbackName
    let isOnDemand: Bool
    /// It runs when its turn comes.
    @exclusivity(unchecked) var isDue: Bool

    init(_ flush: @escaping () -> Void, _ name: CallbackName, onDemand: Bool) {
        self.flush = flush
        self.name = name
        isOnDemand = onDemand
        isDue = !onDemand
    }
}

// MARK: - The end of a turn

extension EventLoop {
    @inline(__always)
    func runSweeps() {
        if sweepTime.words.pointee.isDue { runDueSweeps() }
    }

    private func runDueSweeps() {
        sweepTime.words.pointee.earliest = .max
        for entry in sweeps {
            if entry.sweep.isDue {
                begin(entry.name)
                entry.sweep.sweep()
            }
            sweepTime.words.pointee.lower(to: entry.sweep.nextSweep)
        }
    }

    func runDispatchers() {
        for entry in dispatchers.entries {
            guard let action = entry.action, !entry.isRunning else { continue }
            entry.isRunning = true
            begin(entry.name)
            let disposition: Disposition
            do { disposition = try action() } catch { disposition = noteFailure(error) }
            entry.isRunning = false
            if disposition == .stop { dispatchers.remove(DispatcherToken(number: entry.number)) }
        }
    }

    @inline(__always)
    func runFlushers() {
        wantsFlush = false
        var index = 0
        while index < flushers.count {
            // SAFETY: flushers are never removed, and the loop is not closed by a callback.
            flushers[index]._withUnsafeGuaranteedRef { flusher in
                guard flusher.isDue else { return }
                if flusher.isOnDemand {
                    flusher.isDue = false
                    dueFlusherCount &-= 1
                }
                resume(flusher.name)
                flusher.flush()
            }
            index &+= 1
        }
    }
}
