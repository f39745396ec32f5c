// CertificateKeeper: keeps the certificates and ticket keys of all listeners fresh while connections
// come and go.
//
//     HUP, changed files, a staple that ends → worker reads all files → every loop swaps → the log
//     every `ticket_rotation`                → new key               → every loop swaps
//
// New connections get the new context; those that are open keep the one they began with. Files that
// do not work change nothing but the log.

internal import Glibc
internal import HTTP
internal import Logging
internal import Notifier
internal import TLS

/// Reloads certificates and rotates ticket keys.
///
/// Loop-confined, to the control loop.
final class CertificateKeeper {
    private let listeners: [CertificateFiles]
    private let paths: [String]
    private let loops: [LoopAddress]
    private let control: GatewayLoop
    private let workers: WorkerPool
    private var keys: TLSTicketKeys
    /// The files as they were before they were last read.
    private var marks: [FileMark]
    /// The files as they were at the last look, if they had changed.
    private var fresh: [FileMark]?
    private var stapleEnd: Int64?
    private var isReading = false
    private var isLooking = false
    private var waiting: [(String?) -> Void] = []

    /// Makes a keeper for the listeners of `settings`; nil if none of them has certificates.
    ///
    /// - Parameters:
    ///   - keys: what the contexts of the loops were made with.
    ///   - marks: the files as they were before they were first read.
    /// - Throws: `SystemError` if the process has no descriptor left.
    init?(
        _ settings: Settings, loops: [LoopAddress], control: GatewayLoop, keys: TLSTicketKeys,
        marks: [FileMark], stapleEnd: Int64?
    ) throws(SystemError) {
        listeners = CertificateFiles.all(of: settings)
        guard !listeners.isEmpty else { return nil }
        paths = Self.paths(of: settings)
        self.loops = loops
        self.control = control
        self.keys = keys
        self.marks = marks
        self.stapleEnd = stapleEnd
        workers = try WorkerPool(threads: 1, queueLimit: 4, name: "certificates")
        let upkeep = settings.tls
        control.loop.addTimer(every: upkeep.ticketRotation) { [unowned self] in
            rotateKeys()
            return .keep
        }
        guard upkeep.watchInterval > .zero else { return }
        control.loop.addTimer(every: upkeep.watchInterval) { [unowned self] in
            look()
            return .keep
        }
    }

    /// The paths of all certificate files of `settings`.
    static func paths(of settings: Settings) -> [String] {
        CertificateFiles.all(of: settings).flatMap(\.paths)
    }

    // MARK: Reloading

    /// Reads all files again; calls `done` when every loop uses what was found, and the log says so,
    /// with what kept one of the listeners from getting its files.
    func reload(_ done: @escaping (_ fault: String?) -> Void = { _ in }) {
        waiting.append(done)
        if !isReading { read() }
    }

    private func read() {
        isReading = true
        let finished = waiting
        waiting = []
        let (listeners, paths, loops, keys) = (listeners, paths, loops, keys)
        do throws(WorkerError) {
            try workers.run(on: control.loop) { _ in
                // Looked at first: what changes while it is read counts as changed afterwards.
                (
                    marks: FileMark.look(at: paths),
                    readings: listeners.map { $0.read(for: loops, keys: keys) }
                )
            } then: { [unowned self] result in
                // The work itself throws nothing.
                guard case .success(let (marks, readings)) = result else { return }
                self.marks = marks
                install(readings) { [unowned self] in
                    ended(finished, readings.lazy.compactMap(\.fault).first)
                }
            }
        } catch {
            control.log(.error, "certificates not reloaded: \(error)")
            ended(finished, "certificates: \(error)")
        }
    }

    private func ended(_ finished: [(String?) -> Void], _ fault: String?) {
        isReading = false
        for done in finished { done(fault) }
        // A reload that was asked for meanwhile may know of files that this one did not see.
        if !waiting.isEmpty { read() }
    }

    private func install(_ readings: [CertificateReading], _ done: @escaping () -> Void) {
        stapleEnd = readings.compactMap(\.stapleEnd).min()
        var missing = loops.count
        let answer = LoopBound(
            { [unowned self] in
                missing -= 1
                guard missing == 0 else { return }
                report(readings)
                done()
            }, control.loop.handle)
        let home = loops[0]
        // A rotation may have come between.
        let keys = keys
        for (index, loop) in loops.enumerated() {
            loop.post { part in
                for reading in readings {
                    guard case .success(let contexts) = reading.outcome else { continue }
                    let context = contexts[index].value
                    context.replaceTicketKeys(keys)
                    part.tlsSources[reading.source.listener]?.context = context
                }
                home.post { _ in answer.value() }
            }
        }
    }

    private func report(_ readings: [CertificateReading]) {
        for reading in readings {
            let url = reading.source.url
            for warning in reading.warnings { control.log(.warning, "\(url): \(warning)") }
            switch reading.outcome {
            case .success:
                control.log(.info, "\(url): certificates reloaded: \(reading.summary)")
            case .failure(let error):
                control.log(
                    .error, "\(url): certificates not reloaded, the old ones stay: \(error)")
            }
        }
    }

    // MARK: Watching

    /// Looks whether files have changed, and reads them when they have and keep still.
    private func look() {
        if let end = stapleEnd, end <= Int64(time(nil)) {
            stapleEnd = nil
            reload()
        }
        guard !isReading, !isLooking else { return }
        isLooking = true
        let paths = paths
        do throws(WorkerError) {
            try workers.run(on: control.loop) { _ in
                FileMark.look(at: paths)
            } then: { [unowned self] result in
                isLooking = false
                if case .success(let marks) = result { looked(marks) }
            }
        } catch {
            // The next look comes soon.
            isLooking = false
        }
    }

    private func looked(_ present: [FileMark]) {
        guard !isReading else { return }
        guard present != marks else {
            fresh = nil
            return
        }
        // Certificate and key are replaced one after the other: they are read when a look has found
        // them as the one before did.
        guard present == fresh else {
            fresh = present
            return
        }
        fresh = nil
        reload()
    }

    // MARK: Ticket keys

    /// Seals tickets with a new key on all loops; those under the present one stay good until the
    /// next rotation.
    private func rotateKeys() {
        let keys = keys.rotated()
        self.keys = keys
        for loop in loops {
            loop.post { part in
                for source in part.tlsSources.values { source.context.replaceTicketKeys(keys) }
            }
        }
        control.log(.debug, "ticket keys rotated")
    }
}
