// SourceTable: the sources of the configuration, opened and closed together. They live on the
// control loop, where signals get their order anyway.

internal import Bytes
internal import HTTP
internal import Logging
internal import Notifier

/// The open sources.
///
/// Loop-confined, on the control loop.
final class SourceTable {
    private var intakes: [SourceIntake] = []
    private var closers: [() -> Void] = []
    private var pool: WorkerPool?

    /// Writes a line to the log.
    var log: (Logger.Level, String) -> Void = { _, _ in }

    /// A table without sources.
    init() {}

    /// Opens `sources`; `emit` is called with each signal.
    ///
    /// - Throws: `SystemError` naming the first that cannot be opened, and its address.
    func open(
        _ sources: [Settings.Source], loop: EventLoop, _ limits: SourceIntake.Limits,
        emit: @escaping (Payload, Payload, @escaping (Emission) -> Void) -> Void
    ) throws(SystemError) {
        for settings in sources {
            let intake = SourceIntake(settings, loop: loop, limits)
            intake.emit = emit
            intake.log = { [unowned self] level, line in log(level, line) }
            do throws(SystemError) {
                try open(intake, loop)
            } catch {
                throw SystemError(
                    error.call, error.code, subject: "\(error.subject) for source \(settings.name)")
            }
            intakes.append(intake)
        }
    }

    private func open(_ intake: SourceIntake, _ loop: EventLoop) throws(SystemError) {
        switch intake.settings.kind {
        case .udp(let host, let port):
            let source = try DatagramSource(intake, host: host, port: port, loop: loop)
            intake.state = { source.state }
            closers.append { source.close() }
        case .tcp(let host, let port):
            let source = try StreamSource(
                intake, .tcp(host: host, port: UInt16(clamping: port)), loop: loop)
            intake.state = { source.state }
            closers.append { source.close() }
        case .unix(let path):
            let source = try StreamSource(intake, .unix(path: path), loop: loop)
            intake.state = { source.state }
            closers.append { source.close() }
        case .file(let path):
            intake.address = path
            let source = FileSource(intake, path: path, loop: loop, pool: try readers())
            intake.state = { source.state }
            intake.reason = { source.reason }
            closers.append { source.close() }
        }
    }

    /// The thread that reads files.
    private func readers() throws(SystemError) -> WorkerPool {
        if let pool { return pool }
        let fresh = try WorkerPool(threads: 1, queueLimit: 256, name: "tail")
        pool = fresh
        return fresh
    }

    /// Closes all of them.
    func close() {
        for close in closers { close() }
        closers = []
        for intake in intakes { intake.finish() }
        pool?.stop()
        pool = nil
    }

    /// All of them, in the order of the configuration.
    var all: [SourceIntake] { intakes }

    /// What each has done, by name.
    var counts: [(name: String, counts: SourceCounts)] {
        intakes.map { ($0.settings.name, $0.counts) }
    }
}
